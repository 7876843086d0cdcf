# SPDX-License-Identifier: MIT
"""Fills the rings of pages many times, with reboots, changes of config, and a laptop that pulls for
a while; tells the flash after each round.
"""

import gc

import faststart  # noqa: F401
from faketime import time
from nor import Flash
from writer import EACH, FEW, FIRST, MANY, NEVER, SECOND, Writer, tell

BLOCKS = 8
LOG = 4  # pages of it
REGIMES = (FEW, NEVER, EACH, MANY)


def main(seed, rounds):
    gc.threshold(1 << 22)  # else what a round keeps lies all over the heap, and no report fits
    flash = Flash(BLOCKS)
    for turn in range(rounds):
        setup = SECOND if turn % 7 in (3, 4) else FIRST
        writer = Writer(flash, setup, time, seed + turn, REGIMES[turn % len(REGIMES)])
        writer.start(epoch=seed)
        pulls = rounds // 2 <= turn < rounds * 3 // 4
        first = writer.log.seq
        lost = writer.log.lost
        while writer.log.seq < first + LOG:
            writer.run(9, lambda i, number=writer.log.number: (number + i) % 4)
            if pulls:
                writer.log.pulled = writer.log.number
        writer.prepare_config()
        writer.stop()
        event = {
            "round": turn,
            "pulls": pulls,
            "acks": writer.acks(),
            "erases": list(flash.erases),
            "lost": writer.log.lost,
            "lost_here": writer.log.lost - lost,
            "start": writer.begun,
            "totals": writer.log.totals,
        }
        tell(event, flash.image)

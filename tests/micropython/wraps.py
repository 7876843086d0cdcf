# SPDX-License-Identifier: MIT
"""Fills the ring of pages many times, with reboots, changes of config, and a laptop that pulls for
a while; tells the flash after each round.
"""

from faketime import time
from nor import Flash
from writer import FIRST, SECOND, Writer, tell

BLOCKS = 6


def main(seed, rounds):
    flash = Flash(BLOCKS)
    for turn in range(rounds):
        setup = SECOND if turn % 7 in (3, 4) else FIRST
        writer = Writer(flash, setup, time, seed + turn)
        writer.start(epoch=seed)
        first = writer.log.seq
        while writer.log.seq < first + BLOCKS:
            writer.sample(9)
            writer.commit()
            if writer.log.number % 4:
                writer.log.erase_ahead()
            if rounds // 2 <= turn < rounds * 3 // 4:
                writer.log.pulled = writer.log.number
        writer.prepare_config()
        writer.stop()
        event = {
            "round": turn,
            "pulls": rounds // 2 <= turn < rounds * 3 // 4,
            "acks": [[n, writer.acks[n]] for n in sorted(writer.acks)],
            "erases": list(flash.erases),
            "lost": writer.log.lost,
        }
        tell(event, flash.image)

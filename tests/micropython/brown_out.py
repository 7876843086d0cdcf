# SPDX-License-Identifier: MIT
"""Boots that die: a supply that breaks down after the k-th flash operation of a start, or after a
sample that nobody acknowledged, 50 times for each k. No record may be lost, erases stay bounded (at
most one a start, none of the state), and so do the pages that such starts take.
"""

import json

import faststart  # noqa: F401
from faketime import time
from nor import SHAPES, Flash
from writer import FEW, FIRST, MANY, SECOND, Writer

TIMES = 50
OPERATIONS = 16  # k is below this, whether a start comes so far or not
BLOCKS = 24
ERASES_A_START = 1


class PowerCut(BaseException):
    """Nothing in the node catches this."""


def _dying(flash, setup, after, seed):
    """The flash as a start leaves it that dies at this operation, or behind its first sample; and
    whether it came to that operation.
    """
    left = [after]
    torn = []

    def watch(kind, block, offset, data):
        if left[0] == 0:
            torn.append(flash.torn(kind, block, offset, data, SHAPES[seed % len(SHAPES)], seed))
            torn[0].erased = flash.erased + ([block] if kind == "erase" else [])
            raise PowerCut
        left[0] -= 1

    flash.watch = watch
    try:
        writer = Writer(flash, setup, time, seed, MANY)
        writer.start(epoch=7)
        writer.sample()
        writer.work(100)
    except PowerCut:
        return torn[0], True
    finally:
        flash.watch = None
    return flash, False


def main(seed, records):
    """`seed` even: the run before ended in order; else its journal holds records, too. A third of
    the seeds starts under another config.
    """
    flash = Flash(BLOCKS)
    writer = Writer(flash, FIRST, time, seed, FEW)
    writer.start(epoch=7)
    writer.run(records)
    if seed % 2 == 0:
        writer.stop()
    before = writer.keeper.number(), writer.log.epoch
    totals = dict(writer.log.totals) if seed % 2 == 0 else None
    page, oldest = writer.log.seq, writer.log.oldest_number()
    setup = SECOND if seed % 3 == 0 else FIRST
    image = bytes(flash.image)
    told = {"starts": 0, "operations": 0, "most_erases": 0, "pages": 0, "pushed_out": 0}
    for k in range(OPERATIONS):
        flash = Flash(BLOCKS, image)
        for i in range(TIMES):
            flash.erased = []
            flash, died = _dying(flash, setup, k, seed * 977 + k * 61 + i)
            told["operations"] = max(told["operations"], k + 1 if died else 0)
            told["most_erases"] = max(told["most_erases"], len(flash.erased))
            told["starts"] += 1
        after = Writer(flash, setup, time, seed)
        after.start(epoch=7)
        after.sample()
        after.stop()
        assert after.noted, "nothing says that it started"
        assert after.begun >= before[0]
        assert after.log.epoch == before[1]
        if totals is not None:
            assert all(after.totals_at_start.get(name) == n for name, n in totals.items())
        told["pages"] = max(told["pages"], after.log.seq - page)
        told["pushed_out"] = max(told["pushed_out"], after.log.oldest_number() - oldest)
    print(json.dumps(told))

# SPDX-License-Identifier: MIT
"""Lets every page of a log go bad in every way, before the log begins and while it is written.

Before each erase and at the fault the flash is told (as in power_cuts.py), so that the oracle knows
what may be missing: the records of that page.
"""

from faketime import time
from nor import FAULTS, Flash
from writer import FIRST, Writer, tell

BLOCKS = 5
BATCH = 5


def main(seed, records):
    for block in range(BLOCKS):
        for fault in FAULTS:
            for at in (0, records // 3, records // 2):
                _run(seed, records, block, fault, at)


def _run(seed, records, block, fault, at):
    flash = Flash(BLOCKS)
    tell({"begin": [block, fault, at]}, flash.image)
    writers = [Writer(flash, FIRST, time, seed)]

    def watch(kind, where, offset, data):
        if kind == "erase":
            writers[-1].settle()
            tell({"gone": where}, flash.image)

    flash.watch = watch
    writers[-1].start()
    for done in range(0, records, BATCH):
        if done == at // BATCH * BATCH:
            flash.faults[block] = fault
            tell({"gone": block}, flash.image)
        if done == records * 3 // 4 // BATCH * BATCH:
            writers.append(Writer(flash, FIRST, time, seed + 1))  # a power cut between operations
            writers[-1].start()
        writers[-1].sample(BATCH)
        writers[-1].commit()
        if done % 3:
            writers[-1].log.erase_ahead()
    writers[-1].stop()
    acks = [[n, w.acks[n]] for w in writers for n in sorted(w.acks)]
    bad = sum(w.log.bad_pages() for w in writers)
    tell({"end": [block, fault, at], "acks": acks, "bad_pages": bad}, flash.image)


def refuse_all(seed):
    """No page can be written for a while: commits fail, and nothing is lost by that."""
    flash = Flash(BLOCKS)
    writer = Writer(flash, FIRST, time, seed)
    writer.start()
    writer.sample(40)
    writer.commit()
    refused = 0
    for fault in FAULTS:
        for block in range(BLOCKS):
            flash.faults[block] = fault
        writer.sample(1)
        for _ in range(3):
            try:
                writer.log.erase_ahead()
                writer.commit()
            except OSError:
                refused += 1
    flash.faults = {}
    writer.commit()
    writer.stop()
    acks = [[n, writer.acks[n]] for n in sorted(writer.acks)]
    tell({"end": "all", "acks": acks, "refused": refused, "left": writer.ring.count}, flash.image)

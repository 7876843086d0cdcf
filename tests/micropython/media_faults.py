# SPDX-License-Identifier: MIT
"""Lets every page of journal and log go bad in every way, before the log begins and while it is
written.

Before each erase and at the fault the flash is told (as in power_cuts.py), so that the oracle knows
what may be missing: the records of that page.
"""

import faststart  # noqa: F401
from faketime import time
from nor import BLOCK, FAULTS, Flash, Random
from writer import EACH, FEW, FIRST, MANY, NEVER, Writer, tell

from tirta_node.storage import next_page

BLOCKS = 9  # a journal of 4 pages and a log of 5
REGIMES = (FEW, NEVER, EACH, MANY)


def main(seed, records):
    moments = 0, records // 3, records // 2
    for block in range(BLOCKS):
        for i, fault in enumerate(FAULTS):
            turn = block * len(FAULTS) + i
            regime = REGIMES[turn // len(moments) % len(REGIMES)]
            _run(seed, records, block, fault, moments[turn % len(moments)], regime)


def _run(seed, records, block, fault, at, regime):
    flash = Flash(BLOCKS)
    tell({"begin": [block, fault, at, regime]}, flash.image)
    writers = [Writer(flash, FIRST, time, seed, regime)]
    _watch(flash)
    _start(writers[-1])
    for done in range(records):
        if done == at:
            flash.faults[block] = fault
            tell({"gone": block}, flash.image)
        if done == records * 3 // 4:
            writers[-1].commit()
            writers.append(Writer(flash, FIRST, time, seed + 1, regime))  # a power cut in between
            _start(writers[-1])
        writers[-1].run(1, lambda _, done=done: done % 3)
    writers[-1].stop()
    acks = [ack for writer in writers for ack in writer.acks()]
    keepers = [writer.keeper for writer in writers]
    bad = sum(each.log.ring.bad_pages + each.journal.ring.bad_pages for each in keepers)
    event = {"end": [block, fault, at, regime], "acks": acks, "bad_pages": bad}
    event["lost"] = writers[-1].log.lost
    tell(event, flash.image)


def _start(writer):
    """As the application does, which repeats a start that was put off: once is enough."""
    try:
        writer.start()
    except OSError as error:
        writer.keeper.fail(error)
        time.sleep_ms(1000)
        writer.start()


def _watch(flash):
    def watch(kind, where, offset, data):
        if kind == "erase":
            tell({"gone": where}, flash.image)

    flash.watch = watch


def ignored(seed, records, odds):
    """One program in `odds` is ignored; reading back finds it. What is acknowledged stays."""
    flash = Flash(BLOCKS)
    random = Random(seed)
    writer = Writer(flash, FIRST, time, seed, REGIMES[seed % len(REGIMES)])
    times = [0]

    def watch(kind, block, offset, data):
        if kind == "erase":
            tell({"gone": block}, flash.image)
        flash.faults = {}
        if kind == "program" and random.next() % odds == 0:
            flash.faults = {block: "program-ignored"}
            times[0] += 1

    flash.watch = watch
    writer.start()
    writer.run(records)
    flash.watch = None
    flash.faults = {}
    writer.stop()
    tell({"acks": writer.acks(), "ignored": times[0]}, flash.image)


def copies(records):
    """A config that lies in a page three times, as cuts among its copies leave it; until the ring
    has come round.
    """
    flash = Flash(BLOCKS)
    writer = Writer(flash, FIRST, time, 1, MANY)
    writer.start()
    for _ in range(2):
        time.sleep_ms(1000)
        next_page.note_config(writer.log, FIRST.text)
    writer.run(records)
    writer.stop()
    tell({"pages": writer.log.seq}, flash.image)


def out_of_order(seed, records, every):
    """A flash that kept a program back while it did the next: at the cut the younger one is there
    and the older one is not, although it read back. At every `every`-th program.
    """
    flash = Flash(BLOCKS)
    writer = Writer(flash, FIRST, time, seed, REGIMES[seed % len(REGIMES)])
    older = []  # [block, image before it] of the last operation, if it was a program

    def watch(kind, block, offset, data):
        if kind == "program" and older and flash.operations % every == 0:
            where, image = older.pop()
            at = where * BLOCK
            hurt = Flash(BLOCKS, flash.image)
            hurt.image[at : at + BLOCK] = image
            hurt._clear(block * BLOCK + offset, bytes(data))
            tell({"intact": flash.operations}, flash.image)
            _restart(hurt, seed + flash.operations, where, writer, flash)
        older.clear()
        if kind == "program":
            at = block * BLOCK
            older.append([block, bytes(flash.image[at : at + BLOCK])])

    flash.watch = watch
    writer.start()
    writer.run(records)


def _restart(hurt, seed, where, writer, flash):
    before = time.now_ms
    again = Writer(hurt, FIRST, time, seed, EACH)
    again.start(epoch=7)
    again.run(5)
    again.stop()
    time.now_ms = before
    samples = writer.samples
    event = {"page": where, "samples": samples, "acked": writer.acked(), "start": again.begun}
    event["acks"] = again.acks()
    event["erased"] = hurt.erased
    tell(event, hurt.image)


def refuse_all(seed):
    """No page can be written for a while: commits fail, and nothing is lost by that."""
    flash = Flash(BLOCKS)
    writer = Writer(flash, FIRST, time, seed, EACH)
    writer.start()
    writer.run(40)
    refused = 0
    for fault in FAULTS:
        for block in range(BLOCKS):
            flash.faults[block] = fault
        for _ in range(3):
            writer.run(1)
            time.sleep_ms(61000)  # it tries again a minute later
            refused += bool(writer.keeper.problem)
    flash.faults = {}
    problem = writer.keeper.problem
    writer.run(1)
    writer.stop()
    event = {"end": "all", "acks": writer.acks(), "refused": refused, "problem": problem}
    event["left"] = writer.ring.count()
    tell(event, flash.image)


def journal_dies(seed, records):
    """No page of the journal can be written: each commit goes to the log."""
    flash = Flash(BLOCKS)
    for block in range(4):
        flash.faults[block] = FAULTS[block % len(FAULTS)]
    writer = Writer(flash, FIRST, time, seed, EACH)
    writer.start()
    waited = 0
    for _ in range(records):
        writer.run(1)
        waited = max(waited, len(writer.pending()))
    event = {"acks": writer.acks(), "waited": waited, "problem": writer.keeper.problem}
    tell(event, flash.image)


def log_dies(seed):
    """No page of the log can be written: what the ring still holds is in the journal."""
    flash = Flash(BLOCKS)
    writer = Writer(flash, FIRST, time, seed, EACH)
    writer.start()
    writer.run(20)
    for block in range(4, BLOCKS):
        flash.faults[block] = "program-error"
    writer.run(writer.ring.capacity + 9)
    told = writer.acks()
    refused = writer.ring.refused
    flash.faults = {}
    again = Writer(flash, FIRST, time, seed, EACH)
    again.start()
    again.stop()
    tell(
        {"acks": told, "refused": refused, "start": again.begun, "capacity": writer.ring.capacity},
        flash.image,
    )


def flips(seed, trials):
    """1 to 40 bits flip anywhere between two boots, again and again from the same flash."""
    flash = Flash(BLOCKS)
    random = Random(seed)
    for turn in range(3):
        writer = Writer(flash, FIRST, time, seed + turn, REGIMES[(seed + turn) % len(REGIMES)])
        writer.start(epoch=seed)
        writer.run(350 + random.next() % 90)
        if turn < 2:
            writer.stop()
        tell({"base": turn, "acks": writer.acks(), "pending": writer.pending()}, flash.image)
    for trial in range(trials):
        hurt = Flash(BLOCKS, flash.image)
        bits = []
        for _ in range(1 + random.next() % 40 if trial % 2 else 1):
            at = random.next() % (BLOCKS * BLOCK)
            if trial % 3 == 0:  # where the node looks first
                at = writer.log.index.newest * BLOCK + 4 * BLOCK + random.next() % BLOCK
            bits.append(at * 8 + random.next() % 8)
            hurt.image[at] ^= 1 << bits[-1] % 8
        again = Writer(hurt, FIRST, time, seed + trial, EACH)
        again.start(epoch=7)
        again.run(20)
        again.stop()
        event = {"trial": trial, "bits": bits, "acks": again.acks(), "start": again.begun}
        event["erased"] = hurt.erased
        event["epoch"] = again.epoch_at_start
        tell(event, hurt.image)

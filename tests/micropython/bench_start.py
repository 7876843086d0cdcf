# SPDX-License-Identifier: MIT
"""What a start asks of the flash where log and journal are full: reads, programs, erases.

Prints one line of JSON. The first read of each page's header is counted apart from the others:
every page has one, and a start looks at all of them. Or starts again and again, for who counts
instructions.
"""

import json

from node_parts import Parts
from nor import ERASE, PROGRAM, Flash, Random

from tirta_node import unload

BLOCKS = 297  # the partition `log` of a 4 MB board
HEADER = 40
CHANNELS = 32  # of noise: they fill a page soonest


class Counted(Flash):
    """A Flash that counts what is asked of it."""

    def __init__(self, blocks, image=None):
        super().__init__(blocks, image)
        self.remembers = False
        self.seen = set()
        self.headers = self.reads = self.read_bytes = self.programs = self.erases_done = 0
        self.watch = self._take

    def read(self, block, offset, buf):
        super().read(block, offset, buf)
        if offset + len(buf) <= HEADER and block not in self.seen:
            self.seen.add(block)
            self.headers += 1
        else:
            self.reads += 1
            self.read_bytes += len(buf)

    def _take(self, kind, block, offset, data):
        self.programs += kind == PROGRAM
        self.erases_done += kind == ERASE

    def told(self):
        return {
            "headers": self.headers, "reads": self.reads, "read_bytes": self.read_bytes,
            "programs": self.programs, "erases": self.erases_done,
        }  # fmt: skip


class Filled:
    """Parts whose log and journal have been written all around: records of noise, a page of 30."""

    def __init__(self, flash, config):
        self.random = Random(20261130)
        self.parts = Parts(flash, CHANNELS, {}, config)
        self.slot = 0
        while self.parts.log.seq < BLOCKS:  # once around
            self.record()

    def record(self):
        ring = self.parts.ring
        for i in range(CHANNELS):
            ring.values[i] = self.random.next() & 0x3FFFFFFF
            ring.flags[i] = 1
        ring.push(self.slot)
        self.slot += 1
        self.parts.keeper.work(1 << 20)


CONFIG = b"{}" + b" " * 1500


def main(path):
    """Count what two starts ask for; leave the flash before the first of them at `path`."""
    config = CONFIG
    flash = Flash(BLOCKS)
    flash.remembers = False
    before = Filled(flash, config)
    before.parts.keeper.commit_ms = 1000  # the last ones lie in the journal
    for _ in range(5):
        before.record()
    told = {"pages": BLOCKS, "records": before.slot}
    with open(path, "wb") as file:
        file.write(flash.image)
    for name, journal in (("journal", True), ("settled", False)):
        if not journal:
            before.parts.keeper.settle()
        counted = Counted(BLOCKS, flash.image)
        after = Parts(counted, CHANNELS, {}, config, 60000, 60000)
        told[name] = counted.told()
        assert after.keeper.number() >= before.slot
    print(json.dumps(told))


class NoCollector:
    """Of the whole heap of this process, which is larger than a node's."""

    @staticmethod
    def collect():
        """Let all lie."""


def starts(path, count, loads):
    """Start so often from the flash at `path`. What a start needs for a moment is loaded each time
    that it asks for it, or stays: without .mpy files it would be compiled anew.
    """

    def call(module, function, *args):
        return getattr(__import__(module, None, None, (function,)), function)(*args)

    if loads:
        unload.gc = NoCollector
    else:
        unload.call = call
    with open(path, "rb") as file:
        image = file.read()
    for _ in range(count):
        flash = Flash(BLOCKS, image)
        flash.remembers = False
        Parts(flash, CHANNELS, {}, CONFIG, 60000, 60000)

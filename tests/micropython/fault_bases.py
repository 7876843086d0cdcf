# SPDX-License-Identifier: MIT
"""Partitions as a run leaves them at some moment, for the trials of flash_faults.py: empty, young,
partly full, wrapped; where a page of the log or of the journal is about to be full, or has just
begun; ended in order or not; under a second config; with numbers near their end.
"""

import faststart  # noqa: F401
from faketime import time
from nor import BLOCK, ERASED, Flash
from writer import FIRST, ONE, SECOND, TWELVE, Writer, tell

from tirta_format import page as pages
from tirta_format import page_chunks

BLOCKS = 9  # a journal of 4 pages and a log of 5
JOURNAL = 4
_ROOM = 160  # bytes: the next chunks will turn the page
_PATIENCE = 10000  # records
LAST = (1 << 32) - 12  # a number that has few behind it
_SETUPS = FIRST, ONE, TWELVE
_TOLD = 200
OF_A_RUN = 9


class Base:
    """`number` and `epoch`: of the run when it was left."""

    blocks = BLOCKS

    def __init__(self, run, name, image, epoch, number):
        self.index = len(run.bases)
        self.name = name
        self.image = bytes(image)
        self.setup = run.setup
        self.regime = run.regime
        self.seed = run.seed
        self.epoch = epoch
        self.number = number
        self.counts = None  # operations of a start and of a run, without a fault


def newest(image):
    """(block, end of what lies there) of the newest page of the log, and of the journal."""
    log = _newest(image, range(JOURNAL, BLOCKS), pages.MARK)
    return log, _newest(image, range(JOURNAL), pages.MARK_JOURNAL)


def _newest(image, blocks, mark):
    best, found = 0, (blocks[0], pages.HEADER_SIZE)
    for block in blocks:
        data = image[block * BLOCK : (block + 1) * BLOCK]
        head = pages.header(data, mark)
        if head is not None and head.seq > best:
            best, found = head.seq, (block, page_chunks.used_end(data, pages.HEADER_SIZE))
    return found


class Run:
    """A run that is left again and again; what it sampled is told with each base."""

    def __init__(self, bases, seed, regime):
        self.bases = bases
        self.seed = seed
        self.regime = regime
        self.setup = None
        self._flash = Flash(BLOCKS)
        self._flash.remembers = False
        self._told = 0
        self._writer = None

    def begin(self, setup):
        """Another boot."""
        self._told = 0
        self.setup = setup
        writer = self._writer = Writer(self._flash, setup, time, self.seed, self.regime)
        writer.start(epoch=self.seed + 100)
        return writer

    def until(self, wanted):
        """Go on until `wanted(writer)`."""
        writer = self._writer
        for _ in range(40000):
            writer.run(1, lambda i: True)
            if wanted(writer):
                return
        raise AssertionError("the run never came there")

    def leave(self, name):
        """A base of what lies there now."""
        writer = self._writer
        base = Base(self, name, self._flash.image, writer.log.epoch, writer.keeper.number())
        first = writer.begun + self._told
        self._add(base, first, writer.samples[self._told :])
        self._told = len(writer.samples)

    def leave_bare(self, name, number):
        """A base without records: a page that begins with this number."""
        log = self._writer.log
        image = bytearray(ERASED * BLOCKS)
        at = JOURNAL * BLOCK
        image[at : at + BLOCK] = _renumbered(self._flash.image, number)
        base = Base(self, name, image, log.epoch, number)
        self._add(base, number, [])

    def leave_empty(self):
        """A base of nothing."""
        self._add(Base(self, "empty", ERASED * BLOCKS, 0, 0), 0, [])

    def _add(self, base, first, samples):
        self.bases.append(base)
        event = {"begins": base.index, "run": self.seed, "name": base.name, "regime": self.regime}
        event.update(epoch=base.epoch, number=base.number)
        event["pulled"] = self._writer.log.pulled if first else 0
        event["ends"] = base.number == LAST
        event["lost"] = self._writer.keeper.lost() if first else 0
        for at in range(0, len(samples), _TOLD):  # all at once would need a hole that is not there
            part = {"run": self.seed, "from": first + at, "samples": samples[at : at + _TOLD]}
            tell(part, base.image)
        tell(event, base.image)


def _renumbered(image, number):
    """The first page of the log with another first number, and without its records."""
    old = image[JOURNAL * BLOCK : (JOURNAL + 1) * BLOCK]
    head = pages.header(old)
    crc = head.crc
    head.number = number
    page = bytearray(ERASED)
    page[:2] = pages.MARK
    page[2 : pages.HEADER_SIZE] = head.pack()
    to = pages.HEADER_SIZE
    for kind, at, n in page_chunks.chunks(old, crc):
        if kind == pages.META:
            chunk = bytearray(n + pages.CHUNK_OVERHEAD)
            chunk[2 : 2 + n] = old[at : at + n]
            pages.finish_chunk(chunk, kind, n, head.crc)
            page[to : to + len(chunk)] = chunk
            to += len(chunk)
    return page


def _little(writer):
    """Room in a page that is about to be full: with some seeds none ever has as little as _ROOM."""
    return _ROOM << len(writer.samples) // _PATIENCE


def add(bases, seed, regime):
    """Append the bases of one run to `bases`, OF_A_RUN."""
    run = Run(bases, seed, regime)
    writer = run.begin(_SETUPS[seed // 4 % len(_SETUPS)])
    run.leave_empty()
    run.until(lambda w: len(w.samples) >= 5)
    run.leave("young")
    run.leave_bare("the last numbers", LAST)
    run.until(lambda w: w.log.seq == 3 and w.log.ring.room() < 2000)
    run.leave("part")
    run.until(lambda w: w.log.seq >= 8 and w.log.ring.room() < _little(w))
    run.leave("full, at the end of a page")
    run.until(lambda w: w.log.seq >= 9 and w.log.ring.room() > 3000)
    run.leave("full, in a new page")
    run.until(lambda w: w.log.seq >= 9 and w.log.ring.room() < 1500)
    writer.log.pulled = writer.log.number
    writer.prepare_config()  # a checkpoint
    run.until(lambda w: w.log.seq >= 10 and w.log.ring.room() < 1000)
    run.leave("full, pulled")
    writer.prepare_config()
    writer.stop()
    run.leave("full, stopped")
    writer = run.begin(SECOND)
    run.until(lambda w: len(w.samples) >= 150)
    run.leave("full, two configs")
    assert len(bases) % OF_A_RUN == 0

# SPDX-License-Identifier: MIT
"""Where a log goes on after a start: the head, found by reading.

Every page header is read once (no binary search: bad pages would break it), then the newest page.
What was torn there was never acknowledged, so its numbers are free. Where the power went before
the page had its checkpoint, reading begins at a page that has one. Records are not decoded: their
chunks tell how many there are, and the sums of what is counted.
"""

import struct
from binascii import crc32

from micropython import const

from tirta_format import meta, meta_reader, varint
from tirta_format import page as pages

_LEAST_CHUNK = const(8)  # bytes of a chunk with records
PLACED = (pages.PACKED_AT, pages.SUMMED_AT)
PACKED = (pages.PACKED, pages.SUMMED) + PLACED


class Head:
    """`resume`: where in the newest page the next chunk goes, 0 = open a page."""

    def __init__(self):
        self.epoch = 0  # 0 = draw one
        self.seq = 0
        self.boot = 0
        self.number = 0
        self.resume = 0
        self.idle = 0  # bytes before it, in the newest page, that hold no records and follow them
        self.config_hash = 0
        self.channels = 0
        self.version = 0
        self.totals = {}
        self.pulled = 0
        self.lost = 0
        self.gone = 0  # records below this are known to be overwritten
        self.damaged = 0  # records at most that the newest page held and that are lost
        self.gap = 0  # records at most in a stretch at its end, which a power cut may have torn
        self.told = False  # a loss record said that already
        self.page_crc = 0  # of the newest page
        self.checked = False  # the newest page has a checkpoint
        self.begun = False  # the newest page has records or a boot: its config was logged before
        self.stopped = False  # the last boot ended in order
        self._names = []  # of the totals, in the order of the checkpoint
        self._start_unix_ms = 0  # of the last boot
        self._uptime_ms = 0  # of the last that it wrote

    def end_unix_ms(self):
        """Unix time in ms of the last that was written, or 0."""
        return self._start_unix_ms + self._uptime_ms if self._start_unix_ms else 0

    def take_meta(self, payload):
        """What a meta record tells."""
        kind, uptime_ms, fields = meta_reader.parse(payload)
        if kind == meta.BOOT:
            self.boot = fields["boot"]
            self.begun = True
            self.stopped = False
            self._start_unix_ms = 0
        elif kind == meta.STOP:
            self.stopped = True
        elif kind == meta.CHECKPOINT:
            self.checked = True
            self.totals = dict(fields["totals"])
            self._names = [name for name, _ in fields["totals"]]
            self.pulled = fields["pulled"]
            self.lost = fields["lost"]
        elif kind == meta.LOSS:
            self.lost += fields["at_most"]
            if fields["reason"] == meta.LOSS_OVERWRITTEN:
                self.gone = fields["number"]
            elif fields["reason"] == meta.LOSS_FLASH:
                self.number = max(self.number, fields["number"])
                self.told = True
        elif kind == meta.ANCHOR:
            self._start_unix_ms = fields["unix_ms"] - uptime_ms
        if kind != meta.CONFIG:
            self._uptime_ms = uptime_ms  # a config may be a copy of an older one

    def take_records(self, payload, kind):
        """What the front of a chunk of compressed records tells."""
        placed = kind in PLACED
        at, end = 0, len(payload)
        if placed:
            self.boot, at = varint.get(payload, at, end)
            self.number, at = varint.get(payload, at, end)
            _, at = varint.get(payload, at, end)
        count = payload[at]
        at += 1
        summed = kind in (pages.SUMMED, pages.SUMMED_AT)
        if self.version == pages.OLDEST:
            summed = count >= pages.SUMS_OLDEST
            count &= pages.MOST_OLDEST
        self.number += count
        self.begun = True
        self.stopped = False
        if summed:
            how_many = payload[at]
            at += 1
            for _ in range(how_many):
                place = payload[at]
                total, at = varint.get(payload, at + 1, end)
                if place < len(self._names):
                    self.totals[self._names[place]] += varint.unzigzag(total)

    def take_header(self, header):
        """What the header of a page tells, read in the order of their sequence."""
        self.checked = self.begun = self.told = False
        self.seq = header.seq
        self.epoch = header.epoch
        self.config_hash = header.config_hash
        self.channels = header.channels
        self.version = header.version
        self.boot = header.boot
        self.number = header.number
        self.page_crc = header.crc
        self._start_unix_ms = header.unix_ms


def find(flash, index):
    """The Head of the log on `flash`; fills `index`."""
    found = Head()
    if index.scan() is None:
        return found
    page = bytearray(pages.SIZE)
    block = _first(flash, index, page)
    while block >= 0:
        flash.read(block, 0, page)
        header = pages.header(page)
        found.take_header(header)
        found.damaged = _read(page, header.crc, found)
        block = index.after(header.seq + 1)
    _place(page, header, found)
    block = index.newest
    while True:
        block = (block + 1) % index.count
        flash.read(block, 0, page)
        if pages.header(page) is not None or not _read_headless(page, found):
            return found


def _read_headless(page, found):
    """Where the header of the newest page was damaged, its chunks still tell how many records it
    held: those numbers are taken. False when this is no such page.
    """
    for page_crc in (struct.unpack_from("<I", page, 36)[0], crc32(memoryview(page)[2:36])):
        # Any whole chunk, for the first ones may be damaged too.
        if pages.next_chunk(page, pages.HEADER_SIZE, pages.SIZE, 1, page_crc) >= 0:
            before = found.number
            found.number += found.gap
            _read(page, page_crc, found)
            found.damaged += found.number - before
            found.seq += 1
            found.resume = 0
            return True
    return False


def _first(flash, index, page):
    """The newest page that has a checkpoint, or the oldest when none has."""
    block = index.newest
    while True:
        flash.read(block, 0, page)
        for kind, at, _ in pages.chunks(page, pages.header(page).crc):
            if kind == pages.META and page[at] == meta.CHECKPOINT:
                return block
        before = index.before(index.seqs[block])
        if before < 0:
            return block
        block = before


def _read(page, page_crc, found):
    """Take in the chunks of a page. The records at most that are lost in it: behind a damaged chunk
    which no power cut explains, numbers go on beyond all that it may have held.
    """
    lost = gap = 0
    chain = True
    view = memoryview(page)
    for kind, at, n in pages.chunks(page, page_crc):
        payload = view[at : at + n]
        if kind == pages.DAMAGED:
            chain = False
            before = found.number
            gap = _look_into(page, at, at + n, page_crc, found)
            lost += found.number - before
        elif kind == pages.META:
            found.take_meta(payload)
            if payload[0] == meta.LOSS and found.told:
                lost = gap = 0
        elif kind in PLACED:
            chain = True
            lost = gap = 0
            found.take_records(payload, kind)
        elif chain:
            found.take_records(payload, kind)
        else:
            before = found.number
            found.number += gap
            gap = 0
            found.take_records(payload, kind)
            lost += found.number - before
    found.gap = gap
    return lost


def _look_into(page, at, end, page_crc, found):
    """A damaged stretch may still hold whole chunks, where no reader looks for them; after a power
    cut it never does. Returns what the rest of it may have held.
    """
    start = at
    while True:
        at = pages.next_chunk(page, at + 1, end, 1, page_crc)
        if at < 0:
            return _most_records(page, start, end)
        kind, n = pages.chunk_at(page, at, page_crc)
        found.number += _most_records(page, start, at)
        if kind in PACKED:
            found.take_records(memoryview(page)[at + 2 : at + 2 + n], kind)
        start = at + n + pages.CHUNK_OVERHEAD
        at = start - 1


def _most_records(page, start, end):
    """How many records `page[start:end]` held at most."""
    if end - start < _LEAST_CHUNK:
        return 0
    length = (page[start] | page[start + 1] << 8) & 0xFFF
    one = start + length + pages.CHUNK_OVERHEAD == end
    return pages.MOST_RECORDS * (1 if one else (end - start) // _LEAST_CHUNK)


def _place(page, header, found):
    end = behind = pages.HEADER_SIZE
    for kind, at, n in pages.chunks(page, header.crc):
        if kind != pages.DAMAGED:
            end = at + n + pages.CHUNK_OVERHEAD - 2
        if kind in PACKED:
            behind = end
    used = pages.used_end(page, end)
    if used > end:
        end = (used + pages.ALIGN - 1) // pages.ALIGN * pages.ALIGN
    found.resume = end
    found.idle = end - behind

# SPDX-License-Identifier: MIT
"""Log pages to the laptop, one data frame after the other, as they lie on flash; and the requests
beside them: which pages there are, what is safe on a disk.

A page is read in pieces as small as the console sends them; one that is erased meanwhile spoils the
frame that it was to fill. Loaded by `unload`: what is left of it goes when the last frame is out.
"""

import struct

from micropython import const

from tirta_format import frame
from tirta_format import page as pages
from tirta_node.line.outgoing import PIECE

_INDEX_ENTRIES = const(80)  # each takes a search through the index: some ms on the chip for all
_SLICE_SIZE = struct.calcsize(frame.READ_SLICE)
_RANGE_SIZE = struct.calcsize(frame.READ_RANGE)


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises ValueError for a payload that makes no sense."""
    log, payload = node.keeper.log, bytes(payload)
    if kind == frame.READ:
        PageStream(log.index, log.flash, console, sequence, payload)
        return
    answer = (_index if kind == frame.INDEX else _pulled)(log, payload)
    console.answer(kind, sequence, answer)


def _look_again(index):
    """Find pages whose headers did not show when they were read first."""
    for block in range(index.count):
        if not index.seqs[block]:
            try:
                head = index.header(block)
            except OSError:
                continue  # not now either
            is_older = head is not None and head.seq < index.seqs[index.newest]
            is_ours = is_older and head.epoch == index.epoch
            if is_ours and index.seqs[index.after(head.seq)] != head.seq:
                index.put(block, head)


def _index(log, payload):
    (seq,) = _fields("<I", payload)
    index = log.index
    if not seq and log.is_found:
        _look_again(index)
    entries = []
    block = index.after(seq)
    while block >= 0 and len(entries) < _INDEX_ENTRIES:
        seq = index.seqs[block]
        head = index.header(block)
        if head is not None:
            entries.append(struct.pack(frame.INDEX_ENTRY, seq, head.number, head.crc))
        block = index.after(seq + 1)
    return (b"\x01" if block >= 0 else b"\x00") + b"".join(entries)


def _pulled(log, payload):
    epoch, number = _fields("<II", payload)
    if epoch != log.epoch or number > log.number:
        raise ValueError("that is not a record of this log")
    if number > log.pulled:
        log.keep_pulled(number)  # durable before the answer
    return b""


def _fields(layout, payload):
    if len(payload) != struct.calcsize(layout):
        raise ValueError("the request is %d bytes long" % len(payload))
    return struct.unpack(layout, payload)


class PageStream:
    """`step` is a console's stream: each call puts one piece. Raises ValueError for a payload that
    makes no sense.
    """

    def __init__(self, index, flash, console, sequence, payload):
        self._index = index
        self._flash = flash
        self._console = console
        self._sequence = sequence
        self._payload = payload
        (self._slice,) = struct.unpack_from(frame.READ_SLICE, payload)
        ranges = len(payload) - _SLICE_SIZE
        if self._slice not in frame.SLICES or ranges <= 0 or ranges % _RANGE_SIZE:
            raise ValueError("the read request makes no sense")
        self._range_at = _SLICE_SIZE
        self._piece = bytearray(PIECE)
        self._frames = 0
        self._block = -1  # of the page, -1: the next range begins
        self._seq = 0
        self._offset = 0  # of the next frame in it
        self._last = 0  # page and end of the range
        self._end = 0
        self._at = 0  # in the frame under way
        self._stop = 0
        console.stream = self.step

    def step(self):
        """Put the next piece of a frame, or begin the next frame."""
        if self._at >= self._stop:
            if self._find():
                self._begin()
            else:
                self._finish()
            return
        out = self._console.out
        n = min(PIECE, self._stop - self._at)
        self._flash.read(self._block, self._at, memoryview(self._piece)[:n])
        if self._index.seqs[self._block] != self._seq:
            self._stop = 0
            out.spoil()
            return
        out.put(self._piece, 0, n)
        self._at += n
        if self._at == self._stop:
            out.close()

    def _find(self):
        """Whether something is left to send: then page and offset are those of the next frame."""
        while True:
            if self._block < 0:
                if self._range_at == len(self._payload):
                    return False
                first, offset, self._last, self._end = struct.unpack_from(
                    frame.READ_RANGE, self._payload, self._range_at
                )
                self._range_at += _RANGE_SIZE
                self._go_to(first)
                if self._seq == first:
                    self._offset = offset
            elif self._seq > self._last or self._index.seqs[self._block] != self._seq:
                self._block = -1
            elif self._offset >= self._page_end():
                self._go_to(self._seq + 1)
            else:
                return True

    def _go_to(self, seq):
        """To the first page from this sequence on."""
        self._offset = 0
        self._block = self._index.after(seq)
        self._seq = self._index.seqs[self._block] if self._block >= 0 else 0

    def _page_end(self):
        return min(self._end, pages.SIZE) if self._seq == self._last else pages.SIZE

    def _begin(self):
        at = self._offset
        n = min(self._slice - at % self._slice, self._page_end() - at)
        self._offset = at + n
        self._at = at
        self._stop = self._used(at, at + n)
        out = self._console.out
        struct.pack_into(frame.DATA_HEAD, self._piece, 0, self._seq, at, n)
        out.begin(frame.DATA, self._sequence)
        out.put(self._piece, 0, struct.calcsize(frame.DATA_HEAD))
        self._frames += 1
        if self._stop == at:
            out.close()

    def _used(self, start, end):
        """Where the last byte before `end` that is not 0xFF ends."""
        piece = self._piece
        while end > start:
            n = min(PIECE, end - start)
            self._flash.read(self._block, end - n, memoryview(piece)[:n])
            while n and piece[n - 1] == 0xFF:
                n -= 1
                end -= 1
            if n:
                return end
        return start

    def _finish(self):
        console = self._console
        console.stream = None
        console.out.begin(frame.END, self._sequence)
        struct.pack_into("<IB", self._piece, 0, self._frames, frame.END_DONE)
        console.out.put(self._piece, 0, 5)
        console.out.close()

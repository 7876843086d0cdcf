# SPDX-License-Identifier: MIT
"""Log pages to the laptop, one data frame after the other, as they lie on flash."""

import struct

from tirta_format import frame
from tirta_format import page as pages

_HEAD = struct.calcsize(frame.DATA_HEAD)


class PageStream:
    """Sends a range of pages; the console asks for the next frame when the last one is out."""

    def __init__(self, index, flash, console, sequence):
        self._index = index
        self._flash = flash
        self._console = console
        self._sequence = sequence
        self._frames = 0
        self._block = -1
        self._offset = 0
        self._last = 0
        self._end = 0

    def start(self, first, offset, last, end):
        """From `offset` of page `first` to `end` of page `last`."""
        self._block = self._index.find(first)
        self._offset = offset
        self._last = last
        self._end = end
        self._console.more = self._next
        self._next()

    def _next(self):
        seq = self._index.seqs[self._block] if self._block >= 0 else 0
        if not seq or seq > self._last:
            self._finish(frame.END_PAGE_GONE)
            return
        stop = self._end if seq == self._last else pages.SIZE
        if self._offset >= stop:
            if seq == self._last:
                self._finish(frame.END_DONE)
                return
            self._block = self._index.after(seq + 1)
            self._offset = 0
            self._next()
            return
        n = min(frame.SLICE - self._offset % frame.SLICE, stop - self._offset)
        self._send(seq, n)
        self._offset += n

    def _send(self, seq, n):
        payload = self._console.payload
        data = memoryview(payload)[2 + _HEAD : 2 + _HEAD + n]
        self._flash.read(self._block, self._offset, data)
        while n and data[n - 1] == 0xFF:
            n -= 1
        struct.pack_into(frame.DATA_HEAD, payload, 2, seq, self._offset, n)
        self._frames += 1
        self._console.send(frame.DATA, self._sequence, _HEAD + n)

    def _finish(self, reason):
        self._console.more = None
        struct.pack_into("<IB", self._console.payload, 2, self._frames, reason)
        self._console.send(frame.END, self._sequence, 5)

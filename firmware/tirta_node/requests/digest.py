# SPDX-License-Identifier: MIT
"""SHA-256 of log pages as they lie on flash, one page between two samples.

A pull's data frames carry no tags; the laptop compares this digest, which comes sealed, with what
it received (FORMAT.md section 13).
"""

from hashlib import sha256

from tirta_format import access, frame
from tirta_format import page as pages

_PIECE = 512


class Digest:
    """Hashes a range of pages; the console asks for the next page when it has nothing else."""

    def __init__(self, node, sequence):
        self._index = node.keeper.log.index
        self._flash = node.keeper.log.flash
        self._console = node.console
        self._sequence = sequence
        self._hash = sha256()

    def start(self, first, offset, last, end):
        """From `offset` of page `first` to `end` of page `last`. Raises ValueError."""
        if end > pages.SIZE or offset > pages.SIZE or last < first:
            raise ValueError("no such range of pages")
        self._seq = first
        self._offset = offset
        self._last = last
        self._end = end
        self._left = access.PAGES_PER_DIGEST
        self._console.stream = self._next

    def _next(self):
        block = self._index.after(self._seq)
        seq = self._index.seqs[block] if block >= 0 else 0
        self._left -= 1
        if not seq or seq > self._last or self._left < 0:
            self._console.stream = None
            text = "more pages than one digest takes" if self._left < 0 else "a page is gone"
            self._console.refuse(self._sequence, frame.BAD_PAYLOAD, text)
            return
        self._add(block, self._offset, self._end if seq == self._last else pages.SIZE)
        self._seq = seq + 1
        self._offset = 0
        if seq == self._last:
            self._console.stream = None
            self._console.answer(access.DIGEST, self._sequence, self._hash.digest())

    def _add(self, block, start, stop):
        piece = memoryview(bytearray(_PIECE))
        while start < stop:
            part = piece[: min(_PIECE, stop - start)]
            self._flash.read(block, start, part)
            self._hash.update(part)
            start += len(part)

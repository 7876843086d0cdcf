# SPDX-License-Identifier: MIT
"""The pages of log or journal as a ring: which is written, which comes next, what is erased when.

The *spare* is the next page, erased and marked before it is needed. Every program is read back.
A page that cannot be erased or programmed is *bad*: it is passed over and counted.
"""

from micropython import const

from tirta_format import page as pages

_VERIFY = const(64)


class FlashRing:
    """`index` knows what lies where; `mark` says whose pages these are."""

    def __init__(self, flash, index, mark):
        self.flash = flash
        self._mark = mark
        self.index = index
        self.block = -1  # the page being written
        self.at = 0  # where its next chunk goes
        self.page_crc = 0
        self.crc_low = self.crc_high = 0  # its halves: the whole is an object on the chip's heap
        self.bad_pages = 0
        self._cursor = -1  # the page that was erased or begun last
        self._spare = -1
        self._check = bytearray(_VERIFY)

    def resume(self, block, at, page_crc):
        """Go on in a page that has been begun; `page_crc` is the CRC in its header."""
        self.block = block
        self.at = at
        self.page_crc = page_crc
        self.crc_low = self.page_crc & 0xFFFF
        self.crc_high = self.page_crc >> 16
        self._cursor = block

    def room(self):
        """Payload bytes of the largest chunk that still fits."""
        return pages.SIZE - self.at - pages.CHUNK_OVERHEAD if self.block >= 0 else -1

    def append(self, chunk, start, end):
        """Program the finished chunk in `chunk[start:end]`; False when it does not read back."""
        if not self._program(self.block, self.at, chunk, start, end):
            self.close()
            return False
        self.at += end - start
        return True

    def close(self):
        """Write no more into this page: the next chunk opens another."""
        self.at = pages.SIZE

    def open(self, head):
        """Begin the spare with this header; False when the page does not take it."""
        block = self._spare
        self._spare = -1
        packed = head.pack()
        if not self._program(block, len(self._mark), packed, 0, len(packed)):
            self.bad_pages += 1
            return False
        self.index.put(block, head)
        self.index.newest = block
        self.resume(block, pages.HEADER_SIZE, head.crc)
        return True

    def victim(self):
        """The page that the next erase takes."""
        return (self._cursor + 1) % self.index.count

    def spare_ready(self):
        """Whether a page can be opened without an erase."""
        return self._spare >= 0

    def adopt_spare(self):
        """At boot: take the page after the newest if it is erased, marked and empty."""
        self._cursor = self.index.newest
        buf = bytearray(pages.SIZE)
        self.flash.read(self.victim(), 0, buf)
        if bytes(buf[:2]) == self._mark and pages.used_end(buf, 2) == 2:
            self._cursor = self._spare = self.victim()

    def make_spare(self):
        """Erase and mark the victim; False when it is bad: the next call takes the page after it.
        30 to 400 ms on the chip.
        """
        self._cursor = block = self.victim()
        erased = self._erase(block)
        if erased or not self._is_whole(block):
            self.index.forget(block)
        if not erased:
            self.bad_pages += 1
            return False
        self._spare = block
        return True

    def _is_whole(self, block):
        """Whether a page that could not be erased still has the header that the index knows."""
        buf = bytearray(pages.HEADER_SIZE)
        try:
            self.flash.read(block, 0, buf)
        except OSError:
            return False
        head = pages.header(buf, self._mark)
        return head is not None and head.seq == self.index.seqs[block]

    def _erase(self, block):
        try:
            self.flash.erase(block)
        except OSError:
            return False
        return self._program(block, 0, self._mark, 0, len(self._mark))

    def _program(self, block, offset, data, start, end):
        view = memoryview(data)
        try:
            self.flash.program(block, offset, view[start:end])
            for at in range(start, end, _VERIFY):
                part = memoryview(self._check)[: min(_VERIFY, end - at)]
                self.flash.read(block, offset + at - start, part)
                if part != view[at : at + len(part)]:
                    return False
        except OSError:
            return False
        return True

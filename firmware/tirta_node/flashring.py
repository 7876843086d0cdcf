# SPDX-License-Identifier: MIT
"""The pages of the log as a ring: which is written, which comes next, what is erased when.

The *spare* is the next page, erased and marked before it is needed. Every program is read back.
A page that cannot be erased or programmed is *bad*: it is passed over and counted.
"""

from tirta_format import page as pages

_VERIFY = 64


class FlashRing:
    """`index` knows what lies where."""

    def __init__(self, flash, index):
        self.flash = flash
        self.index = index
        self.block = -1  # the page being written
        self.at = 0  # where its next chunk goes
        self.page_crc = 0
        self.bad_pages = 0
        self._cursor = -1  # the page that was erased or begun last
        self._spare = -1
        self._check = bytearray(_VERIFY)

    def resume(self, block, at):
        """Go on in a page that has been begun."""
        self.block = block
        self.at = at
        self.page_crc = self.index.crcs[block]
        self._cursor = block

    def room(self):
        """Payload bytes of the largest chunk that still fits."""
        return pages.SIZE - self.at - pages.CHUNK_OVERHEAD if self.block >= 0 else -1

    def append(self, chunk, size):
        """Program a finished chunk; False when it does not read back."""
        if not self._program(self.block, self.at, chunk, size):
            return False
        self.at += size
        return True

    def close(self):
        """Write no more into this page: the next chunk opens another."""
        self.at = pages.SIZE

    def open(self, head):
        """Begin the spare with this header; False when the page does not take it."""
        block = self._spare
        self._spare = -1
        packed = head.pack()
        if not self._program(block, len(pages.MARK), packed, len(packed)):
            self.bad_pages += 1
            return False
        self.index.put(block, head)
        self.index.newest = block
        self.resume(block, pages.HEADER_SIZE)
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
        if bytes(buf[:2]) == pages.MARK and pages.used_end(buf, 2) == 2:
            self._cursor = self._spare = self.victim()

    def make_spare(self):
        """Erase and mark the victim; False when it is bad: the next call takes the page after it.
        30 to 400 ms on the chip.
        """
        self._cursor = block = self.victim()
        self.index.forget(block)
        if not self._erase(block):
            self.bad_pages += 1
            return False
        self._spare = block
        return True

    def _erase(self, block):
        try:
            self.flash.erase(block)
        except OSError:
            return False
        return self._program(block, 0, pages.MARK, len(pages.MARK))

    def _program(self, block, offset, data, size):
        view = memoryview(data)
        try:
            self.flash.program(block, offset, view[:size])
            for start in range(0, size, _VERIFY):
                part = memoryview(self._check)[: min(_VERIFY, size - start)]
                self.flash.read(block, offset + start, part)
                if part != view[start : start + len(part)]:
                    return False
        except OSError:
            return False
        return True

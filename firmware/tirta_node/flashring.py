# SPDX-License-Identifier: MIT
"""The pages of log or journal as a ring: which is written, which comes next, what is erased when.

The *spare* is the next page, erased and marked before it is needed. Every program is read back. A
page that does not take mark, header and first chunk *fails*; it holds nothing, so it is tried
again, while no other page is erased for it. Only when a program worked elsewhere since, the page is
*bad*, not the flash: then it is passed over and counted. An attempt makes at most three erases, and
the next one waits, from a second to an hour.
"""

from binascii import crc32

from micropython import const

from tirta_format import page as pages

PART = const(256)  # bytes of a program: a power cut tears no more
NO_DOUBT = (0, 0, 0)
_VERIFY = const(64)
_TRIES = const(3)  # to read back
_ERASES = const(3)
_FIRST_MS = const(1000)
_MOST_MS = const(3600000)
_COUNT = const(0x3FFFFFFF)
_ERASED = b"\xff" * 64


class Works:
    """What log and journal share: `count` of programs that worked, `erases` left to an attempt."""

    def __init__(self):
        self.count = 0
        self.erases = _ERASES

    def renew(self):
        """An attempt begins."""
        self.erases = _ERASES


class FlashRing:
    """`index` knows what lies where; `mark` says whose pages these are, and `refusal` what it means
    when none can be written.
    """

    def __init__(self, index, mark, works, clock, refusal):
        self.flash = index.flash
        self._mark = mark
        self.index = index
        self.block = -1  # the page being written
        self.at = 0  # where its next chunk goes
        self.page_crc = 0
        self.crc_low = self.crc_high = 0  # its halves: the whole is an object on the chip's heap
        self.bad_pages = 0
        self._works = works
        self._clock = clock
        self._refusal = refusal
        self._cursor = -1  # the page that was taken or passed over last
        self._spare = -1
        self._empty = -1  # the page that was erased and is no spare yet
        self._offered = None  # a header that the spare did not take, though it is erased still
        self._taken = 0  # chunks in the page being written
        self.doubt = NO_DOUBT  # a chunk that did not read back: (place, bytes, CRC)
        self._failed = -1  # the page that failed last,
        self._then = 0  # how many programs had worked then,
        self._refused = 0  # how often it did,
        self._passed = 0  # how many were passed over since a page was taken,
        self._needs = 0  # and how often this one must fail to be bad
        self._wait_ms = 0
        self._retry_ms = 0
        self._check = bytearray(_VERIFY)

    def resume(self, block, at, page_crc):
        """Go on in a page that has been begun; `page_crc` is the CRC in its header."""
        self.block = block
        self.at = at
        self.page_crc = page_crc
        self.crc_low = self.page_crc & 0xFFFF
        self.crc_high = self.page_crc >> 16
        self._cursor = block
        self._taken = 2
        self.doubt = NO_DOUBT

    def room(self):
        """Payload bytes of the largest chunk that still fits."""
        return pages.SIZE - self.at - pages.CHUNK_OVERHEAD if self.block >= 0 else -1

    def append(self, chunk, start, end):
        """Program the finished chunk in `chunk[start:end]`; False when it does not read back."""
        block, at = self.block, self.at
        if self._put(block, at, chunk, start, end):
            self.at += end - start
            self._taken += 1
            if self._taken == 2:
                self._refused = self._passed = self._wait_ms = 0
            return True
        self.close()
        self.doubt = NO_DOUBT
        if self._taken < 2:  # its checkpoint is all there is: the page is tried again
            self.index.forget(block)
            self.index.newest = self.index.before(0xFFFFFFFF)
            self.block = self._empty = -1
            self._fail(block)
        else:
            self.doubt = at, end - start, crc32(memoryview(chunk)[start:end])
        return False

    def recheck(self, doubt):
        """Whether the chunk that did not read back does so now: then it counts, and its page is
        written on.
        """
        if doubt is NO_DOUBT or doubt is not self.doubt:
            return False
        at, size, crc = doubt
        found = 0
        try:
            for offset in range(at, at + size, _VERIFY):
                part = memoryview(self._check)[: min(_VERIFY, at + size - offset)]
                self.flash.read(self.block, offset, part)
                found = crc32(part, found)
        except OSError:
            return False
        if found != crc:
            return False
        self.doubt = NO_DOUBT
        self.at = at + size
        return True

    def close(self):
        """Write no more into this page: the next chunk opens another."""
        self.at = pages.SIZE

    def open(self, head):
        """Begin the spare with this header; False when the page does not take it."""
        block = self._spare
        before = self._offered
        if before is not None:
            self._offered = None
            if not before.is_like(head):  # what it began to take must not be mixed
                self._spare = self._empty = -1
                self._fail(block)
                return False
            head = before
        packed = head.pack()
        self._spare = self._empty = -1
        if not self._put(block, len(self._mark), packed, 0, len(packed)):
            self._fail(block)
            if self._is_empty(block, len(self._mark)):
                self._spare = self._cursor = block
                self._offered = head
            return False
        self.index.put(block, head)
        self.index.newest = block
        self.resume(block, pages.HEADER_SIZE, head.crc)
        self._taken = 0
        return True

    def victim(self):
        """The page that the next erase takes."""
        return (self._cursor + 1) % self.index.count

    def spare_ready(self):
        """Whether a page can be opened without an erase."""
        return self._spare >= 0

    def adopt_spare(self, intact):
        """At boot: take the page after the newest if it is erased, marked and empty, and no power
        cut may have begun to program it.
        """
        self._cursor = self.index.newest
        self._spare = self._empty = self._failed = -1
        self._offered = None
        self.block = -1
        if intact:
            buf = bytearray(pages.SIZE)
            self.flash.read(self.victim(), 0, buf)
            if bytes(buf[:2]) == self._mark and pages.used_end(buf, 2) == 2:
                self._cursor = self._spare = self.victim()

    def make_spare(self):
        """Erase and mark the victim; False when it fails. 30 to 400 ms on the chip."""
        block = self.victim()
        for _ in range(2):
            if self._empty != block and not self._erase(block):
                continue
            self._empty = block
            if self._program(block, 0, self._mark, 0, len(self._mark)):
                self._empty = self._failed = -1
                self._cursor = self._spare = block
                return True
            if not self._is_empty(block, 0):
                self._empty = -1
        self._fail(block)
        return False

    def attempt(self):
        """A page is to be made ready or opened. Raises OSError while the last time is too near."""
        if self._may_pass():
            self.bad_pages += 1
            self._cursor = self._failed
            self._spare = self._empty = self._failed = -1
            self._offered = None
            self._passed += 1
            self._refused = self._wait_ms = 0
        elif self.is_waiting():
            raise OSError(self._refusal)

    def is_waiting(self):
        """Whether it is too early to try again."""
        if not self._wait_ms or self._may_pass():
            return False
        return self._clock.uptime_ms() < self._retry_ms

    def hurry(self):
        """The next attempt need not wait."""
        self._retry_ms = 0

    def refuse(self):
        """The attempt came to nothing: the next one waits. Raises OSError."""
        self._refused += 1
        self._wait_ms = min(4 * self._wait_ms or _FIRST_MS, _MOST_MS)
        self._retry_ms = self._clock.uptime_ms() + self._wait_ms
        raise OSError(self._refusal)

    def _may_pass(self):
        """Whether the page that failed is bad. One that follows another is given more time, and so
        is one beside which nothing worked: the flash may err for a while.
        """
        if self._failed < 0:
            return False
        if self._works.count != self._then:
            return self._refused >= 4 * self._passed + self._needs
        return self._refused >= 16 * (self._passed + 1)

    def fail_unread(self):
        """What the next page holds cannot be read, so that it must not be erased."""
        self._fail(self.victim(), 4)

    def _fail(self, block, needs=0):
        self._failed = block
        self._needs = needs
        self._then = self._works.count
        self._cursor = (block - 1) % self.index.count

    def _erase(self, block):
        """Erase; False when the page is not empty then."""
        if not self._works.erases:
            return False
        self._works.erases -= 1
        try:
            self.flash.erase(block)
        except OSError:
            pass  # it may be done, or not begun
        if self._is_empty(block, 0):
            self.index.forget(block)
            return True
        if not self._is_whole(block):
            self.index.forget(block)
        return False

    def _is_whole(self, block):
        """Whether a page that could not be erased still has the header that the index knows."""
        try:
            head = self.index.header(block)
        except OSError:
            return True  # for all we know
        return head is not None and head.seq == self.index.seqs[block]

    def _is_empty(self, block, start, end=pages.SIZE):
        """Whether every byte from `start` on reads as erased."""
        try:
            for at in range(start, end, _VERIFY):
                part = memoryview(self._check)[: min(_VERIFY, end - at)]
                self.flash.read(block, at, part)
                if part != _ERASED[: len(part)]:
                    return False
        except OSError:
            return False
        return True

    def _put(self, block, offset, data, start, end):
        """Program, and once more where the flash did nothing."""
        if self._program(block, offset, data, start, end):
            return True
        at = offset + end - start
        return self._is_empty(block, offset, at) and self._program(block, offset, data, start, end)

    def _program(self, block, offset, data, start, end):
        """Program in parts, each read back before the next; whether all of it is there."""
        view = memoryview(data)
        while start < end:
            part = view[start : min(start + PART, end)]
            try:
                self.flash.program(block, offset, part)
            except OSError:
                pass  # it may be there all the same
            for _ in range(_TRIES):
                if self._reads_back(block, offset, part):
                    break
            else:
                return False
            start += PART
            offset += PART
        self._works.count = self._works.count + 1 & _COUNT
        return True

    def _reads_back(self, block, offset, data):
        try:
            for at in range(0, len(data), _VERIFY):
                part = memoryview(self._check)[: min(_VERIFY, len(data) - at)]
                self.flash.read(block, offset + at, part)
                if part != data[at : at + len(part)]:
                    return False
        except OSError:
            return False
        return True

# SPDX-License-Identifier: MIT
"""The pages of log or journal as a ring: which is written, which comes next, what is erased when.

The *spare* is the next page, erased and marked before it is needed. Every program is read back. A
page that does not take mark, header and first chunk *fails*; it holds nothing, so it is tried
again, while no other page is erased for it. Only when a program worked elsewhere since, the page is
*bad*, not the flash: then it is passed over and counted. An attempt makes at most three erases, and
the next one waits, from a second to an hour.
"""

from micropython import const

from tirta_format import page as pages
from tirta_node import unload

PART = const(256)  # bytes of a program: a power cut tears no more
NO_DOUBT = (0, 0, 0)
RESUMED = const(1000)  # chunks, more than any page holds: of a page that a start goes on in
_TROUBLE = const("tirta_node.storage.page_trouble")
_TRIES = const(3)  # to read back
_ERASES = const(3)
_REFUSALS = const(2)  # of a page, more than one: a flash that errs now and then is not worn out
_ALIGN = const(16)  # as in page_chunks.py
_FIRST_MS = const(1000)
_MOST_MS = const(3600000)
_COUNT = const(0x3FFFFFFF)
_ERASED = b"\xff" * PART


class Attempts:
    """What log and journal share: `count` of programs that worked, `erases` left to an attempt, and
    the room to read back a part.
    """

    def __init__(self):
        self.count = 0
        self.failed = -1  # what that was when a program failed
        self.journal = None
        self.proof = -1  # what that was when the log was found
        # Of that: 0 until the first program behind it does not show, then 1: nothing is programmed
        # until it was found once more; 2 behind that.
        self.trust = 0
        self.erases = _ERASES
        self.back = memoryview(bytearray(PART))

    def renew(self):
        """An attempt begins."""
        self.erases = _ERASES


class PageRing:
    """`index` knows what lies where; `mark` says whose pages these are, and `refusal` what it means
    when none can be written.
    """

    def __init__(self, index, mark, attempts, clock, refusal):
        self.flash = index.flash
        self.mark = mark
        self.index = index
        self.block = -1  # the page being written
        self.at = 0  # where its next chunk goes
        self.page_crc = 0
        self.crc_low = self.crc_high = 0  # its halves: the whole is an object on the chip's heap
        self.bad_pages = 0
        self.attempts = attempts
        self.clock = clock
        self.refusal = refusal
        self.cursor = -1  # the page that was taken or passed over last
        self.spare = -1
        self.empty = -1  # the page that was erased and is no spare yet
        self.offered = None  # a header that the spare did not take, though it is erased still
        self.taken = 0  # chunks in the page being written
        self.doubt = NO_DOUBT  # a chunk that did not read back: (place, bytes, CRC)
        self.shaky = False  # something in this page did not read back at once
        self.failed = -1  # the page that failed last,
        self.then = 0  # how many programs had worked then,
        self.refused = 0  # how often it did,
        self.passed = 0  # how many were passed over since a page was taken,
        self.needs = 0  # and how often this one must fail to be bad
        self.wait_ms = 0
        self.retry_ms = 0

    def resume(self, block, at, page_crc):
        """Go on in a page that has been begun; `page_crc` is the CRC in its header."""
        self.block = block
        self.at = at
        self.page_crc = page_crc
        self.crc_low = self.page_crc & 0xFFFF
        self.crc_high = self.page_crc >> 16
        self.taken = RESUMED
        self.doubt = NO_DOUBT
        self.shaky = False

    def room(self):
        """Payload bytes of the largest chunk that still fits."""
        return pages.SIZE - self.at - pages.CHUNK_OVERHEAD if self.block >= 0 else -1

    def append(self, chunk, start, end):
        """Program the finished chunk in `chunk[start:end]`; False when it does not read back."""
        attempts = self.attempts
        if attempts.trust == 1:
            raise OSError(self.refusal)
        n = end - start
        there = False
        if n <= PART:  # as `put`, in one frame: on the chip each further one costs a record
            part, back = memoryview(chunk)[start:end], attempts.back[:n]
            try:
                self.flash.program(self.block, self.at, part)
                back[-1] = part[-1] ^ 255  # a read may bring nothing
                self.flash.read(self.block, self.at, back)
                there = back == part
            except OSError:
                pass
            if there or self._reads_back(self.block, self.at, part):
                attempts.count = attempts.count + 1 & _COUNT
                there = True
            else:
                there = self._put_again(self.block, self.at, chunk, start, end)
        else:
            there = self.put(self.block, self.at, chunk, start, end)
        if not there:
            unload.call(_TROUBLE, "not_taken", self, chunk, start, end)
            return False
        self.at += n
        if self.shaky:  # so that a reader that finds it damaged finds what comes behind it
            self.at = self.at + _ALIGN - 1 & -_ALIGN
        self.taken += 1
        if self.taken == 2:
            self.refused = self.passed = self.wait_ms = 0
        return True

    def recheck(self, doubt):
        """Whether the chunk that did not read back does so now: then it counts, and its page is
        written on.
        """
        if doubt is NO_DOUBT or doubt is not self.doubt:
            return False
        return unload.call(_TROUBLE, "recheck", self)

    def close(self):
        """Write no more into this page: the next chunk opens another."""
        self.at = pages.SIZE

    def open(self, head):
        """Begin the spare with this header; False when the page does not take it."""
        block = self.spare
        self.spare = self.empty = -1
        if self.offered is not None or not self.begin(block, head):
            return unload.call(_TROUBLE, "open_again", self, block, head)
        return True

    def begin(self, block, head):
        """Program this header; whether it is there, and this is the page being written."""
        packed = head.pack()
        if not self.put(block, len(self.mark), packed, 0, len(packed)):
            return False
        if not self._reads_back(block, 0, self.mark):
            return False  # it was hit since
        if self.failed >= 0 and self.failed != block:
            self.bad_pages += 1  # it stays behind
        self.failed = -1
        self.index.put(block, head)
        self.index.newest = block
        self.resume(block, pages.HEADER_SIZE, head.crc)
        self.cursor = block
        self.taken = 0
        return True

    def victim(self):
        """The page that the next erase takes."""
        count = self.index.count
        block = (self.cursor + 1) % count
        return block if block != self.block else (block + 1) % count

    def spare_ready(self):
        """Whether a page can be opened without an erase."""
        return self.spare >= 0

    def make_spare(self):
        """Erase and mark the victim; False when it fails. 30 to 400 ms on the chip."""
        block = self.victim()
        if (self.empty == block or self.erase(block)) and self.give_mark(block):
            return True
        return unload.call(_TROUBLE, "make_spare", self, block)

    def give_mark(self, block):
        """Mark a page that is erased; whether it is the spare now."""
        self.empty = block
        if not self.program(block, 0, self.mark, 0, len(self.mark)):
            return False
        self.empty = self.failed = -1
        self.cursor = self.spare = block
        return True

    def attempt(self):
        """A page is to be made ready or opened. Raises OSError while the last time is too near."""
        if self._may_pass():
            unload.call(_TROUBLE, "pass_over", self)
        elif self.is_waiting():
            raise OSError(self.refusal)

    def is_waiting(self):
        """Whether it is too early to try again."""
        if not self.wait_ms or self._may_pass():
            return False
        return self.clock.uptime_ms() < self.retry_ms

    def hurry(self):
        """The next attempt need not wait."""
        self.retry_ms = 0

    def refuse(self):
        """The attempt came to nothing: the next one waits. Raises OSError."""
        self.refused += 1
        self.wait_ms = min(4 * self.wait_ms or _FIRST_MS, _MOST_MS)
        self.retry_ms = self.clock.uptime_ms() + self.wait_ms
        raise OSError(self.refusal)

    def _may_pass(self):
        """Whether the page that failed is bad. One that follows another is given more time, and so
        is one beside which nothing worked: the flash may err for a while.
        """
        if self.failed < 0:
            return False
        if self.attempts.count != self.then:
            return self.refused >= _REFUSALS + 4 * self.passed + self.needs
        return self.refused >= 16 * (self.passed + 1)

    def erase(self, block):
        """Erase; False when the page is not empty then, or this attempt has no erase left."""
        if not self.attempts.erases or block == self.block or self.attempts.trust == 1:
            return False
        self.attempts.erases -= 1
        try:
            self.flash.erase(block)
        except OSError:
            pass  # it may be done, or not begun
        if not self.is_empty(block, 0):
            return False
        self.index.forget(block)
        return True

    def is_empty(self, block, start, end=pages.SIZE):
        """Whether every byte from `start` on reads as erased."""
        try:
            for at in range(start, end, PART):
                part = self.attempts.back[: min(PART, end - at)]
                part[-1] = 0
                self.flash.read(block, at, part)
                if part != (_ERASED if len(part) == PART else _ERASED[: len(part)]):
                    return False
        except OSError:
            return False
        return True

    def put(self, block, offset, data, start, end):
        """Program, and once more where the flash did nothing."""
        if self.program(block, offset, data, start, end):
            return True
        return self._put_again(block, offset, data, start, end)

    def _put_again(self, block, offset, data, start, end):
        self._not_there()
        # Twice, for a read may show what lay there before the last program.
        return (
            self.is_empty(block, offset, offset + end - start)
            and self.program(block, offset, data, start, end)
            and self.program(block, offset, data, start, end)
        )

    def program(self, block, offset, data, start, end):
        """Program in parts, each read back before the next; whether all of it is there."""
        if self.attempts.trust == 1:
            raise OSError(self.refusal)
        view = memoryview(data)
        while start < end:
            part = view[start : min(start + PART, end)]
            try:
                self.flash.program(block, offset, part)
            except OSError:
                pass  # it may be there all the same
            if not self._reads_back(block, offset, part):
                self._not_there()
                return False
            start += PART
            offset += PART
        self.attempts.count = self.attempts.count + 1 & _COUNT
        return True

    def _not_there(self):
        """A program does not show. Raises OSError where it is the first one behind a start: what
        shows no program may have shown no end of the log either, which is found once more.
        """
        attempts = self.attempts
        attempts.failed = attempts.count
        if not attempts.trust and attempts.proof == attempts.count:
            attempts.trust = 1
            raise OSError(self.refusal)

    def _reads_back(self, block, offset, part):
        back = self.attempts.back[: len(part)]
        for _ in range(_TRIES):
            try:
                back[-1] = part[-1] ^ 255
                self.flash.read(block, offset, back)
                if back == part:
                    return True
            except OSError:
                pass
            self.shaky = True
        return False

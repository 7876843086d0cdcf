# SPDX-License-Identifier: MIT
"""What a chip may do instead of what it was told, one function a lie, by the operation.

The sources are data sheets of serial NOR chips (busy, suspend and resume, write enable, page wrap,
block protection, power-down, reset during an erase), the driver's errors, and what lines, address
bits, stuck and weak cells, and reads that disturb do. `flash` is a LyingFlash: `clear` and
`set_block` change cells, `random` draws, `later` keeps what comes some operations on, `hurt` says
that other cells are hit.
"""

from nor import BLOCK, ERASE, ERASED, PROGRAM

READ = "read"
ONCE, ALWAYS = 1, 1 << 30
_START_MS, _START_READS = 400, 16  # what a start takes, of a block
_STEADY = "ones", "zeros", "late", "kept", "part", "old", "other", "near", "all away", "foreign"
_PAGE = 256  # bytes that a chip programs at once; an address beyond wraps within them


class Lie:
    """From the `first`-th operation of a kind on, one in `odds`, for `times` of them and for `ms`;
    `scope`: "all" blocks, the "block" that it hits first, or a set of blocks.
    """

    odds = 1
    wide = 1  # blocks from that one on
    lasts = False  # beyond the moment at which the flash is well again: it wears out
    beat_ms = 0  # it comes and goes: so long there, so long away

    def __init__(self, kind, effect, first, times=ONCE, ms=ALWAYS, scope="all"):
        self.kind = kind
        self.effect = effect
        self.ms = ms
        self.scope = scope
        self.hits = 0
        self.cell = None  # the one that flickers
        self.wait_for(first, times)
        self._until_ms = None

    def wait_for(self, first, times):
        """It begins there, and is told so often."""
        self.first = first
        self.times = times
        self._wait = first
        self._left = times

    def is_steady(self, start_reads):
        """Whether reads were misled in the same way for longer than a start lasts, which reads so
        often.
        """
        most = start_reads if self.scope == "all" else _START_READS
        lasts = self.ms > _START_MS if self.times == ALWAYS else self.times > most
        return lasts and self.effect in _STEADY and self.kind in (READ, "all") and self.hits > 0

    def hits_now(self, kind, block, now_ms, random):
        """Whether this operation is one of them."""
        if self.kind not in (kind, "all"):
            return False
        if self._wait > 1:
            self._wait -= 1
            return False
        if self._left == 0:
            return False
        if self.scope == "block":
            self.scope = range(block, block + self.wide)
        if self.scope != "all" and block not in self.scope:
            return False
        if self._until_ms is None:
            self._until_ms = now_ms + self.ms
        if now_ms >= self._until_ms:
            self._left = 0
            return False
        if self.beat_ms and now_ms // self.beat_ms % 2:
            return False
        if self.odds > 1 and random.next() % self.odds:
            return False
        self._left -= 1
        self.hits += 1
        return True


# Reads. `buf` holds what lies there; `had` is what it held before.


def _read_error(flash, lie, at, buf, had):
    raise OSError("read failed")


def _flip(flash, lie, at, buf, had):
    buf[flash.random.next() % len(buf)] ^= 1 << flash.random.next() % 8


def _noise(flash, lie, at, buf, had):
    buf[:] = flash.random.bytes(len(buf))


def _ones(flash, lie, at, buf, had):  # in power-down, or below its voltage, a chip does not answer
    buf[:] = ERASED[: len(buf)]


def _zeros(flash, lie, at, buf, had):
    buf[:] = bytes(len(buf))


def _line(flash, lie, at, buf, had):  # one bit of each byte hangs
    bit = 1 << flash.random.next() % 8
    high = flash.random.next() % 2
    for i in range(len(buf)):
        buf[i] = buf[i] | bit if high else buf[i] & ~bit


def _late(flash, lie, at, buf, had):  # all a byte late: a clock too many
    buf[:] = b"\xff" + bytes(memoryview(buf)[: len(buf) - 1])


def _kept(flash, lie, at, buf, had):  # nothing comes
    buf[:] = had


def _part(flash, lie, at, buf, had):  # half of it comes
    buf[len(buf) // 2 :] = had[len(buf) // 2 :]


def _flicker(flash, lie, at, buf, had):  # one cell reads as either
    cell = _cell(flash, lie, at, len(buf))
    if cell is not None and flash.random.next() % 2:
        buf[cell] ^= 16


def _old(flash, lie, at, buf, had):  # what lay there before the last erase or program of that block
    before = flash.before.get(at // BLOCK)
    if before:
        buf[:] = before[at % BLOCK : at % BLOCK + len(buf)]


def _other_block(flash, lie, at, buf, had):  # an address bit hangs
    other = flash.other(at // BLOCK) * BLOCK + at % BLOCK
    flash.echoed += flash.astray == (at, other)
    buf[:] = memoryview(flash.image)[other : other + len(buf)]


def _near(flash, lie, at, buf, had):  # the same within the block
    at = at // BLOCK * BLOCK + min(at % BLOCK ^ 16 << flash.random.next() % 8, BLOCK - len(buf))
    buf[:] = memoryview(flash.image)[at : at + len(buf)]


def _foreign(flash, lie, at, buf, had):  # a high address bit hangs: what another partition holds
    at %= len(flash.elsewhere) - len(buf) + 1
    buf[:] = flash.elsewhere[at : at + len(buf)]


def _spot(flash, lie, at, buf, had):  # one place cannot be read
    if _cell(flash, lie, at, len(buf)) is not None:
        raise OSError("read failed")


def _disturb(flash, lie, at, buf, had):  # reading costs a cell beside it its charge, at times
    if flash.random.next() % 8 == 0:
        block = at // BLOCK
        flash.hurt(block)
        flash.image[block * BLOCK + flash.random.next() % BLOCK] &= ~(1 << flash.random.next() % 8)


def _cell(flash, lie, at, n):
    """The place in `n` bytes from `at` on of the one cell that this lie is about, or None."""
    if lie.cell is None:
        lie.cell = at + flash.random.next() % n
    return lie.cell - at if 0 <= lie.cell - at < n else None


# Programs.


def _program_error(flash, at, data):
    raise OSError("program failed")


def _program_half_error(flash, at, data):
    _program_half(flash, at, data)
    raise OSError("program failed")


def _program_done_error(flash, at, data):  # done, and then the status timed out
    flash.clear(at, data)
    raise OSError("program failed")


def _program_later_error(flash, at, data):
    _program_later(flash, at, data)
    raise OSError("program failed")


def _nothing(flash, at, data=b""):  # write enable was lost
    pass


def _program_half(flash, at, data):
    flash.clear(at, data[: len(data) // 2])


def _bits(flash, at, data):  # some cells stay ones
    flash.clear(at, flash.some(data))


def _extra(flash, at, data):  # some fall that were not to
    noise = flash.some(flash.random.bytes(len(data)))
    if at % BLOCK == 0 and flash.holds(at // BLOCK):  # a mark that is tried beside a header
        flash.hurt(at // BLOCK)
    flash.clear(at, bytes(a & b for a, b in zip(data, noise)))


def _wrap(flash, at, data):  # beyond 256 bytes it goes on at their beginning
    room = _PAGE - at % _PAGE
    flash.clear(at, data[:room])
    if len(data) > room:
        flash.hurt(at // BLOCK)
        flash.clear(at - at % _PAGE, data[room:][:_PAGE])


def _stays(flash, at, data):  # one cell stays a one
    data = bytearray(data)
    cell = _cell(flash, flash.lie, at, len(data))
    if cell is not None:
        data[cell] |= 16
    flash.clear(at, data)


def _program_other(flash, at, data):  # an address bit hangs
    other = flash.other(at // BLOCK)
    flash.hurt(other)
    flash.astray = at, other * BLOCK + at % BLOCK
    flash.clear(other * BLOCK + at % BLOCK, data)


def _program_later(flash, at, data):
    flash.later(40, at, data)


def _fades(flash, at, data):  # it reads back, and a bit flips later
    flash.clear(at, data)
    flips = bytearray(len(data))
    flips[flash.random.next() % len(data)] = 1 << flash.random.next() % 8
    flash.later(90, at, None, flips)


# Erases.


def _erase_error(flash, at):
    raise OSError("erase failed")


def _erase_half_error(flash, at):
    _erase_half(flash, at)
    raise OSError("erase failed")


def _erase_done_error(flash, at):
    flash.set_block(at // BLOCK)
    raise OSError("erase failed")


def _erase_half(flash, at):
    at += flash.random.next() % 2 * (BLOCK // 2)
    flash.image[at : at + BLOCK // 2] = ERASED[: BLOCK // 2]


def _erase_stays(flash, at):  # one cell stays a zero
    flash.set_block(at // BLOCK)
    cell = _cell(flash, flash.lie, at, BLOCK)
    if cell is not None:
        flash.image[at + cell] &= ~16


def _erase_later(flash, at):  # suspended: it goes on some operations later
    flash.later(9, at, None, ERASED)


def _weak(flash, at):  # ones now, some of them fall later
    old = flash.cells(at // BLOCK)
    flash.set_block(at // BLOCK)
    flash.later(90, at, flash.some(old), ERASED, True)


def _erase_other(flash, at):
    other = flash.other(at // BLOCK)
    _, sequence, youngest = flash.page(other)
    if sequence and sequence == youngest:
        return  # with the newest page goes all that the flash knew of its numbers
    flash.hurt(other)
    flash.set_block(other)


READS = {
    "error": _read_error, "flip": _flip, "noise": _noise, "ones": _ones, "zeros": _zeros,
    "line": _line, "late": _late, "kept": _kept, "part": _part, "flicker": _flicker, "old": _old,
    "other": _other_block, "near": _near, "spot": _spot, "disturb": _disturb,
}  # fmt: skip
PROGRAMS = {
    "error": _program_error, "error-half": _program_half_error, "error-done": _program_done_error,
    "error-later": _program_later_error, "nothing": _nothing, "half": _program_half, "bits": _bits,
    "extra": _extra, "wrap": _wrap, "other": _program_other, "later": _program_later,
    "fades": _fades, "stays": _stays,
}  # fmt: skip
ERASES = {
    "error": _erase_error, "error-half": _erase_half_error, "error-done": _erase_done_error,
    "nothing": _nothing, "half": _erase_half, "later": _erase_later, "weak": _weak,
    "other": _erase_other, "stays": _erase_stays,
}  # fmt: skip
# Of all operations: the driver gives up; nobody answers; the block has become read-only, and says
# so or not.
READS.update({"all error": _read_error, "all away": _ones, "all locked": None})
PROGRAMS.update({"all error": _program_error, "all away": _nothing, "all locked": _nothing})
ERASES.update({"all error": _erase_error, "all away": _nothing, "all locked": _nothing})
READS["all refused"], PROGRAMS["all refused"] = None, _program_error
ERASES["all refused"] = _erase_error
BY_KIND = {READ: READS, PROGRAM: PROGRAMS, ERASE: ERASES}
EFFECTS = {
    kind: sorted(name for name in by if not name.startswith("all")) for kind, by in BY_KIND.items()
}
EFFECTS["all"] = sorted(name for name in READS if name.startswith("all"))
READS["foreign"] = _foreign  # not drawn beside others: trials of earlier seeds would be other ones

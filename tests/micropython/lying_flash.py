# SPDX-License-Identifier: MIT
"""A NOR flash that errs for a while: it refuses, it does half of what it was told, or it reads what
is not there; and the power may fail in the middle of all that.

`image` is what lies in the cells. A `Lie` stands between them and the node, for some operations.
What a lie does to cells that nobody named is remembered in `hurt`: those blocks may lose records,
and nothing else may. What an operation leaves unfinished may fall *later*: cells that read as ones
now and as what was programmed, or as what was erased, some operations on.
"""

import nor
from nor import BLOCK, ERASE, ERASED, PROGRAM, Random

READ = "read"
ONCE, ALWAYS = 1, 1 << 30
_STUCK = 60000  # operations in one trial: more, and the node goes round in a circle
_PAGE = 256  # bytes that a chip programs at once; an address beyond wraps within them

# What a chip may do, by the operation that it was told. The sources are data sheets of 25-series
# chips (busy, suspend, write enable, page wrap, power-down) and what lines and cells do.
READS = (
    "error",  # the driver says so
    "flip",  # one bit
    "noise",  # every byte
    "ones",  # in power-down, or below its voltage, a chip does not answer
    "zeros",
    "line",  # one bit of each byte hangs
    "late",  # all a byte late: a clock too many
    "kept",  # nothing comes, and the buffer stays as it was
    "old",  # what lay there before the last erase or program of that block
    "other",  # an address bit hangs: what lies in another block
    "near",  # the same within the block
)
PROGRAMS = (
    "error",  # nothing done, and said
    "error-half",
    "error-done",  # done, and then the status timed out
    "error-later",  # cells that will fall
    "nothing",  # write enable was lost
    "half",
    "bits",  # some cells stay ones
    "extra",  # some fall that were not to
    "wrap",  # beyond 256 bytes it goes on at their beginning
    "other",  # an address bit hangs
    "later",  # it is done some operations later
    "fades",  # it reads back, and some bits flip later
)
ERASES = (
    "error",
    "error-half",
    "error-done",
    "nothing",
    "half",
    "later",  # suspended: it goes on some operations later
    "weak",  # ones now, some of them fall later
    "other",
)
# Of all operations: nobody answers; the block has become read-only, and says so or not.
ALL = ("error", "away", "locked", "locked-error")
KINDS = {READ: READS, PROGRAM: PROGRAMS, ERASE: ERASES, "all": ALL}


class PowerCut(BaseException):
    """Nothing in the node catches this."""


class StuckError(BaseException):
    """The node goes round in a circle."""


class Lie:
    """From the `first`-th operation of a kind on, for `times` of them and for `ms`; `scope`: "all"
    blocks, the "block" that it hits first, or a set of blocks.
    """

    def __init__(self, kind, effect, first, times=ONCE, ms=ALWAYS, scope="all"):
        self.kind = kind
        self.effect = effect
        self.first = first
        self.times = times
        self.ms = ms
        self.scope = scope
        self._wait = first
        self._left = times
        self._until_ms = None
        self.hits = 0

    def hits_now(self, kind, block, now_ms):
        """Whether this operation is one of them."""
        if self.kind not in (kind, "all"):
            return False
        if self._wait > 1:
            self._wait -= 1
            return False
        if self._left == 0:
            return False
        if self.scope == "block":
            self.scope = (block,)
        if self.scope != "all" and block not in self.scope:
            return False
        if self._until_ms is None:
            self._until_ms = now_ms + self.ms
        if now_ms >= self._until_ms:
            self._left = 0
            return False
        self._left -= 1
        self.hits += 1
        return True


class LyingFlash(nor.Flash):
    """`clock()` says the time in ms. `lies` are in force in their order, one for an operation."""

    def __init__(self, blocks, image, clock, seed):
        super().__init__(blocks, image)
        self.remembers = False
        self.lies = []
        self.hurt = set()
        self.tries = 0  # erases that were asked for
        self.taken = []  # blocks whose cells an erase set
        self.counts = {READ: 0, PROGRAM: 0, ERASE: 0}
        self.cut_at = None  # (kind, the how many-th of it, shape)
        self._random = Random(seed)
        self._clock = clock
        self._later = []  # [operations left, block, offset, cells that fall: ANDed, flipped]
        self._before = {}  # block: what lay there before its last program or erase

    def heal(self):
        """From here on it does what it is told."""
        self.lies = []
        self.cut_at = None
        self._fall(ALWAYS)

    def power_up(self):
        """Some of what hangs in the air comes down while the power is off."""
        self._fall(self._random.next() % 60)

    # What the node asks for.

    def read(self, block, offset, buf):
        """Fill `buf` with what lies there, or with what does not."""
        lie = self._next(READ, block)
        if lie is None:
            super().read(block, offset, buf)
        else:
            self._misread(lie.effect, block, offset, buf)

    def program(self, block, offset, buf):
        """Clear bits, or not."""
        lie = self._next(PROGRAM, block)
        data = bytes(buf)
        if self._is_cut(PROGRAM):
            self._cut_program(block, offset, data)
        self._remember(block)
        if lie is None:
            self._clear(block * BLOCK + offset, data)
        else:
            self._misprogram(lie.effect, block, offset, data)

    def erase(self, block):
        """Set a block to ones, or not."""
        lie = self._next(ERASE, block)
        self.tries += 1
        if self._is_cut(ERASE):
            self._cut_erase(block)
        self._remember(block)
        if lie is None:
            self._set(block)
        else:
            self._miserase(lie.effect, block)

    # How it goes wrong.

    def _next(self, kind, block):
        self.operations += 1
        if self.operations > _STUCK:
            raise StuckError
        self.counts[kind] += 1
        if self._later:
            self._fall(1)
        for lie in self.lies:
            if lie.hits_now(kind, block, self._clock()):
                return lie
        return None

    def _is_cut(self, kind):
        return self.cut_at is not None and self.cut_at[:2] == (kind, self.counts[kind])

    def _remember(self, block):
        self._before[block] = bytes(memoryview(self.image)[block * BLOCK : (block + 1) * BLOCK])

    def _other(self, block):
        return (block ^ 1 << self._random.next() % 3) % self.blocks

    def _misread(self, effect, block, offset, buf):
        random = self._random
        n = len(buf)
        if effect in ("error", "kept"):
            if effect == "error":
                raise OSError("read failed")
            return
        if effect == "other":
            block = self._other(block)
        elif effect == "near":
            offset = min(offset ^ 16 << random.next() % 8, BLOCK - n)
        super().read(block, offset, buf)
        if effect == "flip":
            buf[random.next() % n] ^= 1 << random.next() % 8
        elif effect == "noise":
            buf[:] = random.bytes(n)
        elif effect in ("ones", "away"):
            buf[:] = ERASED[:n]
        elif effect == "zeros":
            buf[:] = bytes(n)
        elif effect == "line":
            bit = 1 << random.next() % 8
            high = random.next() % 2
            for i in range(n):
                buf[i] = buf[i] | bit if high else buf[i] & ~bit
        elif effect == "late":
            buf[:] = b"\xff" + bytes(memoryview(buf)[: n - 1])
        elif effect == "old" and block in self._before:
            buf[:] = self._before[block][offset : offset + n]

    def _misprogram(self, effect, block, offset, data):
        random = self._random
        n = len(data)
        at = block * BLOCK + offset
        if effect in ("error-half", "half"):
            self._clear(at, data[: n // 2])
        elif effect in ("error-done", "fades"):
            self._clear(at, data)
        elif effect == "bits":
            self._clear(at, bytes(a | b for a, b in zip(data, random.bytes(n))))
        elif effect == "extra":
            noise = zip(random.bytes(n), random.bytes(n))
            self._clear(at, bytes(a & (b | c) for a, (b, c) in zip(data, noise)))
        elif effect == "wrap":
            room = _PAGE - offset % _PAGE
            self._clear(at, data[:room])
            if n > room:
                self._clear(at - offset % _PAGE, data[room:][:_PAGE])
                self.hurt.add(block)
        elif effect == "other":
            other = self._other(block)
            self._clear(other * BLOCK + offset, data)
            self.hurt.add(other)
        elif effect in ("error-later", "later"):
            self._later.append([1 + random.next() % 40, at, data, None])
        if effect == "fades":
            flips = bytearray(n)
            flips[random.next() % n] = 1 << random.next() % 8
            self._later.append([3 + random.next() % 90, at, None, flips])
            self.hurt.add(block)
        if effect.startswith("error") or effect == "locked-error":
            raise OSError("program failed")

    def _miserase(self, effect, block):
        random = self._random
        at = block * BLOCK
        if effect in ("error-half", "half"):
            start = at + random.next() % 2 * (BLOCK // 2)
            self.image[start : start + BLOCK // 2] = ERASED[: BLOCK // 2]
            self.taken.append(block)
        elif effect == "error-done":
            self._set(block)
        elif effect == "other":
            other = self._other(block)
            self._remember(other)
            self.image[other * BLOCK : (other + 1) * BLOCK] = ERASED
            self.hurt.add(other)
        elif effect == "weak":
            old = self._before[block]
            self._set(block)
            mask = bytes(a | b for a, b in zip(old, random.bytes(BLOCK)))
            self._later.append([3 + random.next() % 90, at, mask, None])
            self.hurt.add(block)
        elif effect == "later":
            self._later.append([1 + random.next() % 9, at, ERASED, ERASED])
        if effect.startswith("error") or effect == "locked-error":
            raise OSError("erase failed")

    def _set(self, block):
        self.erases[block] += 1
        self.taken.append(block)
        self.image[block * BLOCK : (block + 1) * BLOCK] = ERASED

    # What comes later.

    def _fall(self, operations):
        rest = []
        for item in self._later:
            item[0] -= operations
            if item[0] > 0:
                rest.append(item)
                continue
            _, at, mask, flips = item
            if mask is ERASED:
                self._set(at // BLOCK)
            elif mask is not None:
                self._clear(at, mask)
            else:
                for i in range(len(flips)):
                    self.image[at + i] ^= flips[i]
        self._later = rest

    def _cut_program(self, block, offset, data):
        shape = self.cut_at[2]
        at = block * BLOCK + offset
        if shape == "later":
            # The charge that was to clear these cells is there, and does not show yet.
            part = bytes(a | b for a, b in zip(data, self._random.bytes(len(data))))
            self._later.append([1 + self._random.next() % 120, at, part, None])
        else:
            self._tear_program(at, data, shape, self._random)
        raise PowerCut

    def _cut_erase(self, block):
        shape = self.cut_at[2]
        at = block * BLOCK
        old = bytes(memoryview(self.image)[at : at + BLOCK])
        self.taken.append(block)
        if shape == "later":
            self.image[at : at + BLOCK] = ERASED
            mask = bytes(a | b for a, b in zip(old, self._random.bytes(BLOCK)))
            self._later.append([1 + self._random.next() % 120, at, mask, None])
        else:
            self._tear_erase(at, shape, self._random)
        raise PowerCut

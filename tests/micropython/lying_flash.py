# SPDX-License-Identifier: MIT
"""A NOR flash that errs for a while: it refuses, it does half of what it was told, or it reads what
is not there; and the power may fail in the middle of all that.

`image` is what lies in the cells. A Lie (lies.py) stands between them and the node, for some
operations. What it does to cells that nobody named is remembered in `pages_hurt`: those pages may
lose records, and nothing else may. What an operation leaves unfinished may fall *later*: cells that
read as ones now and as what was programmed, or as what was erased, some operations on.
"""

import nor
from lies import ALWAYS, BY_KIND, READ
from nor import BLOCK, ERASE, ERASED, PROGRAM, Random

_STUCK = 250000  # operations in one trial: more, and the node goes round in a circle
_FALL = 120  # operations until what a cut left comes down
SHAPES = nor.SHAPES + ("later", "later", "later")  # the others show at once


class PowerCut(BaseException):
    """Nothing in the node catches this."""


class StuckError(BaseException):
    """The node goes round in a circle."""


class LyingFlash(nor.Flash):
    """`clock()` says the time in ms. `lies` are in force in their order, one for an operation."""

    def __init__(self, blocks, image, clock, seed):
        super().__init__(blocks, image)
        self.remembers = False
        self.lies = []
        self.pages_hurt = []  # [block, sequence of its page or 0, first number, epoch]
        self.tries = 0  # erases that were asked for
        self.asked = []  # [block, sequence] of the pages for which
        self.counts = {READ: 0, PROGRAM: 0, ERASE: 0}
        self.cut_at = None  # (kind, the how many-th of it, shape)
        self.before = {}  # block: what lay there before its last program or erase
        self.random = Random(seed)
        self.elsewhere = Random(~seed).bytes(BLOCK + 64)  # what lies in another partition
        self.astray = None  # (where the last program was to go, where it went)
        self.late = 0  # operations more until what was begun comes down
        self.echoed = 0  # programs that went elsewhere, where the read-back was made as well
        self._clock = clock
        self.lie = None  # the one that is told
        # [operations left, at, bytes to AND, bits to flip or ERASED, an erase ends it]
        self._later = []

    def heal(self):
        """From here on it does what it is told."""
        self.lies = [lie for lie in self.lies if lie.lasts]
        self.cut_at = None
        self._fall(ALWAYS)

    def cut_in(self, kind, count, shape):
        """The power fails in the `count`-th operation of this kind from now on."""
        self.cut_at = kind, self.counts[kind] + count, shape

    def power_up(self):
        """Some of what hangs in the air comes down while the power is off."""
        self._fall(self.random.next() % (_FALL // 2))

    def flip(self, bits):
        """These bits of the partition flip."""
        for bit in bits:
            self.hurt(bit // 8 // BLOCK)
            self.image[bit // 8] ^= 1 << bit % 8

    # What the node asks for.

    def read(self, block, offset, buf):
        """Fill `buf` with what lies there, or with what does not."""
        lie = self._next(READ, block)
        had = bytes(buf) if lie else b""
        super().read(block, offset, buf)
        if lie:
            lie(self, self.lie, block * BLOCK + offset, buf, had)

    def program(self, block, offset, buf):
        """Clear bits, or not."""
        lie = self._next(PROGRAM, block)
        at, data = block * BLOCK + offset, bytes(buf)
        if self.cut_at is not None and self.cut_at[:2] == (PROGRAM, self.counts[PROGRAM]):
            self._cut_program(at, data)
        self.before[block] = self.cells(block)
        self.astray = None
        (lie or LyingFlash.clear)(self, at, data)

    def erase(self, block):
        """Set a block to ones, or not."""
        lie = self._next(ERASE, block)
        self.tries += 1
        sequence = self._sequence(block, self.image[block * BLOCK : block * BLOCK + 2])
        if sequence and [block, sequence] not in self.asked:
            self.asked.append([block, sequence])
        if self.cut_at is not None and self.cut_at[:2] == (ERASE, self.counts[ERASE]):
            self._cut_erase(block)
        self.before[block] = self.cells(block)
        if lie:
            lie(self, block * BLOCK)
        else:
            self.set_block(block)

    # What lies ask for.

    def clear(self, at, data):
        """Clear bits."""
        self._clear(at, data)

    def set_block(self, block):
        """Set all bits of a block: no charge is left in its cells."""
        self._later = [item for item in self._later if not (item[4] and item[1] // BLOCK == block)]
        self.image[block * BLOCK : (block + 1) * BLOCK] = ERASED

    def cells(self, block):
        """What lies in a block."""
        return bytes(memoryview(self.image)[block * BLOCK : (block + 1) * BLOCK])

    def holds(self, block):
        """Whether a page with a header lies there."""
        return self._sequence(block, bytes(self.image[block * BLOCK : block * BLOCK + 2])) > 0

    def some(self, data):
        """`data` with half of its zeros."""
        return bytes(a | b for a, b in zip(data, self.random.bytes(len(data))))

    def other(self, block):
        """Another block: one bit of its address differs."""
        return (block ^ 1 << self.random.next() % 3) % self.blocks

    def later(self, most, at, mask, flips=None, charge=False):
        """Within `most` operations `mask` is cleared, `flips` flip or the block is set (ERASED);
        a `charge` that hangs in cells until then goes with an erase of them.
        """
        left = self.late + 1 + self.random.next() % most
        self._later.append([left, at, mask, flips, charge])

    def hurt(self, block):
        """Cells of this block are hit that nobody named."""
        at = block * BLOCK
        sequence = self._sequence(block, bytes(self.image[at : at + 2]))
        epoch = int.from_bytes(self.image[at + 8 : at + 12], "little") if sequence else 0
        number = int.from_bytes(self.image[at + 12 : at + 16], "little") if sequence else 0
        if [block, sequence, number, epoch] not in self.pages_hurt:
            self.pages_hurt.append([block, sequence, number, epoch])

    # How it goes on.

    def _next(self, kind, block):
        """The function of the lie that is told now, or None."""
        self.operations += 1
        if self.operations > _STUCK:
            raise StuckError
        self.counts[kind] += 1
        if self._later:
            self._fall(1)
        for lie in self.lies:
            if lie.hits_now(kind, block, self._clock(), self.random):
                self.lie = lie
                return BY_KIND[kind][lie.effect]
        return None

    def _fall(self, operations):
        due = []
        for item in self._later:
            item[0] -= operations
            if item[0] <= 0:
                due.append(item)
        self._later = [item for item in self._later if item[0] > 0]
        for _, at, mask, flips, _ in due:
            if flips is not None:  # of what was done, and read back
                self.hurt(at // BLOCK)
            if mask is not None:
                self._clear(at, mask)
            elif flips is ERASED:
                self.set_block(at // BLOCK)
            else:
                for i in range(len(flips)):
                    self.image[at + i] ^= flips[i]

    def _cut_program(self, at, data):
        shape = self.cut_at[2]
        if shape == "later":  # the charge that is to clear these cells does not show yet
            self.later(_FALL, at, self.some(data), None, True)
        else:
            self._tear_program(at, data, shape, self.random)
        raise PowerCut

    def _cut_erase(self, block):
        shape, at = self.cut_at[2], block * BLOCK
        if shape == "later":
            old = self.cells(block)
            self.set_block(block)
            self.later(_FALL, at, self.some(old), None, True)
        else:
            self._tear_erase(at, shape, self.random)
        raise PowerCut

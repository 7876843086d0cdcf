# SPDX-License-Identifier: MIT
"""A NOR flash in RAM: programming only clears bits, an erase sets a block of 4096 bytes.

`watch(kind, block, offset, data)` is called before each program and erase: what a cut would find.
`torn` leaves an operation in one of the `SHAPES`. A *fault* is what a block does instead.
"""

import struct
from binascii import crc32

BLOCK = 4096
ERASED = b"\xff" * BLOCK
PROGRAM = "program"
ERASE = "erase"
# Of an operation that the cut interrupts: nothing of it, its first or last half, every byte random,
# some of its bits, all of it (but nobody was told).
SHAPES = ("nothing", "half", "tail", "random", "bits", "all")
FAULTS = ("program-error", "program-half", "program-ignored", "erase-error", "erase-ignored")


class Random:
    """xorshift32: the same seed tears in the same way everywhere."""

    def __init__(self, seed):
        self._x = seed & 0xFFFFFFFF or 1

    def next(self):
        x = self._x
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._x = x
        return x

    def bytes(self, n):
        out = bytearray(n)
        for i in range(n):
            out[i] = self.next() >> 11 & 255
        return out


class Flash:
    """What `tirta_node.hal.flash.Flash` is, over a bytearray."""

    BLOCK = BLOCK

    def __init__(self, blocks, image=None):
        self.blocks = blocks
        self.image = bytearray(ERASED * blocks) if image is None else bytearray(image)
        self.watch = None
        self.erases = [0] * blocks
        self.remembers = True  # what was erased: a long run has no room for it
        self.erased = []  # blocks, in order
        self.pages_erased = []  # what `page` said before each
        self.operations = 0
        self.faults = {}  # block: fault

    def read(self, block, offset, buf):
        at = block * BLOCK + offset
        buf[:] = memoryview(self.image)[at : at + len(buf)]

    def program(self, block, offset, buf):
        self._begin(PROGRAM, block, offset, buf)
        fault = self.faults.get(block)
        if fault == "program-error":
            raise OSError("program failed")
        if fault == "program-half":
            buf = memoryview(buf)[: len(buf) // 2]
        if fault != "program-ignored":
            self._clear(block * BLOCK + offset, buf)

    def erase(self, block):
        self._begin(ERASE, block, 0, b"")
        fault = self.faults.get(block)
        if fault == "erase-error":
            raise OSError("erase failed")
        if fault != "erase-ignored":
            self.erases[block] += 1
            if self.remembers:
                self.erased.append(block)
                self.pages_erased.append(self.page(block))
            self.image[block * BLOCK : (block + 1) * BLOCK] = ERASED

    def page(self, block):
        """[block, sequence of the page there, youngest sequence in its ring]; 0 = no page."""
        at = block * BLOCK
        mark = bytes(self.image[at : at + 2])
        sequences = [self._sequence(i, mark) for i in range(self.blocks)]
        return [block, sequences[block], max(sequences)]

    def _sequence(self, block, mark):
        head = memoryview(self.image)[block * BLOCK : block * BLOCK + 40]
        if bytes(head[:2]) != mark or mark == b"\xff\xff":
            return 0
        sequence, crc = struct.unpack_from("<I", head, 4)[0], struct.unpack_from("<I", head, 36)[0]
        return sequence if crc32(head[2:36]) == crc else 0

    def _begin(self, kind, block, offset, data):
        self.operations += 1
        if self.watch is not None:
            self.watch(kind, block, offset, data)

    def _clear(self, at, data):
        old = int.from_bytes(self.image[at : at + len(data)], "little")
        new = old & int.from_bytes(bytes(data), "little")
        self.image[at : at + len(data)] = new.to_bytes(len(data), "little")

    def torn(self, kind, block, offset, data, shape, seed):
        """A Flash as the power cut leaves it in the middle of this operation."""
        after = Flash(self.blocks, self.image)
        if kind == PROGRAM:
            after._tear_program(block * BLOCK + offset, bytes(data), shape, Random(seed))
        else:
            after._tear_erase(block * BLOCK, shape, Random(seed))
        return after

    def _tear_program(self, at, data, shape, random):
        n = len(data)
        if shape == "half":
            self._clear(at, data[: n // 2])
        elif shape == "tail":
            self._clear(at + n // 2, data[n // 2 :])
        elif shape == "random":
            self._clear(at, random.bytes(n))
        elif shape == "bits":
            self._clear(at, bytes(a | b for a, b in zip(data, random.bytes(n))))
        elif shape == "all":
            self._clear(at, data)

    def _tear_erase(self, at, shape, random):
        half = BLOCK // 2
        if shape == "half":
            self.image[at : at + half] = ERASED[:half]
        elif shape == "tail":
            self.image[at + half : at + BLOCK] = ERASED[half:]
        elif shape == "all":
            self.image[at : at + BLOCK] = ERASED
        elif shape in ("random", "bits"):
            # An erase only sets bits: all of them hang in the air, or a quarter of them is set.
            for i in range(at, at + BLOCK):
                noise = random.next()
                self.image[i] |= noise & (255 if shape == "random" else noise >> 8 & 255)

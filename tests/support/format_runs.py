# SPDX-License-Identifier: MIT
"""A second reader of compressed runs, written from FORMAT.md 4b alone; it imports nothing of Tirta.

Slow and plain on purpose, with the names of the page; each step names its section. Table A is read
from the page itself.
"""

import functools
from pathlib import Path

PAGE = Path(__file__).parents[2] / "firmware/tirta_format/FORMAT.md"
MASK32 = (1 << 32) - 1
Found = tuple[int, list[int | None], list[int]]  # slip, values without a sign, flags


class MalformedError(Exception):
    """Bytes that no writer leaves (end of 4b.5)."""


@functools.cache
def table_a() -> bytes:
    """4b.6."""
    block = PAGE.read_text(encoding="utf-8").split("### 4b.6 Table A")[1].split("```")[1]
    return bytes.fromhex(block)


class Bits:
    """The decoder of 4b.1."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.code = int.from_bytes((data + bytes(4))[:4], "big")
        self.at = 4
        self.range = 1 << 29

    def more(self) -> None:
        while self.range < 1 << 21:
            self.code = self.code * 256 + (self.data[self.at] if self.at < len(self.data) else 0)
            self.at += 1
            self.range *= 256

    def step(self, words: list[int], i: int) -> bool:
        bound = (self.range >> 12) * (words[i] >> 4)
        on = self.code < 8 * bound
        if on:
            self.range = bound
            words[i] += (65535 - words[i]) >> 6
        else:
            self.code -= 8 * bound
            self.range -= bound
            words[i] -= words[i] >> 6
        self.more()
        return on

    def steps(self, words: list[int], at: int, most: int) -> int:
        for j in range(most):
            if not self.step(words, at + j):
                return j
        return most

    def raw(self, n: int) -> int:
        v = 0
        while n:
            m = min(n, 10)
            self.range >>= m
            w, self.code = divmod(self.code, 8 * self.range)
            if w >> m:
                raise MalformedError("raw bits out of range")
            self.more()
            v, n = v << m | w, n - m
        return v


class Block:
    """The table of 4b.2."""

    def __init__(self) -> None:
        self.X: int | None = None
        self.A: int | None = None
        self.J = 0
        self.D = self.M = self.best = self.G = self.use = 0
        self.W = [0, 0]
        self.E = [0, 0, 0, 0]
        self.F = self.S = 32
        self.R = [0, 0, 0]
        self.H = 64
        self.words = [32768] * 4


def scale(m: int) -> int:
    """L(m) of 4b.4."""
    for top, shift, more in ((1 << 8, 0, 0), (1 << 14, 6, 12), (1 << 20, 12, 24)):
        if m < top:
            return more + small_scale(m >> shift)
    return 36 + small_scale(m >> 18)


def small_scale(m: int) -> int:
    n = m.bit_length() - 1
    return 0 if m < 2 else 2 * n + (m >> (n - 1) & 1)


def clamp(v: int, low: int, high: int) -> int:
    return min(max(v, low), high)


class Models:
    """Everything of 4b.2."""

    def __init__(self, channels: int, version: int = 2) -> None:
        self.channels = channels
        self.version = version
        self.blocks = [Block() for _ in range(channels + 1)]
        self.bucket = [256 * b for b in table_a()]
        self.head = [1024, 32768]
        self.flags = [1] * channels
        self.T = 0

    def run(self, data: bytes, count: int) -> list[Found]:
        bits = Bits(data)
        return [self.record(bits) for _ in range(count)]

    def record(self, bits: Bits) -> Found:
        """4b.3."""
        self.e1 = self.e2 = self.q1 = self.q2 = 0
        head = bits.steps(self.head, 0, 2)
        if head == 2:
            word = 0
            for c in range(self.channels):
                word = bits.raw(16) if c % 4 == 0 else word >> 4
                self.flags[c] = word & 15
        slip = self.value(bits, 0, self.T % 4) if head else 0
        values: list[int | None] = []
        for c in range(1, self.channels + 1):
            if self.flags[c - 1] == 9:
                self.e2, self.q2, self.e1 = self.e1, self.q1, 0
                values.append(None)
            else:
                values.append(self.value(bits, c, (self.T + c) % 4))
        self.T += 1
        return slip, values, list(self.flags)

    def value(self, bits: Bits, c: int, turn: int) -> int:
        """4b.4."""
        b = self.blocks[c]
        q = scale((b.F + b.S) >> 1)
        k = (q - 8) >> 1 if q > 10 else 0
        r = q if q <= 10 else 11 + q % 2 + (2 if q > 12 else 0)
        r += 15 if b.F > b.S + (b.S >> 1) else 0
        h = b.H if q > 8 else 0
        predictors = [0, b.D, (b.M + 8) >> 4, b.D >> 1]
        p = predictors[b.best]
        x = (b.W[0] * self.e1 + b.W[1] * self.e2 + 2048) >> 12
        u = b.use
        if turn == 2:
            u = 1 if b.G + (b.F >> 1) < 0 else 0
        guess = p + x if u else p
        value = symbols(bits, b, self.bucket, (k, r, h), guess)
        e = 0
        d = None if b.X is None else distance(b.X, value)
        if d is None:
            b.D = b.M = 0
            if b.X is not None and self.version == 2:
                learn_leap(b, value)
        else:
            e = d - guess
            if turn == 2:
                self.learn_neighbours(b, q, d - p, x, u)
            learn(b, turn, d, e, predictors)
            if h > 31:
                learn_recent(b, turn, q, d, value)
            if b.A is not None:
                b.A = (b.A + (d >> 4)) & MASK32
        b.X = (value + (b.A or 0)) & MASK32
        self.e2, self.q2, self.q1 = self.e1, self.q1, q
        self.e1 = 0 if e < -8192 or e > 8191 else e
        return value

    def learn_neighbours(self, b: Block, q: int, x2: int, x: int, u: int) -> None:
        """4b.5, 1."""
        y = x2 - x
        for i, (ei, qi) in enumerate(((self.e1, self.q1), (self.e2, self.q2))):
            if ei and y:
                step = 1 << clamp((q - qi + 20) >> 1, 0, 14)
                weight = b.W[i] + (step if (y < 0) == (ei < 0) else -step)
                if -32768 <= weight <= 32767:
                    b.W[i] = weight
        b.use = u
        b.G += (16 * clamp(abs(y) - abs(x2), -4096, 4096) - b.G) >> 4


def distance(last: int, value: int) -> int | None:
    """d of a near value, None for another."""
    s = ((value >> 16) - (last >> 16) + 8) % 65536 - 8
    return (s << 16) + (value & 65535) - (last & 65535) if s <= 7 else None


def symbols(
    bits: Bits, b: Block, bucket: list[int], scales: tuple[int, int, int], guess: int
) -> int:
    """4b.4, Symbols."""
    k, row, h = scales
    if h > 64:
        i = bits.steps(b.words, 0, 4)
        if i < 4 and b.X is None:
            raise MalformedError("a recent value before the first")
        if i == 0:
            return b.X or 0
        if i < 4:
            return ((b.X or 0) + (b.R[i - 1] - (b.X or 0) + 32768) % 65536 - 32768) & MASK32
    j = 15 if b.X is None else bits.steps(bucket, 16 * row, 15)
    if b.X is None or j == 15:
        low = bits.raw(17)
        if low >> 16:
            return bits.raw(16) << 16 | low & 65535
        return low if low < 32768 else low | 0xFFFF0000
    if j == 0:
        a = bits.raw(k)
        sign = bits.raw(1) if a else 0
    else:
        n = max(0, j - 2)
        place = bits.raw(k + n + 1)
        sign = place & 1
        a = (place >> 1) + (j << k if j < 3 else ((1 << n) + 1) << k)
    d = (-a if sign else a) + guess
    value = (b.X + d) & MASK32
    if distance(b.X, value) != d:
        raise MalformedError("a residual that leads too far")
    return value


def learn_leap(b: Block, value: int) -> None:
    """End of 4b.5."""
    leap = (value - (b.X or 0) + (b.A or 0)) & MASK32
    high = leap >> 16
    b.A = leap if (high - b.J + 8) % 65536 - 8 <= 7 else None
    b.J = high


def learn(b: Block, turn: int, d: int, e: int, predictors: list[int]) -> None:
    """4b.5, 2 to 4."""
    if turn == 0:
        for i in range(4):
            b.E[i] += 16 * abs(d - predictors[i]) - (b.E[i] >> 4)
        b.best = b.E.index(min(b.E))
    b.D = d
    n = b.M - 16 * d
    b.M = n - (n >> 2)
    b.F += (16 * abs(e) - b.F) >> 2
    b.S += (16 * abs(e) - b.S) >> 3


def learn_recent(b: Block, turn: int, q: int, d: int, value: int) -> None:
    """4b.5, 5."""
    v, last = value & 65535, (b.X or 0) & 65535
    i = 4
    if d == 0:
        i = 0
    elif -32768 <= d <= 32767 and v in b.R:
        i = 1 + b.R.index(v)
    if d:
        a1, a2 = b.R[0], b.R[1]
        b.R[0] = last
        if a1 != v:
            b.R[1] = a1
            if a2 != v:
                b.R[2] = a2
    if turn == 0:
        b.H += ((32 * (q - 8) if i < 4 else 0) - b.H) >> 4

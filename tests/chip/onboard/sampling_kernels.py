# SPDX-License-Identifier: MIT
"""The kernels of sampling as the chip runs them, against their plain run (plain_viper.py):
statistics, quality and tick on the same memory, word for word. Twice as much of it fits as a node
of 16 channels has.
"""

from array import array

import account_words
import plain_viper
import uctypes
from nor import Random

try:
    from tirta_node.sampling import quality_viper, statistics_viper, tick_viper
except ImportError:  # on a node there are no rooms
    from tirta_node import quality_viper, statistics_viper, tick_viper

quality = plain_viper.kernels("quality_viper")
statistics = plain_viper.kernels("statistics_viper")
ticks = plain_viper.kernels("tick_viper")

GOOD, SUSPECT, FAIL, MISSING = 1, 3, 4, 9
TICKS = (1 << 30) - 1
SEED = 20261129


class Chance(Random):
    """Numbers that are the same everywhere."""

    def within(self, low, high):
        return low + self.next() % (high - low + 1)

    def of(self, *choices):
        return choices[self.next() % len(choices)]


class Bench:
    """Cells with accounts and limits behind them, as accounts.py lays them out."""

    def __init__(self, cells, accounts=(), limits=()):
        flags_at = 11 + cells
        acc_at = flags_at + (cells + 3) // 4
        qc_at = acc_at + len(accounts)
        words = array("i", bytes(4 * acc_at))
        words.extend(array("i", accounts))
        words.extend(array("i", limits))
        words[1], words[8], words[9], words[10] = 1, flags_at, acc_at, qc_at
        self.words = words
        self.at = uctypes.addressof(words)
        whole = memoryview(words)
        self.values = whole[11:flags_at]
        self.flags = uctypes.bytearray_at(self.at + 4 * flags_at, cells)

    def sample(self, chance, most):
        for c in range(len(self.values)):
            self.values[c] = chance.within(-most, most)
            self.flags[c] = chance.of(GOOD, GOOD, GOOD, GOOD, GOOD, GOOD, SUSPECT, FAIL, MISSING)


def same(kernel, plain, why):
    """Fails with the first word that differs."""
    for i, (ours, theirs) in enumerate(zip(kernel, plain)):
        assert ours == theirs, (why, i, ours, theirs)


def test_statistics():
    cells = 3
    kernel, plain = (Bench(cells, account_words.of(statistics, cells)) for _ in range(2))
    of_kernel, of_plain = Bench(8 * cells), Bench(8 * cells)
    for most, samples in ((40, 30), (30000, 200), (5, 0), (1 << 20, 9), (1 << 24, 1)):
        ours, theirs = Chance(SEED), Chance(SEED)
        for slot in range(samples):
            kernel.sample(ours, most)
            plain.sample(theirs, most)
            statistics_viper.add(kernel.at, slot)
            statistics.add(plain.at, slot)
            same(kernel.words, plain.words, (most, slot))
        kept = int(samples == 30)
        statistics_viper.close(kernel.at, of_kernel.at, kept)
        statistics.close(plain.at, of_plain.at, kept)
        same(kernel.words, plain.words, most)
        same(of_kernel.words, of_plain.words, most)
        assert not samples or any(of_kernel.values)


def test_quality():
    flat = 6
    limits = [2]
    for cell, late in ((0, 1), (1, 0)):
        limits += [cell, -90, 90, -70, 70, 60, late, 30, 50, 4, 3, flat, 0, 0, MISSING]
        limits += [0] * (quality._KEPT - 15 + flat + 1)
    kernel, plain = Bench(2, (), limits), Bench(2, (), limits)
    ours, theirs = Chance(SEED), Chance(SEED)
    found = set()
    for slot in range(300):
        most = 2 if slot % 40 > 25 else 100
        kernel.sample(ours, most)
        plain.sample(theirs, most)
        quality_viper.judge(kernel.at, slot)
        quality.judge(plain.at, slot)
        same(kernel.words, plain.words, slot)
        found.update(kernel.flags)
    assert found >= {GOOD, SUSPECT, FAIL, MISSING}, found


class Driver:
    """What a tick asks of a driver that is no row of its table."""

    def __init__(self, chance):
        self._chance = chance
        self.value = self.flag = self.raw = self.prepared = 0

    def prepare(self):
        self.prepared += 1

    def sample(self):
        self.value, self.raw = self._chance.within(-9999, 9999), self._chance.within(0, 9)
        self.flag = self._chance.of(GOOD, MISSING)


class Tick:
    """The parts of a tick, the same for one and for another."""

    def __init__(self):
        chance = Chance(SEED)
        self.now = TICKS - 500  # the ticks wrap soon
        self.drivers = Driver(chance), Driver(chance)
        self.taken = []
        self.refused = 0
        rest = self.drivers, (self.drivers[0],), self.full, (self.take,), "handle"

        def read():
            return chance.within(-50, 400)

        self.parts = read, read, None, None, (read, read, read, read, None, rest), rest

    def full(self):
        self.refused += 1

    def take(self, handle, slot):
        assert handle == "handle"
        self.taken.append(slot)


def test_tick():
    slope = 0x1234567
    rows = (
        (0, 0, 10, 2, 10, 20, 300, 390, 4, 0, 3, slope, 64, 0, 0, 0),
        (0, 1, 11, 0, 10, 20, 300, 390, 4, 500, 0, slope, 90, 1, 0, 0),
        (0, 2, 0, 0, 10, 20, 300, 390, 200, -7, 0, 0xABCD, 0, 0, 9, 0),
        (1, 3, 12, 0, 0, 0, 200, 0, 0, 1000, 0, 0, 0, 0, 0, 0),
        (1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (0, 5, 13, 0, 10, 20, 300, 390, 4, 0, 0, slope, 64, 0, 0, 0),
        (0, 6, 14, 0, 0, 0, 0, 0, 1, 77, GOOD, TICKS - 900, 3000, 5, 0, 0),
    )
    words = [0] * ticks._ROWS
    for row in rows:
        words += row
    words += [7, 0, 15, 8, 0, 16]
    words[ticks._DUE], words[ticks._PERIOD] = TICKS - 300, 1000
    words[ticks._LEAD], words[ticks._HELD], words[ticks._READS] = 100, 1, 6
    words[ticks._MORE] = 1
    of_kernel, of_plain = array("i", words), array("i", words)
    kernel, plain = Bench(18), Bench(18)
    ours, theirs = Tick(), Tick()
    chance = Chance(SEED)
    for i in range(90):
        step = chance.of(40, 150, 900, 1000, 5300)
        ours.now += step
        theirs.now += step
        kernel.words[ticks._USED] = plain.words[ticks._USED] = int(i % 7 == 6)  # full
        now = ours.now & TICKS
        left = tick_viper.tick(kernel.at, uctypes.addressof(of_kernel), now, ours.parts)
        state = uctypes.addressof(of_plain)
        assert ticks.tick(plain.at, state, now, theirs.parts) == left, i
        same(of_kernel, of_plain, i)
        same(kernel.words, plain.words, i)
        if step > 1000:
            of_kernel[ticks._BUSY] = of_plain[ticks._BUSY] = 1
    assert ours.taken == theirs.taken
    assert len(ours.taken) > 20
    assert ours.refused == theirs.refused > 0
    assert ours.drivers[0].prepared == theirs.drivers[0].prepared > 0

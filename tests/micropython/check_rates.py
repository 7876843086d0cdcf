# SPDX-License-Identifier: MIT
"""Channels with periods of their own: statistics, limits, what is due when, and no allocation."""

import math

import micropython
import nochip  # noqa: F401 - before the sensors, whose package imports the hal
from faketime import MASK, time
from nor import Random

from tirta_node.sampling import assemble
from tirta_node.sampling.sampler import FLASH, OVERRUNS
from tirta_node.storage.ring import Ring

EVERY = ["mean", "min", "max", "last", "count", "std"]
LIMIT = 0x3FFFFFFF


class Fed:
    """A driver whose samples are a list, again and again; None is missing."""

    lead_ms = 0

    def __init__(self, samples, counts=False):
        self.counts = counts
        self._samples = samples
        self._at = 0
        self.value = self.raw = 0
        self.flag = 9

    def sample(self):
        x = self._samples[self._at]
        self._at = (self._at + 1) % len(self._samples)
        self.flag = 9 if x is None else 1
        if x is not None:
            self.value = x
            self.raw = -x


def build(interval_ms, *channels, ticks=MASK - 2500):
    """(step, ring, sampler) of (samples, keys of the channel)."""
    time.now_ms = ticks
    drivers = []
    tables = []
    for i, (samples, keys) in enumerate(channels):
        table = {"name": "c%d" % i, "sensor": "current"}
        table.update(keys)
        tables.append(table)
        drivers.append(Fed(samples, table["sensor"] == "pulse"))
    ring = Ring(len(assemble.columns.columns(tables)))
    made = assemble.build(drivers, [], tables, interval_ms, ring)
    step = lambda: made.tick(made.cells, made.state, time.ticks_ms(), made.parts)  # noqa: E731
    return step, ring, made


def run(step, until_ms):
    """Sleep as long as `tick` allows, as the loop does."""
    while until_ms > 0:
        left = min(step(), until_ms)
        time.sleep_ms(left)
        until_ms -= left
    while not step():
        pass


def record(ring, i):
    values, flags = [0] * ring.channels, [0] * ring.channels
    ring.unpack(i, values, flags)
    return values, flags


def check_statistics(samples):
    n = len(samples)
    step, ring, _ = build(10 * n, (samples, {"period_ms": 10, "stats": EVERY, "raw": True}))
    run(step, 10 * n)
    assert ring.count() == 1
    values, flags = record(ring, 0)
    good = [x for x in samples if x is not None]
    mean = (2 * sum(good) + len(good)) // (2 * len(good))
    assert values[:5] == [mean, min(good), max(good), good[-1], len(good)], (values, samples)
    middle = sum(good) / len(good)
    std = math.sqrt(sum((x - middle) ** 2 for x in good) / len(good))
    widest = max(abs(x - good[0]) for x in good)
    room = 0.7 if widest < 32768 else std / 1000 + 0.7
    assert abs(values[5] - std) <= room, (values[5], std, good[:9])
    assert flags[:6] == [1] * 6
    assert values[6] == -good[-1]


def test_statistics_are_right():
    random = Random(7)
    for spread in (1, 2, 5, 100, 30000):
        for base in (0, 12345, -700000, LIMIT - 70000, 70000 - LIMIT):
            for n in (2, 3, 10, 100) if base > 0 else (2, 3):
                check_statistics([base + random.next() % (spread) for _ in range(n)])


def test_statistics_of_far_values_and_missing_ones():
    random = Random(8)
    for n in (2, 7, 90):
        check_statistics([random.next() % (1 << 20) * 500 for _ in range(n)])
        check_statistics([5, None] + [random.next() % (1 << 17) - 65536 for _ in range(n)] + [None])
    check_statistics([-1000000, 1000000] * 50)


def test_nothing_to_add_up_is_missing():
    step, ring, _ = build(100, ([None], {"period_ms": 10, "stats": EVERY}))
    run(step, 100)
    assert record(ring, 0)[1] == [9, 9, 9, 9, 1, 9]
    assert record(ring, 0)[0][4] == 0


def test_pulses_add_up_and_their_peak_shows():
    counts = {"sensor": "pulse", "period_ms": 10, "stats": ["max"]}
    step, ring, made = build(100, ([1, 2, 9, None], counts), ([7], {}))
    run(step, 300)
    assert [record(ring, i)[0] for i in range(3)] == [[27, 9, 7], [33, 9, 7], [27, 9, 7]]
    assert made.columns == ["c0", "c0_max", "c1"]


def test_pulses_of_a_refused_record_come_in_the_next():
    step, ring, _ = build(100, ([1], {"sensor": "pulse", "period_ms": 10}))
    run(step, 100 * (ring.capacity + 2))
    assert ring.refused == 2
    ring.drop(ring.capacity)
    run(step, 100)
    assert record(ring, 0)[0] == [30]


def test_a_slow_channel_is_missing_where_it_is_not_due():
    step, ring, _ = build(100, (list(range(9)), {"period_ms": 250}), ([7], {}))
    run(step, 1000)
    flags = [record(ring, i)[1][0] for i in range(10)]
    due = [assemble.columns.samples_due(i, 250, 100) for i in range(10)]
    assert due == [0, 0, 1, 0, 1, 0, 0, 1, 0, 1]
    assert flags == [1 if n else 9 for n in due]
    assert [record(ring, i)[0][0] for i in range(10) if due[i]] == [0, 1, 2, 3]


def test_every_sample_belongs_to_its_record_across_the_wrap():
    step, ring, made = build(1000, ([3], {"period_ms": 10, "stats": ["count"]}), ([1], {}))
    for _ in range(6):
        run(step, 1000)
    assert time.now_ms < MASK - 2500, "the ticks did not wrap"
    assert [record(ring, i)[0][0] for i in range(6)] == [100] * 6
    assert [group.words[OVERRUNS] for group in made.groups] == [0, 0, 0]


def test_no_tick_makes_a_record_and_samples():
    samples = []
    step, ring, _ = build(100, ([5], {"period_ms": 10, "stats": EVERY}), ([7], {}))
    assert step() == 10
    for i in range(1, 41):
        time.sleep_ms(10)
        count = ring.count()
        left = step()
        assert ring.count() == count
        assert left == (10 if i % 10 else 0)
        if not left:
            assert step() == 10
            assert ring.count() == count + 1
            samples.append(record(ring, count)[0][4])
    assert samples == [10] * 4


def test_an_erase_costs_fast_samples_only_and_they_are_counted():
    counts = {"period_ms": 10, "stats": ["count"]}
    step, ring, made = build(1000, ([3], counts), ([1], {"period_ms": 500, "stats": ["count"]}))
    run(step, 805)
    made.flash_was_busy()
    time.sleep_ms(400)  # over the end of the record
    run(step, 1000 - 205)
    assert [record(ring, i)[0] for i in range(2)] == [[80, 2], [81, 2]]
    fast = made.groups[0].words
    assert (fast[OVERRUNS], fast[FLASH]) == (0, 39)


def everything():
    limits = {"qc_fail": [-5, 900], "qc_suspect": [0, 800], "qc_rate": 300, "qc_flat": [2, 5, 9]}
    fast = {"period_ms": 10, "stats": EVERY, "qc_spike": [100, 200], "raw": True}
    fast.update(limits)
    random = Random(3)
    series = [random.next() % (1000) for _ in range(97)] + [
        None,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
        4,
    ]
    pulses = {"sensor": "pulse", "period_ms": 20, "stats": ["max", "std"]}
    slow = {"period_ms": 300}
    slow.update(limits)
    return build(100, (series, fast), ([3, 4, 5], pulses), ([6], slow), ([7], {}))


def test_nothing_is_allocated():
    step, ring, _ = everything()
    run(step, 1000)
    ring.drop(ring.count())
    micropython.heap_lock()
    try:
        for _ in range(40):
            for _ in range(12):
                time.sleep_ms(9)
                step()
            ring.drop(ring.count())
        for _ in range(100 * ring.capacity):
            time.sleep_ms(9)
            step()
    finally:
        micropython.heap_unlock()
    assert ring.refused

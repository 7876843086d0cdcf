# SPDX-License-Identifier: MIT
"""The tick of the sampler: no allocation with every driver, no drift at the wrap of the ticks, and
every sample that is lost is counted.
"""

from array import array

import every_kind
import maxim
import micropython
import nochip  # noqa: F401 - before the sensors, whose package imports the hal
import plain_viper
from faketime import MASK, time

from tirta_node.sampling import assemble, tick_viper
from tirta_node.sampling.sampler import BINS, BINS_END, BUSY, FLASH, OVERRUNS, WORST
from tirta_node.sensors import row as rows
from tirta_node.sensors.current_row import CurrentRow
from tirta_node.sensors.one_wire import DS18B20, OneWireBus
from tirta_node.sensors.pulse_row import PulseRow
from tirta_node.sensors.voltage_row import VoltageRow
from tirta_node.storage import codec_viper
from tirta_node.storage.ring import Ring

LEAD_MS = 900  # of a single DS18B20
INTERVAL_MS = 1000
FIRST_TICKS = MASK - 2500  # the third deadline lies beyond the wrap


class Counter:
    count = 0

    def value(self):
        self.count += 17
        return self.count


class Converter:
    """Runs through everything that a converter can say, twice."""

    def __init__(self, step):
        self._uv = 0
        self._step = step

    def read_uv(self):
        self._uv = (self._uv + self._step) % 3300000
        return self._uv


class Bus:
    """A DS18B20 at 25.0625 degrees (its data sheet's example), its CRC right."""

    pad = b"\x91\x01\x4b\x46\x7f\xff\x0c\x10"
    present = True

    def __init__(self):
        self._at = 0
        self.last = 0

    def writebyte(self, byte):
        self.last = byte

    def reset(self):
        self._at = 0
        return self.present

    def readbyte(self):
        self._at += 1
        return self.pad[self._at - 1] if self._at < 9 else self.crc8(self.pad)

    def crc8(self, data):
        return maxim.crc8(data)


class Thermometer(DS18B20):
    prepared = 0

    def prepare(self):
        self.prepared += 1
        super().prepare()


CHANNELS = [
    {"name": "flow", "sensor": "pulse"},
    {"name": "p", "sensor": "current"},
    {"name": "q", "sensor": "current", "raw": True},
    {"name": "ph", "sensor": "voltage"},
    {"name": "t", "sensor": "ds18b20"},
]


class Node:
    """What the loop works on, on a clock that is about to wrap."""

    def __init__(self, interval_ms=INTERVAL_MS, changes=()):
        time.now_ms = FIRST_TICKS
        self.wire = Bus()
        self.bus = OneWireBus(self.wire)
        self.thermometer = Thermometer(None, 100)
        self.bus.join(self.thermometer, 1000)
        drivers = [
            PulseRow(Counter()),
            CurrentRow(Converter(37111), 100000, 0, 10000),
            CurrentRow(Converter(101), 249000, -1000, 30000),
            VoltageRow(Converter(53003), (414000, 400), (2000000, 1000)),
            self.thermometer,
        ]
        channels = [dict(channel) for channel in CHANNELS]
        for i, more in changes:
            channels[i].update(more)
        self.ring = Ring(len(assemble.columns.columns(channels)))
        made = assemble.build(drivers, [], channels, interval_ms, self.ring)
        self.sampler = made
        self.words = made.groups[0].words

    def step(self):
        """ms until the next thing is due."""
        made = self.sampler
        return made.tick(made.cells, made.state, time.ticks_ms(), made.parts)

    def tick(self):
        """One interval, in the steps that a loop takes; True when a record came."""
        time.sleep_ms(INTERVAL_MS - LEAD_MS)
        before = self.ring.count()
        self.step()
        left = LEAD_MS
        while left:
            wait = min(left, self.bus.poll())
            time.sleep_ms(wait)
            left -= wait
        self.step()
        return self.ring.count() > before


def build(interval_ms=INTERVAL_MS):
    """(node, ring, state of its only group)."""
    node = Node(interval_ms)
    return node, node.ring, node.words


def record(ring, i):
    """(values, flags) of the i-th oldest record."""
    values, flags = [0] * ring.channels, [0] * ring.channels
    ring.unpack(i, values, flags)
    return values, flags


def test_a_tick_allocates_nothing():
    node, ring, words = build()
    assert node.tick()
    ring.drop(1)
    ticks = 0
    micropython.heap_lock()
    try:
        for _ in range(3 * ring.capacity):
            if node.tick():
                ticks += 1
            if ring.is_full():
                ring.drop(1)
    finally:
        micropython.heap_unlock()
    assert ticks == 3 * ring.capacity
    assert words[OVERRUNS] == ring.refused == 0


def test_an_overflow_allocates_nothing_and_is_counted():
    node, ring, _ = build()
    assert node.tick()
    micropython.heap_lock()
    try:
        for _ in range(ring.capacity + 9):
            node.tick()
    finally:
        micropython.heap_unlock()
    assert ring.count() == ring.capacity
    assert ring.refused == 10
    assert list(ring.slots) == list(range(ring.capacity))  # the older ones stay


def test_the_values_are_those_of_the_sensors():
    node, ring, _ = build()
    for _ in range(5):
        node.tick()
    for i in range(5):
        values, flags = record(ring, i)
        assert values[0] == 17
        assert (values[5], flags[5]) == (2506, 1)
        uv = sum(53003 * (8 * i + n + 1) % 3300000 for n in range(8)) >> 3
        assert abs(values[4] - (400 + (uv - 414000) * 600 // 1586000)) <= 1
        assert values[3] == sum(101 * (8 * i + n + 1) for n in range(8)) >> 3  # q_raw
        assert flags[2] == flags[3] == 9  # below 3.6 mA
    values, flags = [0] * 6, bytearray(6)
    ring.unpack(4, values, flags)
    assert values == list(ring.values)
    assert list(flags) == list(ring.flags)[:6]


def test_a_lost_thermometer_is_missing_and_comes_back():
    node, ring, _ = build()
    flags = []
    for present in (True, False, True):
        node.wire.present = present
        node.tick()
        flags.append(record(ring, len(flags))[1][5])
    assert flags == [1, 9, 1]


def test_deadlines_hold_across_the_wrap_of_the_ticks():
    node, ring, words = build()
    taken = []
    for step in range(10 * INTERVAL_MS // 50):
        time.sleep_ms(50)
        before = ring.count()
        node.step()
        if ring.count() > before:
            taken.append((step + 1) * 50)
    assert time.now_ms < FIRST_TICKS, "the ticks did not wrap"
    assert taken == [INTERVAL_MS * (i + 1) for i in range(10)]
    assert list(ring.slots)[:10] == list(range(10))
    assert (words[OVERRUNS], words[WORST]) == (0, 0)
    assert list(words[BINS:BINS_END]) == [10] + [0] * 10


def test_late_steps_do_not_move_the_deadlines():
    node, ring, words = build()
    at = 0
    for due in range(1, 6):
        late = due * 70
        time.sleep_ms(due * INTERVAL_MS + late - at)
        at = due * INTERVAL_MS + late
        assert node.step() == INTERVAL_MS - late - LEAD_MS
    assert (ring.count(), words[OVERRUNS], words[WORST]) == (5, 0, 350)
    assert list(words[BINS:BINS_END]) == [0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 0]


def test_missed_deadlines_are_counted_and_leave_their_slots_empty():
    node, ring, words = build()
    node.tick()
    time.sleep_ms(3 * INTERVAL_MS + 500)
    node.step()
    assert node.step() == INTERVAL_MS - 500 - LEAD_MS or node.step() == 500
    time.sleep_ms(500)
    node.step()
    assert list(ring.slots)[: ring.count()] == [0, 3, 4]
    assert (words[OVERRUNS], words[FLASH]) == (2, 0)
    assert words[WORST] == 2500


def test_what_the_flash_covers_is_counted_apart():
    node, _, words = build()
    node.tick()
    node.sampler.flash_was_busy()
    time.sleep_ms(2 * INTERVAL_MS + 400)
    node.step()
    assert (words[OVERRUNS], words[FLASH], words[BUSY]) == (0, 1, 0)
    time.sleep_ms(2 * INTERVAL_MS)
    node.step()
    assert (words[OVERRUNS], words[FLASH]) == (1, 1)


def test_prepare_comes_once_and_before_each_sample():
    node, _, _ = build()
    calls = []
    real = node.thermometer.prepare
    node.thermometer.prepare = lambda: (calls.append(time.now_ms), real())
    for _ in range(3 * INTERVAL_MS // 10):
        time.sleep_ms(10)
        node.step()
    expected = [time.ticks_add(FIRST_TICKS, i * INTERVAL_MS - LEAD_MS) for i in (1, 2, 3)]
    assert calls == expected


def of_both(channels, count):
    """Rings after the same readings, by the kernels and by their plain run."""
    plain = plain_viper.kernels("codec_viper"), plain_viper.kernels("tick_viper")
    rings = []
    for codec, ticks in ((codec_viper, tick_viper), plain):
        time.now_ms = FIRST_TICKS
        drivers = []
        for i in range(channels):
            kind = (i + channels) % 3
            if kind == 0:
                drivers.append(PulseRow(Counter(), 100))
            elif kind == 1:
                drivers.append(CurrentRow(Converter(37111 + i), 100000, 0, 10000))
            else:
                drivers.append(VoltageRow(Converter(53003 + i), (414000, 1000), (2000000, -400)))
        tables = [{"name": "c%d" % i, "sensor": "current"} for i in range(channels)]
        tables[-1]["raw"] = True
        ring = Ring(channels + 1, kernels=codec)
        made = assemble.build(drivers, [], tables, 100, ring)
        for _ in range(count):
            time.sleep_ms(100)
            ticks.tick(made.cells, made.state, time.ticks_ms(), made.parts)
            if ring.is_full():
                ring.drop(5)
        rings.append(ring)
    return rings


def test_kernels_and_their_plain_run_agree():
    if not plain_viper.has_viper():
        return
    seen = set()
    for channels in range(1, 11):
        kernel, plain = of_both(channels, 90)
        halves = range(kernel.width * kernel.capacity)
        assert [kernel.records[i] for i in halves] == [plain.records[i] for i in halves], channels
        assert list(kernel.slots) == list(plain.slots)
        assert kernel.count() == plain.count()
        for i in range(kernel.count()):
            seen.update(record(kernel, i)[1])
    assert seen == {1, 3, 9}


def test_what_a_tick_reads_without_a_sign_has_none():
    """Words have none on 64 bits, and a kernel that gave it to each would cost the chip."""
    some = Converter(1)
    drivers = (
        CurrentRow(some, 100000, 0, 10000), CurrentRow(some, 250000, 20, -90000),
        CurrentRow(some, 1000, -1000000, -5), VoltageRow(some, (414000, 1000), (2000000, -400)),
        VoltageRow(some, (-900000, -70), (2000000, 400)),
        VoltageRow(some, (3000000, 5), (-3000000, 0)),
        VoltageRow(some, (2999999, 0), (3000000, -1000000)),
    )  # fmt: skip
    for driver in drivers:
        for raw in (0, 3):
            row = array("i", bytes(4 * rows.WORDS))
            row[rows.RAW] = raw
            assert driver.quick(row, 1000) == some.read_uv
            for word in (rows.DEAD_LOW, rows.LOW, rows.HIGH, rows.DEAD_HIGH, rows.X0, rows.WHOLE):
                assert row[word] >= 0, (word, list(row))
            assert row[rows.FRACTION] >= 0, list(row)
            assert row[rows.HALF] >= 0, list(row)


def every_kind_with_the_heap_locked(interval_ms, changes):
    """Flags of the last record of a node with every kind."""
    time.now_ms = FIRST_TICKS
    ring, sampler = every_kind.build(interval_ms, changes)
    every_kind.run(sampler, 7 * interval_ms, bool, bool)  # every bus has answered
    ring.drop(ring.count())
    every_kind.run(sampler, 3 * interval_ms, micropython.heap_lock, micropython.heap_unlock)
    assert ring.count() == 3
    return record(ring, 2)[1]


def test_no_kind_of_sensor_allocates():
    flags = every_kind_with_the_heap_locked(2000, {})
    assert flags == [1] * len(flags), flags


def test_no_kind_allocates_with_periods_statistics_and_limits():
    every = {"stats": ["mean", "min", "max", "last", "std"]}
    limits = {"qc_fail": [0, 9000], "qc_spike": [50, 90], "qc_rate": 40, "qc_flat": [1, 200, 220]}
    fast = dict(every, period_ms=50)
    changes = {0: {"period_ms": 50, "stats": ["max"]}, 3: dict(fast, **limits)}
    changes[8] = dict({"period_ms": 100}, **limits)
    changes[11] = {"period_ms": 100}
    flags = every_kind_with_the_heap_locked(2000, changes)
    assert 9 not in flags, flags


def test_a_slow_sensor_is_prepared_before_each_sample_by_whoever_sleeps_as_long_as_told():
    for interval_ms, changes in (
        (INTERVAL_MS, ()),
        (60000, ()),
        (2000, ((1, {"stats": ["max"]}),)),
    ):
        node = Node(interval_ms, changes)
        for _ in range(16):
            time.sleep_ms(max(0, node.step()))
        assert node.ring.count() >= 4
        assert node.thermometer.prepared >= node.ring.count()

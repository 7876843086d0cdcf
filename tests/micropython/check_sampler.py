# SPDX-License-Identifier: MIT
"""The tick of the sampler: no allocation with every driver, no drift at the wrap of the ticks, and
every sample that is lost is counted.
"""

import micropython
import nochip  # noqa: F401 - before the sensors, whose package imports the hal
from faketime import MASK, time

from tirta_node.ring import Ring
from tirta_node.sampler import LEAD_MS, Sampler
from tirta_node.schedule import Schedule
from tirta_node.sensors.current import CurrentLoop
from tirta_node.sensors.ds18b20 import DS18B20
from tirta_node.sensors.pulse import PulseMeter
from tirta_node.sensors.voltage import Voltage

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

    def reset(self):
        return self.present

    def writebyte(self, byte):
        self.last = byte

    def readinto(self, buf):
        for i in range(8):
            buf[i] = self.pad[i]
        buf[8] = self.crc8(self.pad)

    def crc8(self, data):
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
        return crc


def build(interval_ms=INTERVAL_MS):
    """(sampler, ring, schedule, sensors) on a clock that is about to wrap."""
    time.now_ms = FIRST_TICKS
    sensors = [
        PulseMeter(Counter()),
        CurrentLoop(Converter(37111), 100000, 0, 10000),
        CurrentLoop(Converter(101), 249000, -1000, 30000),
        Voltage(Converter(53003), (414000, 400), (2000000, 1000)),
        DS18B20(Bus(), 100),
    ]
    ring = Ring(len(sensors))
    schedule = Schedule(interval_ms)
    return Sampler(sensors, ring, schedule), ring, schedule, sensors


def record(ring, i):
    """(values, flags) of the i-th oldest record."""
    values, flags = [0] * ring.channels, [0] * ring.channels
    ring.unpack(i, values, flags)
    return values, flags


def tick(sampler):
    """One interval, in the steps that a loop takes."""
    time.sleep_ms(INTERVAL_MS - LEAD_MS)
    sampler.step()
    time.sleep_ms(LEAD_MS)
    return sampler.step()


def test_a_tick_allocates_nothing():
    sampler, ring, schedule, _ = build()
    assert tick(sampler)
    ring.drop(1)
    ticks = 0
    micropython.heap_lock()
    try:
        for _ in range(3 * ring.capacity):
            if tick(sampler):
                ticks += 1
            if ring.is_full():
                ring.drop(1)
            sampler.wait_ms()
    finally:
        micropython.heap_unlock()
    assert ticks == 3 * ring.capacity
    assert schedule.overruns == ring.refused == 0


def test_an_overflow_allocates_nothing_and_is_counted():
    sampler, ring, _, _ = build()
    assert tick(sampler)
    micropython.heap_lock()
    try:
        for _ in range(ring.capacity + 9):
            tick(sampler)
    finally:
        micropython.heap_unlock()
    assert ring.count() == ring.capacity
    assert ring.refused == 10
    assert list(ring.slots) == list(range(ring.capacity))  # the older ones stay


def test_the_values_are_those_of_the_sensors():
    sampler, ring, _, sensors = build()
    for _ in range(5):
        tick(sampler)
    for i in range(5):
        assert record(ring, i)[0][0] == 17
        assert record(ring, i)[0][4] == 2506
        assert record(ring, i)[1][0] == record(ring, i)[1][4] == 1
    assert record(ring, 4)[0][3] == sensors[3].value
    values, flags = [0] * 5, bytearray(5)
    ring.unpack(4, values, flags)
    assert values == [sensor.value for sensor in sensors]
    assert list(flags) == [sensor.flag for sensor in sensors]


def test_a_lost_thermometer_is_missing_and_comes_back():
    sampler, ring, _, sensors = build()
    flags = []
    for present in (True, False, True):
        sensors[4]._bus.present = present
        tick(sampler)
        flags.append(record(ring, len(flags))[1][4])
    assert flags == [1, 9, 1]


def test_deadlines_hold_across_the_wrap_of_the_ticks():
    sampler, ring, schedule, _ = build()
    taken = []
    for step in range(10 * INTERVAL_MS // 50):
        time.sleep_ms(50)
        if sampler.step():
            taken.append((step + 1) * 50)
    assert time.now_ms < FIRST_TICKS, "the ticks did not wrap"
    assert taken == [INTERVAL_MS * (i + 1) for i in range(10)]
    assert list(ring.slots)[:10] == list(range(10))
    assert (schedule.overruns, schedule.worst_late_ms) == (0, 0)


def test_late_steps_do_not_move_the_deadlines():
    sampler, ring, schedule, _ = build()
    at = 0
    for due in range(1, 6):
        late = due * 70
        time.sleep_ms(due * INTERVAL_MS + late - at)
        at = due * INTERVAL_MS + late
        assert sampler.step()
        assert schedule.left_ms() == INTERVAL_MS - late
    assert (ring.count(), schedule.overruns, schedule.worst_late_ms) == (5, 0, 350)


def test_missed_deadlines_are_counted_and_leave_their_slots_empty():
    sampler, ring, schedule, _ = build()
    tick(sampler)
    time.sleep_ms(3 * INTERVAL_MS + 500)
    assert sampler.step()
    assert not sampler.step()
    time.sleep_ms(500)
    assert sampler.step()
    assert list(ring.slots)[: ring.count()] == [0, 3, 4]
    assert schedule.overruns == 2
    assert schedule.worst_late_ms == 2500


def test_prepare_comes_once_and_before_each_sample():
    sampler, _, _, sensors = build()
    calls = []
    thermometer = sensors[4]
    real = thermometer.prepare
    thermometer.prepare = lambda: (calls.append(time.now_ms), real())
    for _ in range(3 * INTERVAL_MS // 10):
        time.sleep_ms(10)
        sampler.step()
    expected = [time.ticks_add(FIRST_TICKS, i * INTERVAL_MS - LEAD_MS) for i in (1, 2, 3)]
    assert calls == expected

# SPDX-License-Identifier: MIT
"""Pulse meters: contacts that bounce, flash that keeps everybody from looking, counts that no meter
makes, and pulses that come before the first sample is due.
"""

import micropython
import nochip  # noqa: F401 - before the sensors, whose package imports the hal
from faketime import time
from modbus_slaves import Chance

from tirta_node import sensors
from tirta_node.hal import inputs
from tirta_node.sampling import assemble
from tirta_node.sensors import counting
from tirta_node.sensors.contact import Contact, ContactMeter
from tirta_node.sensors.pulse_meter import PulseMeter
from tirta_node.storage.ring import Ring

GOOD, SUSPECT, FAIL = 1, 3, 4


class Reed:
    """A contact that opens and closes with bounce, in tenths of milliseconds; `value` counts its
    rising edges, as a hardware counter behind a filter of microseconds does.
    """

    def __init__(self, chance, closures, bounce_ms):
        self._changes = []  # (tenths of ms, level)
        for at, long in closures:
            for begin, settled in ((at, 0), (at + long, 1)):
                t = begin * 10
                level = 1 - settled
                while t < (begin + chance.below(bounce_ms + 1)) * 10:
                    level = 1 - level
                    self._changes.append((t, level))
                    t += 1 + chance.below(12)
                self._changes.append((t, settled))
        self._start = time.ticks_ms()

    def _now(self):
        return time.ticks_diff(time.ticks_ms(), self._start) * 10

    def value(self):
        edges, level, now = 0, 1, self._now()
        for at, to in self._changes:
            if at > now:
                break
            edges += to > level
            level = to
        return edges

    def level(self):
        level, now = 1, self._now()
        for at, to in self._changes:
            if at > now:
                break
            level = to
        return level


def test_a_contact_that_bounces_is_counted_once_up_to_its_limit():
    for seed in range(1, 13):
        chance = Chance(seed)
        settle_ms = (5, 10, 20, 50)[seed % 4]
        hz = counting.most_hz({"settle_ms": settle_ms})
        closures, at = [], 40
        for _ in range(25):
            half = 500 // hz
            long = half + chance.below(3 * half)
            closures.append((at, long))
            at += long + half + chance.below(3 * half)
        reed = Reed(chance, closures, settle_ms // 3)
        contact = Contact(reed, reed.level, settle_ms)
        meter = ContactMeter(contact, hz)
        total = 0
        passed = 0
        while passed < at + 200:
            wait = contact.poll()
            time.sleep_ms(wait)
            passed += wait
            if chance.hits(20):
                meter.sample()
                assert meter.flag == GOOD
                total += meter.value
        meter.sample()
        assert total + meter.value == 25, (seed, settle_ms, hz, total + meter.value)
        assert reed.value() > 30  # what a counter would have said


def look(contact, ms):
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        time.sleep_ms(contact.poll())


def test_pulses_that_nobody_could_look_at_are_suspect():
    reed = Reed(Chance(7), [(100, 60), (300, 60), (500, 60), (900, 60)], 5)
    contact = Contact(reed, reed.level, 20)
    meter = ContactMeter(contact, 16)
    look(contact, 280)
    meter.sample()
    assert (meter.value, meter.flag) == (1, GOOD)
    time.sleep_ms(400)  # an erase: two closures come
    look(contact, 100)
    meter.sample()
    assert (meter.value, meter.flag) == (1, SUSPECT)  # none is invented, and it is told
    look(contact, 600)
    meter.sample()
    assert (meter.value, meter.flag) == (1, GOOD)


class Counter:
    def __init__(self):
        self.count = 0

    def value(self):
        return self.count


def logged(channel, interval_ms, counts, gaps=()):
    """[(value, flag)] of the records of one meter whose counter goes up so much between them."""
    made = []
    inputs.counter = lambda *where: made.append(Counter()) or made[-1]
    inputs.unit = lambda *where, **turn: made.append(Counter()) or made[-1]
    table = {"sensor": "pulse", "name": "flow", "counter": 0, "pin": 1, "filter_ns": 10000}
    table.update(channel)
    config = {"channels": [table], "interval_ms": interval_ms}
    counting.begin(config)
    (counter,) = made
    counter.count = 3  # they come while the log is looked through
    drivers, buses = sensors.build(config["channels"], interval_ms, config)
    assert len(made) == 1
    ring = Ring(1)
    sampler = assemble.build(drivers, buses, config["channels"], interval_ms, ring)
    found = []
    for i, count in enumerate(counts):
        counter.count += count
        time.sleep_ms(interval_ms * (3 if i in gaps else 1))
        left_ms = sampler.tick(sampler.cells, sampler.state, time.ticks_ms(), sampler.parts)
        assert left_ms > 0
        assert ring.count() == len(found) + 1
        found.append((ring.values[0], ring.flags[0]))
    return found


def test_pulses_before_the_first_sample_are_in_the_first_record():
    for keys in ({"ml": 1000}, {"ml": 1000, "max_hz": 50}, {"ml": 10, "reverse": 2}):
        for interval_ms in (100, 1000, 60000):
            assert logged(keys, interval_ms, [1, 2, 0])[:3] == [(4, 1), (2, 1), (0, 1)], keys


def test_a_flow_that_no_meter_can_have_fails():
    # 50,000 pulses of 10 L in a minute are 8,333 L/s
    found = logged({"ml": 10000}, 60000, [100, 900, 50000, 13000, 100])
    assert found == [(103, 1), (900, 1), (50000, 4), (13000, 1), (100, 1)]
    found = logged({"ml": 10000, "max_hz": 10}, 60000, [100, 600, 700, 100])
    assert found == [(103, 1), (600, 1), (700, 4), (100, 1)]
    found = logged({"ml": 10, "max_hz": 100}, 60000, [9, 6000, 8000])
    assert found[1:] == [(6000, 1), (8000, 4)]


def test_pulses_of_several_intervals_are_no_impossible_flow():
    found = logged({"ml": 10000}, 60000, [100, 100, 25000, 30000, 100], gaps=(2, 3))
    assert [flag for _, flag in found] == [1, 1, 1, 1, 1]


def test_flow_backwards_may_be_impossible_too():
    counter = Counter()
    meter = PulseMeter(counter, 30000, 1000, 0, 10)
    for count, flag in ((-100, 1), (-700, 4), (100, 1), (700, 4)):
        time.sleep_ms(60000)
        counter.count += count
        meter.sample()
        assert (meter.value, meter.flag) == (count, flag)


def test_a_count_that_begins_anew_loses_nothing():
    counter = Counter()
    meter = PulseMeter(counter, 30000, 1000, 0)
    total = 0
    for _ in range(100):
        counter.count = (counter.count + 1999) % 30000
        meter.poll()
        counter.count = (counter.count + 1) % 30000
        meter.sample()
        total += meter.value
    assert total == 200000


def test_a_contact_needs_no_heap():
    class Closed:
        count = 0

        def value(self):
            return self.count

        def level(self):
            return 0

    edges = Closed()
    contact = Contact(edges, edges.level, 20)
    meter = ContactMeter(contact, 16)
    micropython.heap_lock()
    try:
        for _ in range(50):
            time.sleep_ms(contact.poll())
            meter.sample()
    finally:
        micropython.heap_unlock()
    assert meter.flag == GOOD

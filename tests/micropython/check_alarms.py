# SPDX-License-Identifier: MIT
"""Alarms judged on records by hand: limits, delay and hysteresis, faults, a contact, and what the
nights taught through a restart; the record against golden bytes.
"""

import sys

import micropython
import nochip  # noqa: F401 - before what imports the hal
from nor import Flash

import tirta_node.hal
from tirta_format import alarm_log, config, meta

BLOCKS = 8


class Pin:
    now = 0

    def value(self, *to):
        if to:
            self.now = to[0]
        return self.now


class Chip:
    flash = None

    def partition(self, name):
        return self.flash


chip = tirta_node.hal.chip = sys.modules["tirta_node.hal.chip"] = Chip()

from tirta_node.alarms import alarm_setup  # noqa: E402 - with that chip
from tirta_node.hal import contacts  # noqa: E402
from tirta_node.sampling.sampler import SLOT  # noqa: E402
from tirta_node.state import copies  # noqa: E402

PINS = {}
contacts.output = contacts.contact = lambda gpio: PINS.setdefault(gpio, Pin())
CHANNELS = [{"name": "flow", "sensor": "pulse"}, {"name": "p", "sensor": "current"}]


class Group:
    words = [0] * 23


class Sampler:
    columns = ("flow", "p")
    groups = (Group(),)

    def flash_was_busy(self):
        pass


class Node:
    """What alarms need; its log is a list."""

    refused = 0
    anchor_uptime_ms = 0
    begin_ms = 0  # Unix time of the uptime 0, or 0

    def __init__(self, alarms, interval_ms=60000):
        self.config = {
            "alarms": alarms,
            "alarm_pin": 25,
            "interval_ms": interval_ms,
            "channels": CHANNELS,
        }
        self.sampler = Sampler()
        self.ring = self.keeper = self.log = self.clock = self
        self.values, self.flags = [0, 0], [1, 1]
        self.notes = []
        self.alarms = alarm_setup.begin(self)

    def note(self, payload):
        self.notes.append(meta.parse(payload))

    def uptime_ms(self):
        return 1000

    def start_unix_ms(self):
        return self.begin_ms

    def step(self, slot):
        Group.words[SLOT] = slot + 1
        self.alarms.step()

    def run(self, p, flag=1):
        self.values[1], self.flags[1] = p, flag
        self.alarms.judge(0)
        return self.alarms.names()


def fresh(*alarms, **more):
    PINS.clear()
    chip.flash = Flash(BLOCKS)
    return Node([dict(alarm) for alarm in alarms], **more)


HIGH = {"name": "high", "kind": "above", "column": "p", "limit": 80, "hysteresis": 5}
LATE = {"name": "low", "kind": "below", "column": "p", "limit": 0, "delay_ms": 120000}
FAULT = {"name": "dead", "kind": "fault", "column": "p"}
DOOR = {"name": "door", "kind": "tamper", "pin": 14}
BURST = {"name": "burst", "kind": "burst", "column": "flow", "limit": 36, "from_h": 2, "to_h": 3}
BURST["utc_min"] = 0
NIGHT = {"name": "leak", "kind": "night", "column": "flow", "limit": 100, "pressure": "p"}
NIGHT["least"] = 500
STUCK = {"name": "stuck", "kind": "stuck", "column": "flow", "pressure": "p", "least": 500}
DOUBLED = {"name": "doubled", "kind": "doubled", "column": "flow"}
REVERSED = {"name": "reversed", "kind": "reversed", "column": "flow"}
BEGIN_MS = 1738252800000  # 23:00 in Jakarta, where a night begins an hour later


def test_hysteresis_holds_it():
    node = fresh(HIGH)
    assert [node.run(p) for p in (80, 81, 76, 75)] == [[], ["high"], ["high"], []]
    raised = {"name": "high", "raised": 1, "alarm": alarm_log.ABOVE, "value": 81}
    assert node.notes[0] == (8, 1000, raised)
    assert [note[2]["raised"] for note in node.notes] == [1, 0]


def test_a_delay_begins_anew():
    node = fresh(LATE)
    told = [node.run(p) for p in (-1, -1, 0, -1, -1, -1)]
    assert told == [[], [], [], [], [], ["low"]]


def test_bad_values_raise_and_end_nothing():
    node = fresh(HIGH)
    assert node.run(99, 3) == node.run(99, 9) == []
    assert node.run(99) == node.run(0, 4) == ["high"]


def test_a_fault_is_raised():
    node = fresh(FAULT)
    assert [node.run(0, flag) for flag in (3, 9, 1)] == [[], ["dead"], []]


def test_the_contact_and_the_output():
    node = fresh(DOOR, HIGH)
    assert PINS[25].now == 0
    PINS[14].now = 1
    node.values[0] = 7
    assert node.run(99) == ["door", "high"]
    assert [note[2]["value"] for note in node.notes] == [0, 99]  # a contact has none
    PINS[14].now = 0
    assert node.run(99) == ["high"]
    assert PINS[25].now == 1
    node.run(0)
    assert PINS[25].now == 0


def night(node, day, pulses):
    """The hour from 2 to 3 of a day, and the record that ends it."""
    for minute in range(62):
        node.values[0] = pulses
        node.alarms.judge(122169600 + day * 86400 + 7200 + 60 * minute)
    return node.alarms.names()


def test_a_burst_after_seven_nights_and_a_restart():
    node = fresh(BURST)
    for day in range(8):
        assert night(node, day, 20 + day % 3) == []
    kept = copies.load(chip.flash)[alarm_setup.NIGHTS]
    again = Node([dict(BURST)])  # a start: the nights are on the flash
    assert night(again, 8, 40) == ["burst"]
    assert night(again, 9, 39) == ["burst"]
    assert night(again, 10, 21) == []
    other = dict(BURST)
    other["limit"] = 37
    assert night(Node([other]), 8, 40) == []  # another alarm has nights of its own
    assert len(kept) == 4 + 4 * (6 + 17)


def test_a_night_without_its_records_does_not_count():
    node = fresh(BURST)
    for day in range(8):
        night(node, day, 20)
    node.flags[0] = 9
    assert night(node, 8, 90) == []
    node.flags[0] = 1
    assert night(node, 9, 90) == ["burst"]


def minutes(node, count, flow, p=600, flag=1):
    """Records of a minute; `flow` is what each counts, or what counts the next."""
    for i in range(count):
        node.values[:] = flow if isinstance(flow, int) else flow(i), p
        node.flags[0] = flag
        node.alarms.judge(0)
    return node.alarms.names()


def test_a_meter_that_stands_still_is_stuck():
    node = fresh(STUCK)
    assert minutes(node, 1439, 0) == []
    assert minutes(node, 1, 0) == ["stuck"]
    assert minutes(node, 1, 1) == []
    assert [note[2]["alarm"] for note in node.notes] == [alarm_log.STUCK] * 2
    usual = 7 * 1440
    assert minutes(node, 100, 0) == minutes(node, usual, 3) == []  # a pause of 100 min is usual
    for length in (121, 359):
        assert minutes(node, length, 0) == minutes(node, 1, 2) == []
    node = fresh(STUCK)
    minutes(node, usual, lambda i: i % 3)
    assert minutes(node, 359, 0) == []
    assert minutes(node, 1, 0) == ["stuck"]


def test_a_meter_may_stand_still_without_water():
    for bad in ({"p": 499}, {"p": 600, "flag": 9}):
        node = fresh(STUCK)
        assert minutes(node, 4000, 0, **bad) == []  # neither without pressure nor without values
    node = fresh(STUCK)
    minutes(node, 1000, 0, 499)
    assert minutes(node, 179 + 1439, 0) == []  # tanks fill
    assert minutes(node, 2, 0) == ["stuck"]
    assert minutes(node, 9, 0, 499) == ["stuck"]  # it does not move


def test_another_meter_is_stuck_at_a_value():
    still = dict(STUCK)
    still["column"] = "p"
    del still["pressure"], still["least"]
    still["delay_ms"] = 3600000
    node = fresh(still)
    assert minutes(node, 60, 0, 77) == []
    assert minutes(node, 1, 0, 77) == ["stuck"]
    assert minutes(node, 1, 0, 78) == []


def test_a_contact_that_bounces_counts_twice():
    node = fresh(DOUBLED)
    honest = lambda i: i * 7919 % 11  # noqa: E731
    assert minutes(node, 3000, honest) == []
    assert minutes(node, 460, lambda i: 2 * honest(i)) == ["doubled"]
    assert minutes(node, 900, 2) == ["doubled"]  # a night that tells nothing
    assert minutes(node, 460, honest) == []
    node = fresh(DOUBLED)
    assert minutes(node, 3000, 12) == minutes(node, 3000, lambda i: 2 * (i % 9 == 0)) == []


def test_a_meter_that_runs_backwards_is_reversed():
    node = fresh(REVERSED)
    assert minutes(node, 1440, lambda i: 3 if i < 800 else -3) == []
    assert minutes(node, 1439, -3) == []
    assert minutes(node, 1, -3) == ["reversed"]
    assert minutes(node, 1440, 3) == []


def test_what_a_sick_meter_says_is_no_burst_and_no_night_flow():
    """Twice the counts from noon on: with the alarm `doubled` there is none of the night."""
    for health in ((), (DOUBLED,)):
        node = fresh(BURST, dict(NIGHT, limit=2500, utc_min=0), *health)
        rise = 1
        for at in range(12 * 1440):
            if at == 10 * 1440 - 720:
                rise = 2
            node.values[:] = rise * (30 + at * 7919 % 11), 600
            node.alarms.judge(122169600 + 60 * (at + 1))
        told = [note[2]["name"] for note in node.notes]
        assert told == (["doubled"] if health else ["burst", "leak"]), told


def test_after_two_hours_without_a_pulse_nights_do_not_count():
    for health in ((), (STUCK,)):
        node = fresh(dict(NIGHT, utc_min=0), *health)
        for at in range(3 * 1440):
            still = at > 2 * 1440 - 120
            node.values[:] = 0 if still else 90, 600
            node.alarms.judge(122169600 - 7200 + 60 * (at + 1))
            if at == 3 * 1440 - 700:
                assert node.alarms.names() == (["leak"] if health else []), health
        assert node.alarms.names() == (["leak", "stuck"] if health else [])


def nightly(node, day, pulses):
    """The window of a local day, with the three hours before it, and the record behind it."""
    for minute in range(-180, 302):
        node.values[:] = pulses, 600
        node.alarms.judge(122169600 + day * 86400 + 60 * minute)
    return node.alarms.names()


def test_nights_of_the_weekend_and_of_holidays_have_their_own_limit():
    """122169600 is the 1414th day from 2020 on, a Wednesday."""
    node = fresh(dict(NIGHT, utc_min=0, limits=[200, 300, 400], holidays=[1415, 1415]))
    told = [bool(nightly(node, day, 3)) for day in range(6)]  # 180 an hour
    assert told == [True, False, True, False, False, True]
    assert nightly(node, 10, 3) == []
    assert nightly(node, 11, 6) == ["leak"]


def test_a_night_that_runs_backwards_does_not_count():
    node = fresh(dict(NIGHT, utc_min=0))
    assert nightly(node, 0, 3) == ["leak"]
    assert nightly(node, 1, -3) == ["leak"]
    assert node.alarms._found[0].source.words[2] == 0
    assert nightly(node, 2, 0) == []


def test_the_record_golden():
    payload = alarm_log.record(65536, "door", 1, alarm_log.TAMPER, -2)
    assert payload == b"\x08\x80\x80\x04\x04door\x01\x03\x03"
    assert meta.parse(payload)[2]["value"] == -2


def test_rules_tell_what_cannot_work():
    base = {"board": "b", "channels": [{"name": "p", "pin": 4, "sensor": "ds18b20"}]}
    for alarm, where in (
        ({"name": "a", "kind": "odd"}, "alarms[0].kind"),
        ({"name": "a", "kind": "above", "column": "p"}, "alarms[0].limit"),
        ({"name": "a", "kind": "fault", "column": "q"}, "alarms[0].column"),
        ({"name": "a", "kind": "tamper", "pin": 4}, "alarms[0].pin"),
        ({"name": "a", "kind": "doubled", "column": "p"}, "alarms[0].kind"),
        ({"name": "a", "kind": "fault", "column": "p", "limits": [1, 2, "3"]}, "alarms[0].limits"),
        (3, "alarms[0]"),
    ):
        base["alarms"] = [alarm]
        assert [wrong[0] for wrong in config.check(base)] == [where], alarm
    base["alarms"] = [{"name": "a", "kind": "fault", "column": "p"}]
    assert config.check(base) == []


def test_a_night_allocates_nothing_for_a_record():
    """Five months after its start, by a clock whose Unix time takes heap on the chip."""
    for interval_ms, flow in ((1000, 2), (60000, 90), (900000, 1000)):
        node = fresh(NIGHT, interval_ms=interval_ms)
        node.begin_ms = BEGIN_MS
        node.values[:] = flow, 600
        slot = 150 * 86400000 // interval_ms
        end = slot + 5 * 3600000 // interval_ms  # four hours into the window
        while slot < end - min(100, 3600000 // interval_ms):
            slot += 1
            node.step(slot)
        micropython.heap_lock()
        try:
            while slot < end:
                slot += 1
                node.step(slot)
        finally:
            micropython.heap_unlock()
        while slot < end + 3 * 3600000 // interval_ms:
            slot += 1
            node.step(slot)
        assert node.alarms.names() == ["leak"]  # seen, whole, and never below its limit


def test_a_clock_that_was_never_set_judges_no_night():
    for begin_ms in (0, 946684800000, 4102444800000, 253402300799000):
        node = fresh(NIGHT)
        node.begin_ms = begin_ms
        node.values[:] = 90, 600
        for slot in range(3000):
            node.step(slot)
        assert node.alarms.names() == []


def test_records_that_the_full_ring_refused_are_not_judged():
    node = fresh(HIGH)
    node.values[1] = 99
    node.refused = 1
    node.step(1)
    assert node.alarms.names() == []
    node.step(2)
    assert node.alarms.names() == ["high"]

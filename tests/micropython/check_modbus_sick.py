# SPDX-License-Identifier: MIT
"""One Modbus line with healthy slaves and sick ones: how late the healthy are read, whether an old
value ever looks valid, and when a sick one is taken back. Time passes only where somebody waits,
so every lateness here is exact.
"""

import sys

import nochip  # noqa: F401 - before the sensors, whose package imports the hal
from faketime import MASK, time
from modbus_line import CHAR_US, Line, Registers, ask
from polling import run, seen

from tirta_node.sampling import assemble
from tirta_node.sampling.sampler import BINS, OVERRUNS, WORST
from tirta_node.sensors.current_row import CurrentRow
from tirta_node.sensors.modbus import Modbus
from tirta_node.sensors.modbus_request import Slave
from tirta_node.storage.ring import Ring

HEALTHY = ((1, 250), (2, 500), (3, 1000), (4, 2000))  # (address, ms between its polls)
SICK = 11, 12, 13
SICK_POLL_MS = 500
AGES = 3  # polls until a value is too old
TIMEOUT_MS = 300
RETRIES = 2
LONGEST_REST_MS = 60000  # as modbus.py has it
OVERDUE_MS = 10000
ATTEMPT_MS = TIMEOUT_MS + 30  # what one attempt holds the line for, at most
ANSWERED_MS = 35  # and one that is answered at once
# The 32-bit interpreter takes its time.
SHORT_MS, LONG_MS = (10000, 60000) if sys.maxsize < 1 << 31 else (20000, 180000)
FAST_MS = 60000


class Clock:
    """A slave whose only register says when it was asked, in tenths of a second."""

    def __init__(self, bus, address, delay_ms=5):
        self._bus = bus
        self._registers = Registers(address, [0], delay_ms)

    def __call__(self, frame):
        self._registers.registers[0] = self._bus.passed_ms() // 100
        return self._registers(frame)


class Polls:
    """How often a slave was asked since `begin`, and how late at the worst."""

    def __init__(self, poll_ms):
        self._poll_ms = poll_ms
        self._last_ms = None
        self.begin()

    def begin(self):
        self.polls = 0
        self.late_ms = 0

    def polled(self, now_ms):
        if self._last_ms is not None:
            since_ms = time.ticks_diff(now_ms, self._last_ms)
            self.late_ms = max(self.late_ms, since_ms - self._poll_ms)
        self._last_ms = now_ms
        self.polls += 1


class Bus:
    """The line with all its slaves well, and their master."""

    def __init__(self, channels=1):
        time.now_ms = MASK - 20000
        self._start_ms = time.now_ms
        self.line = Line()
        self.line.polite = False
        self.line.heard = self._heard
        self.polls = {address: Polls(poll_ms) for address, poll_ms in HEALTHY}
        self.asked = {address: Polls(0) for address in SICK}
        self.channels = {}
        requests = []
        for address, poll_ms in HEALTHY:
            self.line.slaves[address] = Clock(self, address)
            request, channel = ask(Slave(address), 0, poll_ms=poll_ms, age_ms=AGES * poll_ms)
            requests.append(request)
            self.channels[address] = [channel]
        for address in SICK:
            slave = Slave(address)
            made = [
                ask(slave, 0, poll_ms=SICK_POLL_MS, age_ms=AGES * SICK_POLL_MS)
                for _ in range(channels)
            ]
            requests += [request for request, _ in made]
            self.channels[address] = [channel for _, channel in made]
        self.heal(*SICK)
        self.master = Modbus(self.line, requests, CHAR_US, TIMEOUT_MS, RETRIES)
        self.pass_ms(SHORT_MS)

    def passed_ms(self):
        return time.ticks_diff(time.ticks_ms(), self._start_ms)

    def _heard(self, frame):
        of = self.polls if frame[0] in self.polls else self.asked
        of[frame[0]].polled(time.ticks_ms())

    def heal(self, *addresses):
        for address in addresses:
            self.line.slaves[address] = Clock(self, address)

    def pass_ms(self, ms):
        """Let time pass; no value may ever be older than it may be."""
        for _ in range(ms // 100):
            run(self.master, 100)
            now = self.passed_ms()
            for address, channels in self.channels.items():
                poll_ms = dict(HEALTHY).get(address, SICK_POLL_MS)
                for channel in channels:
                    value = seen(channel)
                    if value is not None:
                        assert 0 <= now - 100 * value <= AGES * poll_ms + 100, (address, value, now)

    def measure(self, ms):
        """(worst lateness in ms, polls, polls wanted) of each healthy slave, in its order."""
        for polls in self.polls.values():
            polls.begin()
        self.pass_ms(ms)
        found = [self.polls[address] for address, _ in HEALTHY]
        wanted = [ms // poll_ms for _, poll_ms in HEALTHY]
        return [(h.late_ms, h.polls, n) for h, n in zip(found, wanted)]

    def is_seen(self, address):
        return all(seen(channel) is not None for channel in self.channels[address])


def silent(frame):
    return ()


def garbage(frame):
    return tuple((i, b"\xff\x01\x03\x55\xaa" * 6) for i in range(0, 60, 30))


def babble(frame):
    """Two seconds of it: longer than the answer may take."""
    return tuple((i, b"\xff\x01\x03\x55\xaa" * 6) for i in range(0, 2000, 30))


def late(bus, address, delay_ms=350):
    return Clock(bus, address, delay_ms)


def ill(name, sick, channels=1):
    """Let slaves fall ill: nobody else may be held up for longer than one attempt, except while
    they fall, when several have their retries at once.
    """
    bus = Bus(channels)
    many = len(sick(bus))
    others_ms = (3 * channels + len(HEALTHY)) * ANSWERED_MS  # where all are due at once
    longest_ms = LONGEST_REST_MS + OVERDUE_MS + many * ATTEMPT_MS + others_ms
    any_late = any(isinstance(illness, Clock) for illness in sick(bus).values())
    before = bus.measure(SHORT_MS)
    assert all(late_ms <= others_ms and polls == wanted for late_ms, polls, wanted in before)
    for address, illness in sick(bus).items():
        bus.line.slaves[address] = illness
        bus.asked[address].begin()
    falling = bus.measure(10000)
    after = bus.measure(LONG_MS)
    asked = {address: bus.asked[address].polls for address in sick(bus)}
    print(name, "late ms, polls of", before, "falling", falling, "then", after, "asked", asked)
    assert max(late_ms for late_ms, _, _ in falling) <= many * ATTEMPT_MS + others_ms
    for late_ms, polls, wanted in after:
        assert late_ms <= ATTEMPT_MS + others_ms
        assert polls >= (0.97 if any_late else 0.98) * wanted  # it is asked more often
    for address, illness in sick(bus).items():
        if isinstance(illness, Clock):
            continue  # late is no illness: what it says is of use, and it is asked once a poll
        assert not bus.is_seen(address)
        assert bus.asked[address].late_ms <= longest_ms
        assert asked[address] <= (RETRIES + 1) * channels + 10 + LONG_MS // LONGEST_REST_MS
    bus.heal(*SICK)
    bus.pass_ms(longest_ms + channels * SICK_POLL_MS)
    assert all(bus.is_seen(address) for address in SICK)
    back = bus.measure(SHORT_MS)
    assert all(late_ms <= others_ms and polls == wanted for late_ms, polls, wanted in back)


def test_one_that_is_dead():
    ill("one dead", lambda bus: {11: silent})


def test_one_with_many_channels_that_is_dead():
    ill("one dead, 3 requests", lambda bus: {11: silent}, channels=3)


def test_three_that_are_dead():
    ill("three dead", lambda bus: dict.fromkeys(SICK, silent))


def test_one_that_answers_too_late():
    ill("one late", lambda bus: {12: late(bus, 12)})


def test_one_that_answers_too_late_is_read():
    bus = Bus()
    bus.line.slaves[12] = late(bus, 12)
    bus.pass_ms(10000)
    read = 0
    for _ in range(60):
        bus.pass_ms(1000)
        read += bus.is_seen(12)
    assert read > 50
    assert bus.asked[12].polls < 2.2 * 70000 / SICK_POLL_MS


def test_one_that_answers_garbage():
    ill("one garbled", lambda bus: {13: garbage})


def test_one_dead_one_late_one_garbled():
    ill("one of each", lambda bus: {11: silent, 12: late(bus, 12), 13: garbage})


def test_one_that_is_asked_again_in_vain_holds_up_nobody_for_long():
    """It answers, but only while the third attempt waits: the line is not free in between."""
    bus = Bus()
    bus.line.slaves[12] = late(bus, 12, 900)
    found = bus.measure(LONG_MS)
    print("answers after 900 ms", found)
    assert max(late_ms for late_ms, _, _ in found) <= 2 * ATTEMPT_MS
    assert all(polls >= 0.85 * wanted for _, polls, wanted in found)


def test_one_that_babbles_spoils_its_own_answers():
    bus = Bus()
    bus.line.slaves[13] = babble
    bus.pass_ms(LONG_MS)
    assert bus.asked[13].polls < 1000
    assert not bus.is_seen(13)
    bus.heal(13)
    bus.pass_ms(LONGEST_REST_MS + OVERDUE_MS + ATTEMPT_MS)
    assert all(bus.is_seen(address) for address in (1, 2, 3, 4, 13))


class Converter:
    def read_uv(self):
        return 800000


def test_fast_channels_never_wait_for_a_sick_line():
    """The loop of app.py: a loop current every 10 ms and every 100 ms beside the line."""
    bus = Bus()
    bus.line.slaves.update({11: silent, 12: late(bus, 12), 13: babble})
    channels = [
        {"name": "a", "sensor": "current", "period_ms": 10, "stats": ["mean"]},
        {"name": "b", "sensor": "current", "period_ms": 100, "stats": ["mean"]},
    ]
    loops = [CurrentRow(Converter(), 100000, 0, 10000) for _ in channels]
    ring = Ring(len(assemble.columns.columns(channels)))
    made = assemble.build(loops, [bus.master], channels, 1000, ring)
    end = time.ticks_add(time.ticks_ms(), FAST_MS)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        left_ms = made.tick(made.cells, made.state, time.ticks_ms(), made.parts)
        if ring.is_full():
            ring.drop(1)
        time.sleep_ms(max(0, made.poll(left_ms)))
    ticks = [group.words[BINS] for group in made.groups]
    assert ticks[0] > FAST_MS // 10 - 9
    assert all(group.words[OVERRUNS] == group.words[WORST] == 0 for group in made.groups)
    assert bus.master.timeouts > 20

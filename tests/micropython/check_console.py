# SPDX-License-Identifier: MIT
"""The console on a scripted line: frames, noise, Enter, and the Ctrl-C rules of FORMAT.md 9.

And the line's wait: a poll ends at a tick of FreeRTOS, up to 10 ms late, a sample must not.
"""

import sys

from faketime import time
from nor import Random

from tirta_format import frame
from tirta_node.line.console import Console

TICK_MS = 10
GREETING = b"\r\nTirta\r\n"
NOISE_BYTES = 1000000 if sys.maxsize > 1 << 32 else 250000  # the second time, on 32 bits
SEEDS = (1, 2, 3, 4)
FIFO = 120


class Line:
    """Bytes that arrive, and bytes that were written."""

    def __init__(self):
        self.input = b""
        self.at = 0
        self.output = bytearray()

    def byte(self):
        if self.at == len(self.input):
            return -1
        self.at += 1
        return self.input[self.at - 1]

    def room(self):
        return FIFO

    def drain_ms(self):
        return 0

    def write(self, data):
        assert len(data) <= FIFO
        self.output += data

    def unread(self):
        return self.input[self.at :]

    def arrive(self, data):
        self.input = self.unread() + data
        self.at = 0


class Echo:
    """A console whose every request is answered with its payload reversed."""

    def __init__(self):
        self.line = Line()
        self.console = Console(self.line)
        self.console.greeting = GREETING
        self.console.handle = self.handle
        self.requests = 0

    def handle(self, kind, sequence, payload):
        self.requests += 1
        data = bytes(payload)
        self.console.answer(kind, sequence, bytes(reversed(data)))

    def idle(self, ms, step_ms=10):
        for _ in range(0, ms, step_ms):
            time.sleep_ms(step_ms)
            self.console.step()

    def say(self, data):
        self.line.arrive(data)
        self.console.step()

    def answers(self):
        """The frames that were sent since the last call."""
        parts = bytes(self.line.output).split(b"\0")
        self.line.output = bytearray()
        return [frame.decode(part) for part in parts if part]


def test_a_frame_is_answered():
    echo = Echo()
    echo.say(frame.encode(0x02, 7, b"abc"))
    assert echo.answers() == [(0x82, 7, b"cba")]


def test_frames_in_pieces_and_in_rows():
    echo = Echo()
    whole = frame.encode(0x02, 1, b"\x00\x03\r\n") + frame.encode(0x03, 2, bytes(220))
    for i in range(len(whole)):
        echo.say(whole[i : i + 1])
        echo.idle(40)
    assert echo.answers() == [(0x82, 1, b"\n\r\x03\x00"), (0x83, 2, bytes(220))]
    echo.say(whole)
    echo.idle(60)
    assert [answer[:2] for answer in echo.answers()] == [(0x82, 1), (0x83, 2)]
    assert not echo.console.visit


def test_a_request_is_taken_before_it_is_done():
    """An empty frame says so, unless something is on its way already."""
    echo = Echo()
    heard = []

    def handle(kind, sequence, payload):
        heard.append(bytes(echo.line.output))
        echo.handle(kind, sequence, payload)

    echo.console.handle = handle
    echo.say(frame.encode(0x02, 1, b"abc"))
    assert heard == [b"\0"], heard
    assert echo.answers() == [(0x82, 1, b"cba")]


def test_what_came_again_meanwhile_is_not_done_again():
    """A slow node would only become slower; asked again behind the answer it answers again."""
    echo = Echo()
    whole = frame.encode(0x02, 1, b"abc")
    echo.say(whole + whole + whole + frame.encode(0x03, 2, b"d"))
    echo.idle(60)
    assert echo.answers() == [(0x82, 1, b"cba"), (0x83, 2, b"d")]
    echo.say(whole)
    echo.idle(60)
    assert echo.answers() == [(0x82, 1, b"cba")]
    assert echo.requests == 3


def test_what_follows_an_answer_at_once_is_no_repeat():
    """Another laptop may begin with the sequence of the one before; the node has not been idle."""
    echo = Echo()
    echo.say(frame.encode(0x02, 1, b"abc"))
    echo.say(frame.encode(0x03, 1, b"d"))
    assert echo.answers() == [(0x82, 1, b"cba"), (0x83, 1, b"d")]


def test_damaged_and_overlong_frames_are_dropped_and_counted():
    echo = Echo()
    bad = bytearray(frame.encode(0x02, 1, b"abc"))
    bad[4] ^= 1
    echo.say(bytes(bad))
    echo.say(b"\x00" + b"\x55" * 5000 + b"\x00")
    for _ in range(30):
        echo.console.step()
    assert echo.answers() == []
    assert echo.console.dropped == 2
    echo.say(b"\0\0\0" + frame.encode(0x02, 2, b""))
    assert echo.answers() == [(0x82, 2, b"")]


def test_noise_ends_nothing():
    for seed in SEEDS:
        echo, random = Echo(), Random(seed)
        left = NOISE_BYTES // len(SEEDS)
        while left:
            n = min(left, 1 + random.next() % 259)
            echo.say(bytes(random.bytes(n)))
            while echo.line.unread():
                echo.console.step()
            time.sleep_ms(
                random.next() % 49
            )  # a longer silence would make the next byte a person's
            assert not echo.console.visit
            left -= n
        assert echo.console.dropped > 100
        assert echo.requests == 0
        echo.line.output = bytearray()
        echo.say(frame.encode(0x02, 9, b"still"))
        assert echo.answers() == [(0x82, 9, b"llits")], seed


def test_noise_full_of_ctrl_c_ends_nothing():
    echo, random = Echo(), Random(5)
    choice = b"\x03\r\n\x00\x01\x02\x04\x55"
    echo.say(b"\x55")  # the quiet before is over
    for _ in range(400):
        echo.say(bytes(choice[random.next() >> 9 & 7] for _ in range(250)))
        time.sleep_ms(20)
        assert not echo.console.visit
    echo.line.output = bytearray()
    echo.say(b"\x55" + frame.encode(0x02, 9, b"x"))
    assert echo.answers() == [(0x82, 9, b"x")]


def test_mpremote_gets_its_repl_and_the_byte_behind():
    echo = Echo()
    echo.idle(60)
    echo.say(b"\r\x03\r\x01")
    assert echo.console.visit
    assert echo.line.unread() == b"\x01"


def test_a_bare_ctrl_c_counts_after_silence():
    echo = Echo()
    echo.idle(60)
    echo.say(b"\x03")
    assert not echo.console.visit
    echo.idle(40)
    assert not echo.console.visit
    echo.idle(20)
    assert echo.console.visit


def test_a_ctrl_c_without_quiet_before_it_does_nothing():
    echo = Echo()
    echo.idle(60)
    echo.say(b"\x55")
    echo.idle(40)
    echo.say(b"\x03\r")
    echo.idle(200)
    assert not echo.console.visit


def test_a_ctrl_c_with_more_behind_it_does_nothing():
    for behind in (b"\x01", b"x", b"\x00", b"\n"):
        echo = Echo()
        echo.idle(60)
        echo.say(b"\x03" + behind)
        echo.idle(200)
        assert not echo.console.visit, behind


def test_a_ctrl_c_inside_a_frame_does_nothing():
    echo = Echo()
    echo.idle(60)
    whole = frame.encode(0x02, 3, b"\x03\x0d" * 20)
    for i in range(len(whole)):
        echo.say(whole[i : i + 1])
    echo.idle(200)
    assert not echo.console.visit
    assert echo.answers() == [(0x82, 3, b"\x0d\x03" * 20)]


def test_enter_greets_and_a_frame_behind_it_is_answered():
    echo = Echo()
    echo.idle(60)
    echo.say(b"\r\n")
    assert bytes(echo.line.output) == b""
    echo.idle(70)
    assert bytes(echo.line.output) == GREETING
    echo.line.output = bytearray()
    echo.idle(100)
    assert bytes(echo.line.output) == b""
    echo.say(frame.encode(0x02, 4, b"z"))
    assert echo.answers() == [(0x82, 4, b"z")]


def test_waiting_ends_when_a_decision_is_due():
    echo = Echo()
    echo.idle(60)
    assert echo.console.wait_ms() > 1000
    echo.say(b"\x03")
    assert 0 < echo.console.wait_ms() <= 50


class Poll:
    """The chip's: without input it sleeps to the first tick behind its time; input wakes it."""

    input_in_ms = 1000000

    def register(self, stream, mask):
        pass

    def ipoll(self, timeout_ms):
        if self.input_in_ms <= timeout_ms:
            time.sleep_ms(self.input_in_ms)
            return ((None, 1),)
        self.input_in_ms -= timeout_ms
        if timeout_ms > 0:
            time.sleep_ms(timeout_ms)
            time.sleep_ms(-time.now_ms % TICK_MS)
        return ()


class _Select:
    POLLIN = 1
    poll = Poll


sys.modules["select"] = _Select()

from tirta_node.hal import line as wire  # noqa: E402 - it takes the select that stands there


def waited(timeout_ms, phase_ms, input_in_ms=1000000):
    """How long a wait takes that begins `phase_ms` behind a tick."""
    line = wire.Line()
    line._poll.input_in_ms = input_in_ms
    time.now_ms = 5000 + phase_ms
    line.wait(timeout_ms)
    return time.now_ms - 5000 - phase_ms


def test_a_wait_ends_in_time_at_every_phase_of_the_tick():
    for phase_ms in range(TICK_MS):
        for timeout_ms in range(45):
            assert waited(timeout_ms, phase_ms) == timeout_ms, (timeout_ms, phase_ms)


def test_input_ends_a_wait_within_a_tick():
    for input_in_ms in range(0, 200, 3):
        took_ms = waited(150, 4, input_in_ms)
        assert took_ms in range(min(input_in_ms, 150), min(input_in_ms + TICK_MS, 150) + 1)

# SPDX-License-Identifier: MIT
"""The Modbus master against slaves that answer late, twice, with noise, exceptions or never, on a
clock that is turned by hand; and every number that registers can hold.
"""

import json
import struct

import micropython
import nochip  # noqa: F401 - before the sensors, whose package imports the hal
from faketime import time
from harness import shared
from modbus_line import CHAR_US, Line, Registers, ask, with_crc
from polling import run, seen

from tirta_node.sensors import modbus_frame
from tirta_node.sensors.modbus import Modbus
from tirta_node.sensors.modbus_request import Register, Request, Slave
from tirta_node.sensors.numbers import BAD, F32, S16, S32, U16, U32, number

ORDERS = ("abcd", "badc", "cdab", "dcba")


class Idle:
    """A port on which nobody answers, and that takes nothing from the heap."""

    def __init__(self):
        self.sent = 0

    def send(self, frame):
        self.sent += 1

    def finish(self):
        return 0

    def receive(self, buf):
        return 0


def one(registers, **options):
    """(line, slave function, master, channel) with one request of slave 1."""
    line = Line()
    device = Registers(1, registers)
    line.slaves[1] = device
    request, channel = ask(Slave(1), 0, **options)
    return line, device, Modbus(line, [request], CHAR_US, 300, 2), channel


def test_every_frame_of_the_data_is_taken_or_refused_as_its_crc_says():
    data = json.loads(shared("modbus_frames/frames_dev.json"))
    frames = [(f["hex"], f["crc_valid"]) for f in data["frames"]]
    frames += [(f["hex"], True) for f in data["third_party_test_frames_crc_valid"]]
    assert len(frames) > 100
    for text, valid in frames:
        frame = bytes(int(byte, 16) for byte in text.split())
        assert modbus_frame.is_valid(frame, 0, len(frame)) == valid, text
        for i in range(len(frame)):
            broken = bytearray(frame)
            broken[i] ^= 0x10
            assert not valid or not modbus_frame.is_valid(broken, 0, len(broken)), text


def test_the_answers_of_the_data_are_found_between_noise():
    data = json.loads(shared("modbus_frames/frames_dev.json"))
    count = 0
    for f in data["frames"]:
        frame = bytes(int(byte, 16) for byte in f["hex"].split())
        if f["kind"].startswith("response") and frame[1] in (3, 4):
            standard = len(frame) == 5 + frame[2]
            n = frame[2] if standard else 4
            head = bytes((frame[0], frame[1], n))
            buf = b"\x00\x55" + frame + b"\xb0\xaa"
            at = modbus_frame.find(buf, len(buf), head, 5 + n, b"\x00" * 8)
            assert at == (2 if standard else -1), f["id"]
            count += 1
    assert count >= 8


def test_requests_are_those_of_the_manuals():
    expected = "01 03 00 05 00 02 D4 0A"
    made = " ".join("%02X" % byte for byte in modbus_frame.request(1, 3, 5, 2))
    assert made == expected


def test_integers_of_every_kind():
    cases = (
        (U16, 0, 0xFFFF, 1, 1, 65535), (S16, 0, 0xFFFF, 1, 1, -1), (S16, 0, 0x8000, 1, 1, -32768),
        (U32, 0, 5, 1, 1, 5), (U32, 0x3FFF, 0xFFFF, 1, 1, 0x3FFFFFFF), (U32, 0x4000, 0, 1, 1, BAD),
        (U32, 0xFFFF, 0xFFFF, 1, 1, BAD), (U32, 0xFFFF, 0xFFFF, 1, 1000, 4294967),
        (S32, 0xFFFF, 0xFFFF, 1, 1, -1), (S32, 0x8000, 0, 1, 1000, -2147484),
        (S32, 0xFFFF, 0, 1, 1, -65536), (S16, 0, 0xFFF6, 1, 4, -3), (U16, 0, 10, 1, 4, 3),
        (U16, 0, 1234, 27778, 100, 342781), (U32, 1, 0, 1000000, 1, BAD),
        (U16, 0, 1000, 1000000, 1, 1000000000),
    )  # fmt: skip
    for kind, high, low, mul, div, value in cases:
        assert number(kind, high, low, mul, div) == value, (kind, high, low, mul, div)


def f32(text, mul, div=1):
    word = bytes(int(text[i : i + 2], 16) for i in range(0, 8, 2))
    return number(F32, word[0] << 8 | word[1], word[2] << 8 | word[3], mul, div)


def test_floats_are_exact_and_what_is_no_number_is_refused():
    cases = (
        ("43602588", 1000, 1, 224147),  # 224.14661
        ("3f0b851e", 1000, 1, 545),
        ("bf0b851e", 1000, 1, -545),
        ("00000000", 1000, 1, 0), ("80000000", 1000, 1, 0), ("00000001", 1000000, 1, 0),
        ("3f000000", 1, 1, 1), ("bf000000", 1, 1, -1), ("3effffff", 1, 1, 0),
        ("4e7fffff", 1, 1, 0x3FFFFFC0), ("4e800000", 1, 1, BAD), ("4e800000", 1, 2, 0x20000000),
        ("501502f9", 1, 100, 100000000), ("7f800000", 1, 1, BAD), ("7fc00000", 1, 1, BAD),
        ("ff800000", 1, 1, BAD), ("7f7fffff", 1, 268435455, BAD), ("2edbe6ff", 1000000, 1, 0),
    )  # fmt: skip
    for text, mul, div, value in cases:
        assert f32(text, mul, div) == value, (text, mul, div, f32(text, mul, div))


def test_floats_agree_with_the_machines_own():
    state = 12345
    for _ in range(400):
        state = (state * 48271) % 2147483647
        mantissa = state & 0x7FFFFF
        exponent = 100 + state % 55
        bits = exponent << 23 | mantissa
        high, low = bits >> 16, bits & 0xFFFF
        exact = (mantissa | 0x800000) * 1000  # times 2^(exponent - 150)
        shift = 150 - exponent
        wanted = (exact + (1 << shift >> 1)) >> shift if shift > 0 else exact << -shift
        got = number(F32, high, low, 1000, 1)
        assert got == (wanted if wanted < 1 << 30 else BAD), (bits, wanted, got)


def test_every_byte_and_word_order():
    payload = {"a": 0x43, "b": 0x60, "c": 0x25, "d": 0x88}
    for order, name in enumerate(ORDERS):
        raw = bytes(payload[letter] for letter in name)
        registers = struct.unpack(">HH", raw)
        _, _, master, channel = one(registers, count=2, kind=F32, order=order, ratio=(100, 1))
        run(master, 100)
        assert seen(channel) == 22415, name
    _, _, master, channel = one([0x3412], order=1)
    run(master, 100)
    assert seen(channel) == 0x1234


def test_one_request_serves_channels_that_lie_together():
    line = Line()
    line.slaves[1] = Registers(1, [0, 225, 0xFFFF, 7])
    channels = [Register(kind, 0, (1, 1), 0, 3000) for kind in (U16, S16, U32)]
    for i, channel in enumerate(channels):
        channel.place(i)
    master = Modbus(line, [Request(Slave(1), 4, 0, 4, channels, 1000)], CHAR_US, 300, 2)
    run(master, 500)
    assert [seen(c) for c in channels] == [0, 225, None]  # the last one is too large
    assert len(line.requests) == 1


def test_noise_echo_and_glued_frames_hide_no_answer():
    for before, after in (
        (b"\x00", b""), (b"\x00\x00\xff", b"\xb0\xaa"), (b"", b"\x00"),
        (with_crc(b"\x01\x03\x02\x00\x63")[:6], b""), (b"\x01\x03\x02\x01\x03\x02", b""),
        (with_crc(b"\x02\x03\x02\x00\x63"), with_crc(b"\x02\x03\x02\x00\x63")),
        (with_crc(b"\x01\x03\x04\x00\x63\x00\x63"), b""),
    ):  # fmt: skip
        for echo in (False, True):
            line, device, master, channel = one([1500])
            line.echo = echo
            line.slaves[1] = lambda frame: ((5, before + device.answer(frame) + after),)  # noqa: B023
            run(master, 900)
            assert seen(channel) == 1500, (before, after, echo)
            run(master, 1000)
            assert (seen(channel), master.answers, master.timeouts) == (1500, 2, 0)


def test_an_echo_is_no_answer():
    for register in range(0x200, 0x300, 7):
        line = Line()
        line.echo = True
        request, channel = ask(Slave(1), register)
        master = Modbus(line, [request], CHAR_US, 300, 0)
        run(master, 600)
        assert seen(channel) is None


def test_a_wrong_crc_is_refused_and_asked_again():
    line, device, master, channel = one([99])
    frames = []

    def answer(frame):
        frames.append(frame)
        good = device.answer(frame)
        return ((5, good if len(frames) == 2 else good[:-1] + b"\x00"),)

    line.slaves[1] = answer
    run(master, 300)
    assert seen(channel) is None
    run(master, 400)
    assert (seen(channel), master.timeouts, master.answers) == (99, 1, 1)


def test_an_exception_is_missing_at_once_and_counted():
    line, device, master, channel = one([7])
    run(master, 500)
    assert seen(channel) == 7
    line.slaves[1] = lambda frame: ((5, with_crc(bytes((1, 0x83, 2)))),)
    run(master, 700)
    assert seen(channel) is None
    assert (master.exceptions, master.timeouts) == (1, 0)
    line.slaves[1] = device
    run(master, 1000)
    assert seen(channel) == 7


def test_retries_are_bounded_and_a_silent_slave_is_missing():
    line, device, master, channel = one([7])
    device.silent = True
    run(master, 1100)
    assert len(line.requests) == 3
    assert seen(channel) is None


def test_a_late_answer_is_never_taken_for_another_register():
    line = Line()
    slave, device = Slave(1), Registers(1, [100, 200, 300])
    line.slaves[1] = device
    pairs = [ask(slave, register, poll_ms=500, age_ms=1500) for register in range(3)]
    master = Modbus(line, [pair[0] for pair in pairs], CHAR_US, 300, 1)
    for i in range(400):
        device.delay_ms = 400 if i % 7 == 3 else 1500 if i % 11 == 5 else 5
        run(master, 97)
        for (_, channel), value in zip(pairs, (100, 200, 300)):
            assert seen(channel) in (None, value)
    device.delay_ms = 5
    run(master, 5000)
    assert [seen(channel) for _, channel in pairs] == [100, 200, 300]


def test_a_late_answer_is_as_old_as_its_question():
    _line, device, master, channel = one([1], poll_ms=1000, age_ms=600)
    device.delay_ms = 320
    run(master, 330)
    device.registers[0] = 2
    run(master, 200)  # the answer to the first attempt comes while the second is under way
    assert seen(channel) == 1
    run(master, 130)
    assert seen(channel) is None  # 660 ms after it was asked for


def test_a_stale_value_never_looks_valid():
    _, _, master, channel = one([7], poll_ms=1000, age_ms=1500)
    run(master, 500)
    assert seen(channel) == 7
    time.sleep_ms(1200)  # nobody polls
    assert seen(channel) is None
    run(master, 200)
    assert seen(channel) == 7


def test_a_dead_slave_delays_nobody():
    line = Line()
    line.slaves[1] = Registers(1, [11])
    alive, channel = ask(Slave(1), 0, poll_ms=500, age_ms=1200)
    dead = Slave(2)
    requests = [ask(dead, register)[0] for register in range(4)]
    master = Modbus(line, requests + [alive], CHAR_US, 300, 2)
    run(master, 2000)
    missing = 0
    for _ in range(60):
        run(master, 1000)
        missing += seen(channel) is None
    assert missing == 0
    asked = [frame[0] for _, frame in line.requests]
    assert asked.count(1) >= 115
    assert 3 <= asked.count(2) <= 15
    line.slaves[2] = Registers(2, [1, 2, 3, 4])  # it comes back
    run(master, 60000)
    assert [seen(r.channels[0]) for r in requests] == [1, 2, 3, 4]


def test_a_line_full_of_noise_stops_nothing():
    line, device, master, channel = one([5])
    line.slaves[1] = lambda frame: tuple((i, b"\xff\x01\x03" * 30) for i in range(0, 200, 10))
    run(master, 3000)
    assert seen(channel) is None
    assert master.timeouts > 2
    line.slaves[1] = device
    run(master, 8000)
    assert seen(channel) == 5


def test_polling_and_sampling_allocate_nothing():
    _, _, master, channel = one([0x4360, 0x2588], count=2, kind=F32, ratio=(1000, 1))
    run(master, 100)
    data = with_crc(b"\x01\x03\x04\x43\x60\x25\x88")
    buf = bytearray(data)
    held = Register(F32, 0, (1000, 1), 0, 3000)
    request = master._request
    nothing = master._port = Idle()
    micropython.heap_lock()
    try:
        at = modbus_frame.find(buf, 9, request.shape.head, 9, request.frame)
        held.take(buf, at + 3, time.ticks_ms())
        held.sample()
        channel.sample()
        for _ in range(400):
            time.sleep_ms(master.poll())
    finally:
        micropython.heap_unlock()
    assert (at, held.value, held.flag, channel.value) == (0, 224147, 1, 224147)
    assert nothing.sent > 3
    assert 0 <= nothing.sent - master.timeouts <= 1

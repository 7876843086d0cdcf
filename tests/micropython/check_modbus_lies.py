# SPDX-License-Identifier: MIT
"""The Modbus master against slaves whose answers come late, in any order, or not at all: what is
good is of its own register, and what cannot be known is flagged. (Longer: `make campaign`.)
"""

import nochip  # noqa: F401 - before the sensors, whose package imports the hal
from faketime import time
from modbus_line import CHAR_US, Line, Registers, ask, with_crc
from modbus_slaves import campaign
from polling import run

from tirta_node.sensors.modbus import Modbus
from tirta_node.sensors.modbus_request import Slave

GOOD, SUSPECT, MISSING = 1, 3, 9
VALUES = (11, 22)
PLACES = (0, 100)  # registers of the same slave, whose answers look alike


class Gateway:
    """Takes one request after the other."""

    def __init__(self, service_ms, registers):
        self._service_ms = service_ms
        self._registers = registers
        self._free_ms = time.ticks_ms()

    def __call__(self, frame):
        now = time.ticks_ms()
        if time.ticks_diff(self._free_ms, now) < 0:
            self._free_ms = now
        self._free_ms = time.ticks_add(self._free_ms, self._service_ms)
        return ((time.ticks_diff(self._free_ms, now), self._registers.answer(frame)),)


class Twice:
    """Gives an answer in `each` a second time, so much later."""

    def __init__(self, registers, each, apart_ms):
        self._registers = registers
        self._each = each
        self._apart_ms = apart_ms
        self._answers = 0

    def __call__(self, frame):
        answer = self._registers.answer(frame)
        self._answers += 1
        if self._answers % self._each:
            return ((5, answer),)
        return ((5, answer), (5 + self._apart_ms, answer))


def made(poll_ms=5000):
    """(line, registers, master, its two channels)."""
    line = Line()
    line.polite = False
    registers = Registers(1, [0] * 101)
    for place, value in zip(PLACES, VALUES):
        registers.registers[place] = value
    line.slaves[1] = registers
    slave = Slave(1)
    pairs = [ask(slave, place, poll_ms=poll_ms, age_ms=3 * poll_ms + 5000) for place in PLACES]
    master = Modbus(line, [pair[0] for pair in pairs], CHAR_US, 300, 2)
    return line, registers, master, [pair[1] for pair in pairs]


def look(master, channels, seconds):
    """{flag: looks}; what is good must be the channel's own value."""
    found = {GOOD: 0, SUSPECT: 0, MISSING: 0}
    for _ in range(seconds):
        run(master, 1000)
        for channel, value in zip(channels, VALUES):
            channel.sample()
            found[channel.flag] += 1
            assert channel.flag != GOOD or channel.value == value, (channel.value, value)
    return found


def test_a_gateway_that_takes_1200_ms_a_request_is_read():
    line, registers, master, channels = made()
    line.slaves[1] = Gateway(1200, registers)
    found = look(master, channels, 900)
    print(found, master.late, master.unsure)
    assert found[GOOD] > 600


def test_answers_that_all_come_2500_ms_late_are_those_of_their_own_register():
    _, registers, master, channels = made()
    registers.delay_ms = 2500
    found = look(master, channels, 900)
    print(found, master.late, master.unsure)
    assert found[GOOD] > 600


def test_a_gateway_that_answers_twice_is_never_believed_to_be_another():
    """Always, or one time in ten; the second answer comes while the other register is listened
    for, or when nobody listens.
    """
    for poll_ms in (1000, 5000):
        for each in (1, 10):
            for apart_ms in (20, 1500):
                line, registers, master, channels = made(poll_ms)
                line.slaves[1] = Twice(registers, each, apart_ms)
                look(master, channels, 300)
                assert master.late > 0


def test_any_constant_delay():
    for delay_ms in (290, 310, 600, 900, 1000, 2000, 4990, 5010, 9995, 20000, 60010, 61000, 125000):
        _, registers, master, channels = made()
        registers.delay_ms = delay_ms
        found = look(master, channels, 400)
        assert found[GOOD] or delay_ms > 1000, (delay_ms, found)


def test_one_lost_answer_is_forgotten_after_a_minute():
    line, registers, master, channels = made()
    assert look(master, channels, 60)[GOOD] > 110
    lost = []

    def once(frame):
        if lost:
            return registers(frame)
        lost.append(frame)
        return ()

    line.slaves[1] = once
    found = look(master, channels, 75)
    assert lost
    assert found[SUSPECT] > 60  # of which register it is cannot be known
    assert found[MISSING] == 0
    assert look(master, channels, 100)[GOOD] > 190


def test_a_damaged_answer_leaves_no_doubt():
    line, registers, master, channels = made()
    look(master, channels, 20)
    damaged = []

    def once(frame):
        answer = registers.answer(frame)
        if not damaged:
            damaged.append(frame)
            answer = answer[:3] + b"\xff" + answer[4:]
        return ((5, answer),)

    line.slaves[1] = once
    found = look(master, channels, 60)
    assert damaged
    assert found[SUSPECT] == found[MISSING] == 0


def test_a_slave_that_returns_is_trusted_again():
    _, registers, master, channels = made(1000)
    look(master, channels, 10)
    registers.silent = True
    look(master, channels, 3600)
    registers.silent = False
    look(master, channels, 71 + 60 + 10)
    assert look(master, channels, 30)[GOOD] == 60


def test_an_answer_that_nobody_asked_for_makes_the_next_ones_suspect():
    line, registers, master, channels = made(1000)
    look(master, channels, 10)
    line.slaves[1] = lambda frame: ((5, registers.answer(frame)), (100, registers.answer(frame)))
    found = look(master, channels, 60)
    assert found[GOOD] < 12, found
    line.slaves[1] = registers
    look(master, channels, 700)
    assert look(master, channels, 30)[GOOD] == 60


def test_a_late_exception_settles_no_other_question():
    line, registers, master, channels = made(1000)
    asked = []

    def answer(frame):
        asked.append(frame)
        if len(asked) % 7 == 3:
            return ((1000 + 100 * (len(asked) % 5), with_crc(bytes((1, 0x83, 4)))),)
        return registers(frame)

    line.slaves[1] = answer
    look(master, channels, 300)
    assert master.exceptions + master.timeouts > 10


def test_slaves_of_any_delay_order_echo_and_loss():
    total, good = campaign(1, 30, 120)
    print(total, "exchanges,", good, "good looks")
    assert total >= 3600
    assert good > 1000

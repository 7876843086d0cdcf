# SPDX-License-Identifier: MIT
"""Modbus slaves of any delay, order, echo and loss, drawn from a seed, and their judge: a value
that is good is of its own register, and not older than it may be.

Each register tells who it is and when it was read, so the judge needs to know nothing else. Time
passes only where somebody waits.
"""

from faketime import time
from modbus_line import CHAR_US, Line, ask, with_crc
from polling import run

from tirta_node.sensors.modbus import Modbus
from tirta_node.sensors.modbus_request import Slave
from tirta_node.sensors.numbers import U32

LOOK_MS = 170
GOOD = 1


class Chance:
    """Numbers that follow from a seed (Park and Miller 1988), the same under every interpreter."""

    def __init__(self, seed):
        self._state = seed * 7919 % 2147483647 + 1

    def below(self, n):
        self._state = self._state * 48271 % 2147483647
        return self._state % n

    def hits(self, per_mille):
        return self.below(1000) < per_mille

    def scale(self, least, most):
        """Anything between, small ones as likely as large ones."""
        steps = 0
        while least << steps + 1 <= most:
            steps += 1
        return (least << self.below(steps + 1)) * (100 + self.below(100)) // 100


class Device:
    """A slave, or a gateway in front of some: what it does with each request is drawn."""

    def __init__(self, chance, born_ms):
        self._chance = chance
        self._born_ms = born_ms
        self._free_ms = born_ms  # a gateway that takes one request after the other
        self.delay_ms = chance.scale(2, 60000)
        self.way = ("constant", "up to", "one by one", "now and then")[chance.below(4)]
        self.lost = chance.below(2) * chance.scale(5, 400)  # per mille of the answers
        self.damaged = chance.below(2) * chance.scale(5, 200)
        self.refused = chance.below(3) // 2 * 100
        self.noise = chance.below(3) // 2 * 100
        self.answers = 0

    def __call__(self, frame):
        chance = self._chance
        self.answers += 1
        if chance.hits(self.lost):
            return ()
        if chance.hits(self.refused):
            return ((self._wait_ms(), with_crc(bytes((frame[0], frame[1] | 0x80, 2)))),)
        register, count = frame[2] << 8 | frame[3], frame[4] << 8 | frame[5]
        now = time.ticks_diff(time.ticks_ms(), self._born_ms) // 100
        words = (register // 16 << 8 | now >> 16, now & 0xFFFF)
        data = b"".join(word.to_bytes(2, "big") for word in words[:count])
        answer = with_crc(bytes((frame[0], frame[1], len(data))) + data)
        if chance.hits(self.damaged):
            at = chance.below(len(answer))
            answer = answer[:at] + bytes((answer[at] ^ 1 + chance.below(255),)) + answer[at + 1 :]
        if chance.hits(self.noise):
            answer = bytes(chance.below(256) for _ in range(chance.below(9))) + answer
        return ((self._wait_ms(), answer),)

    def _wait_ms(self):
        chance, most = self._chance, self.delay_ms
        if self.way == "constant":
            return most
        if self.way == "up to":
            return chance.below(most + 1)
        if self.way == "now and then":
            return most if chance.hits(30) else 3 + chance.below(20)
        now = time.ticks_ms()
        service_ms = min(most, 4000)
        start = now if time.ticks_diff(self._free_ms, now) < 0 else self._free_ms
        self._free_ms = time.ticks_add(start, service_ms)
        return time.ticks_diff(self._free_ms, now)


class Wire(Line):
    """Whoever waits longest need not be heard first, and what nobody takes in is not kept for ever
    (a UART's ring has 256 bytes).
    """

    def send(self, frame):
        super().send(frame)
        self._coming.sort(key=lambda one: time.ticks_diff(one[0], time.ticks_ms()))


def judge(seed, exchanges):
    """(requests that were made, looks at values that were good, values that were wrong) of one line
    of slaves.
    """
    chance = Chance(seed)
    line = Wire()
    line.polite = False
    line.echo = chance.hits(300)
    born_ms = time.ticks_ms()
    requests, looked = [], []
    for address in range(1, 2 + chance.below(3)):
        line.slaves[address] = Device(chance, born_ms)
        slave = Slave(address)
        for i in range(1 + chance.below(4)):
            poll_ms = chance.scale(250, 16000)
            age_ms = 3 * poll_ms + chance.below(2) * 5000
            register = 16 * (10 * address + i)
            request, channel = ask(
                slave, register, count=2, kind=U32, poll_ms=poll_ms, age_ms=age_ms
            )
            requests.append(request)
            looked.append((channel, 10 * address + i, age_ms))
    timeout_ms = (100, 300, 1000)[chance.below(3)]
    master = Modbus(line, requests, CHAR_US, timeout_ms, chance.below(4))
    good = wrong = 0
    while len(line.requests) < exchanges:
        run(master, LOOK_MS)
        now = time.ticks_diff(time.ticks_ms(), born_ms)
        for channel, whose, age_ms in looked:
            channel.sample()
            if channel.flag == GOOD:
                good += 1
                read_ms = (channel.value & 0xFFFFFF) * 100
                if channel.value >> 24 != whose or now - read_ms > age_ms + 100:
                    wrong += 1
    return len(line.requests), good, wrong


def campaign(first, count, exchanges):
    """Judge some lines, a seed each; says what came of them."""
    total = good = 0
    for seed in range(first, first + count):
        made, seen, wrong = judge(seed, exchanges)
        total += made
        good += seen
        assert not wrong, "seed %d: %d wrong values are good" % (seed, wrong)
    return total, good

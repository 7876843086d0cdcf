# SPDX-License-Identifier: MIT
"""A Modbus line whose slaves are functions, on a clock that is turned by hand (faketime)."""

import struct

from faketime import time

from tirta_node.sensors import modbus_frame
from tirta_node.sensors.modbus_request import Register, Request
from tirta_node.sensors.numbers import U16

CHAR_US = 1146  # 9600 baud, 11 bits


def with_crc(data):
    crc = modbus_frame.crc16(data, 0, len(data), 0xFFFF)
    return bytes(data) + bytes((crc & 255, crc >> 8))


class Line:
    """A port whose slaves are functions: frame -> [(delay in ms, bytes)]. `heard(frame)` is told of
    every request.
    """

    def __init__(self):
        self.slaves = {}
        self.requests = []
        self.heard = lambda frame: self.requests.append((time.ticks_ms(), frame))
        self._sent_until = 0
        self._coming = []  # (ticks, bytes)
        self.echo = False
        self.polite = True  # nobody may talk into what a slave says

    def send(self, frame):
        assert not self.receive(bytearray(1)) or not self.polite, "it talks into an answer"
        self.heard(bytes(frame))
        self._sent_until = time.ticks_add(time.ticks_ms(), len(frame) * CHAR_US // 1000 + 1)
        if self.echo:
            self._coming.append((self._sent_until, bytes(frame)))
        answer = self.slaves.get(frame[0])
        for delay, data in answer(bytes(frame)) if answer else ():
            self._coming.append((time.ticks_add(self._sent_until, delay), data))

    def finish(self):
        return max(0, time.ticks_diff(self._sent_until, time.ticks_ms()))

    def receive(self, buf):
        for i, (at, data) in enumerate(self._coming):
            if time.ticks_diff(time.ticks_ms(), at) >= 0:
                n = min(len(buf), len(data))
                buf[:n] = data[:n]
                if n < len(data):
                    self._coming[i] = (at, data[n:])
                else:
                    self._coming.pop(i)
                return n
        return 0


class Registers:
    """A slave that holds registers; `delay_ms` may change between requests."""

    def __init__(self, address, registers, delay_ms=5):
        self.address = address
        self.registers = registers
        self.delay_ms = delay_ms
        self.silent = False

    def answer(self, frame):
        first, count = struct.unpack(">HH", frame[2:6])
        data = b"".join(struct.pack(">H", self.registers[first + i]) for i in range(count))
        return with_crc(bytes((self.address, frame[1], len(data))) + data)

    def __call__(self, frame):
        return () if self.silent else ((self.delay_ms, self.answer(frame)),)


def ask(slave, register, *, count=1, kind=U16, order=0, ratio=(1, 1), poll_ms=1000, age_ms=3000):
    """(request, its channel)"""
    channel = Register(kind, order, ratio, 0, age_ms)
    return Request(slave, 3, register, count, [channel], poll_ms), channel

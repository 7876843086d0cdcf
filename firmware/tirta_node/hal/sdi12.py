# SPDX-License-Identifier: MIT
"""The data line of SDI-12 on one GPIO: 1200 baud, 7 bits, even parity, marking is low.

A UART receives. To send, the chip's RMT plays break, marking and characters as one sequence of
pulses, exactly timed whatever else the node does, and then lets go of the line.
"""

import esp32
from micropython import const

_BREAK_US = const(12600)  # spacing, at least 12 ms
_MARKING_US = const(8500)  # behind it, at least 8.33 ms
_BITS = const(10)


class Sdi12Line:
    """`uart` listens at `pin`."""

    def __init__(self, uart, pin):
        self._uart = uart
        self._pin = pin
        self._rmt = None
        pin.init(pin.IN)

    def send(self, command):
        """Begin to send a command behind a break."""
        while self._uart.any():
            self._uart.read(64)
        self._rmt = esp32.RMT(0, pin=self._pin, clock_div=80, idle_level=False)  # 1 us a step
        self._rmt.write_pulses(pulses(command), 1)

    def finish(self):
        """0 when everything is sent and the line is free; else milliseconds to come back in."""
        if self._rmt is None:
            return 0
        if not self._rmt.wait_done():
            return 1
        self._rmt.deinit()
        self._rmt = None
        self._pin.init(self._pin.IN)
        return 0

    def receive(self, buf):
        """Fill `buf` from its start with what has come; how many bytes."""
        n = min(self._uart.any(), len(buf))
        return self._uart.readinto(buf, n) or 0 if n else 0


def pulses(command):
    """Microseconds that the line is high, low, high, … to send `command` (bytes)."""
    found = [_BREAK_US, _MARKING_US]
    level = 0
    done = 0  # bits behind the marking
    begun = 0
    for byte in command:
        word = byte << 1 | _parity(byte) << 8 | 1 << 9  # start 0, parity, stop 1
        for bit in range(_BITS):
            wanted = 1 - (word >> bit & 1)  # 0 is spacing, which is high
            if wanted != level:
                now = done * 2500 // 3  # 833.3 us a bit
                _append(found, level, now - begun)
                level = wanted
                begun = now
            done += 1
    _append(found, level, done * 2500 // 3 - begun)
    return found


def _append(found, level, length):
    if level == 0 and len(found) == 2:
        found[1] += length  # the marking goes on
    elif length:
        found.append(length)


def _parity(byte):
    odd = 0
    while byte:
        odd ^= byte & 1
        byte >>= 1
    return odd

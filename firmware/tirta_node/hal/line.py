# SPDX-License-Identifier: MIT
"""The serial line that the REPL uses too, as the port gives it (ARCHITECTURE: the real port).

Input: a ring of 260 bytes that drops what does not fit; a positive poll promises one byte.
Output: a FIFO of 128 bytes; a write that finds it full sleeps 10 ms. `room` says how much fits.
"""

import select
import sys
import time

import micropython
from micropython import const

FIFO = 120  # of 128: the estimate of what has drained may be late by a few bytes
_CTRL_C = const(3)
_LONG_US = const(1 << 24)  # after this any FIFO is empty


class Line:
    """Bytes in and out without ever blocking."""

    def __init__(self, baud=115200):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._one = bytearray(1)
        self._level = 0  # bytes that the FIFO still holds, at most
        self._since_us = time.ticks_us()
        self.pace(baud)

    def pace(self, baud):
        """The line runs at `baud`: ten bits a byte."""
        self._sixteenths = 160000000 // baud + 1  # of a microsecond that a byte takes

    def own(self, owned):
        """Owned, byte 3 is data; given back, Ctrl-C interrupts again."""
        micropython.kbd_intr(-1 if owned else _CTRL_C)

    def wait(self, timeout_ms):
        """Sleep until input or the end of `timeout_ms`: the only way in which the node waits."""
        for _ in self._poll.ipoll(timeout_ms):
            return True
        return False

    def byte(self):
        """The next byte of input, or -1."""
        for _ in self._poll.ipoll(0):
            self._in.readinto(self._one)
            return self._one[0]
        return -1

    def room(self):
        """Bytes that a write can take now without waiting."""
        now = time.ticks_us()
        since = time.ticks_diff(now, self._since_us)
        drained = (since << 4) // self._sixteenths if 0 <= since < _LONG_US else FIFO
        if drained >= self._level:
            self._level = 0
            self._since_us = now
        elif drained:
            self._level -= drained
            self._since_us = time.ticks_add(self._since_us, drained * self._sixteenths >> 4)
        return FIFO - self._level

    def write(self, data):
        """Send `data`, no longer than `room`."""
        self._level += len(data)
        self._out.write(data)

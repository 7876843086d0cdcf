# SPDX-License-Identifier: MIT
"""The serial line that the REPL uses too, as the ESP32 port gives it.

Input: a ring of 260 bytes that drops what does not fit; a positive poll promises one byte. A poll
that nothing ends returns at a tick of FreeRTOS, up to 10 ms late; `time.sleep_ms` is exact.
Output: a FIFO of 128 bytes; a write that finds it full sleeps 10 ms. `room` says how much fits: the
clock tells when the FIFO will be empty.
"""

import select
import sys
import time

import micropython
from micropython import const

FIFO = 120  # of 128: the estimate of what has drained may be late by a few bytes
_MOST = const(255)  # in one write when there is no FIFO
_FULL = const(140)  # bytes: no FIFO holds so many
_CTRL_C = const(3)
_TICK_MS = const(10)  # of FreeRTOS


class Line:
    """Bytes in and out without ever blocking."""

    def __init__(self, baud=115200):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._one = bytearray(1)
        self._empty_us = time.ticks_us()  # when the FIFO is empty, and 1024ths of a microsecond
        self._part = 0
        self.pace(baud)

    def pace(self, baud):
        """The line runs at `baud`, ten bits a byte; 0: it is no UART and takes what it is given."""
        self.baud = baud
        self._byte = 1 + (10240000000 // baud if baud else 0)  # 1024ths of a microsecond

    def own(self, owned):
        """Owned, byte 3 is data; given back, Ctrl-C interrupts again."""
        micropython.kbd_intr(-1 if owned else _CTRL_C)

    def wait(self, timeout_ms):
        """Sleep until input or the end of `timeout_ms`: the only way in which the node waits.

        It ends in time for a sample; input of the last tick stays in the ring until then.
        """
        begun = time.ticks_ms()
        if timeout_ms > _TICK_MS:
            for _ in self._poll.ipoll(timeout_ms - _TICK_MS):
                return
        left = timeout_ms - time.ticks_diff(time.ticks_ms(), begun)
        if left > 0:
            time.sleep_ms(left)

    def byte(self):
        """The next byte of input, or -1."""
        for _ in self._poll.ipoll(0):
            self._in.readinto(self._one)
            return self._one[0]
        return -1

    def _ahead_us(self):
        """Until the FIFO is empty."""
        ahead = time.ticks_diff(self._empty_us, time.ticks_us())
        # Beyond what a FIFO holds lies what the ticks' wrap made of a moment long ago.
        return ahead if 0 < ahead < self._byte * _FULL >> 10 else 0

    def room(self):
        """Bytes that a write can take now without waiting."""
        if not self.baud:
            return _MOST
        ahead = self._ahead_us()
        return FIFO - ((ahead << 10) // self._byte + 1) if ahead else FIFO

    def drain_ms(self):
        """Until half of the FIFO is free."""
        return max(0, self._ahead_us() - (self._byte * FIFO >> 11)) // 1000 if self.baud else 0

    def write(self, data):
        """Send `data`, no longer than `room`."""
        if not self._ahead_us():
            self._empty_us = time.ticks_us()
        lasts = len(data) * self._byte + self._part
        self._part = lasts & 1023
        self._empty_us = time.ticks_add(self._empty_us, lasts >> 10)
        self._out.write(data)

# SPDX-License-Identifier: MIT
"""A half-duplex line behind a transceiver: a UART, and the pin that turns the driver on.

ESP-IDF can turn it by itself, MicroPython's UART does not offer that. So the end of a frame is
computed from its length and confirmed by `txdone`; whoever polls in time lets go in time, and a
slave leaves 3.5 characters (4 ms at 9600 baud) before it answers.
"""

import time


class HalfDuplex:
    """`direction(1)` drives the line, `direction(0)` listens; None: the transceiver does it."""

    def __init__(self, uart, direction, char_us):
        self._uart = uart
        self._direction = direction
        self._char_us = char_us
        self._end_us = time.ticks_us()
        if direction is not None:
            direction(0)

    def send(self, frame):
        """Begin to send a few bytes; the UART's buffer takes them all."""
        if self._direction is not None:
            self._direction(1)
        self._uart.write(frame)
        self._end_us = time.ticks_add(time.ticks_us(), len(frame) * self._char_us)

    def finish(self):
        """0 when everything is sent and the line is free; else milliseconds to come back in."""
        left = time.ticks_diff(self._end_us, time.ticks_us())
        if left > 0:
            return left // 1000 + 1
        if not self._uart.txdone():
            return 1
        if self._direction is not None:
            self._direction(0)
        return 0

    def receive(self, buf):
        """Fill `buf` from its start with what has come; how many bytes."""
        n = min(self._uart.any(), len(buf))
        return self._uart.readinto(buf, n) or 0 if n else 0

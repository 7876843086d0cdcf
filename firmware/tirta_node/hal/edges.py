# SPDX-License-Identifier: MIT
"""Pulses counted by interrupts, on chips without counters (ESP32-C3): slow ones only.

A write or erase of flash holds interrupts for up to 400 ms, and edges that come meanwhile are one.
So no more than one pulse in 500 ms can be told apart; the config's rules see to that.
"""

import time

from micropython import const

LEAST_MS = const(500)  # between two pulses
_BOUNCE_MS = const(50)  # of a contact; short, because a held interrupt may be 400 ms late


class EdgeCounter:
    """`pin` calls back at rising edges; `value()` counts them."""

    def __init__(self, pin):
        self._count = 0
        self._last_ms = time.ticks_add(time.ticks_ms(), -_BOUNCE_MS)
        pin.irq(self._edge, pin.IRQ_RISING)

    def value(self):
        """Pulses since the start."""
        return self._count

    def _edge(self, pin):
        now = time.ticks_ms()
        since_ms = time.ticks_diff(now, self._last_ms)
        if not 0 <= since_ms < _BOUNCE_MS:  # negative: the ticks have wrapped since
            self._count += 1
        self._last_ms = now


class EveryEdge:
    """`value()` changes with edges of `pin`, however many come at once."""

    def __init__(self, pin):
        self._count = 0
        pin.irq(self._edge, pin.IRQ_RISING | pin.IRQ_FALLING)

    def value(self):
        """Edges that were told apart."""
        return self._count

    def _edge(self, pin):
        self._count = self._count + 1 & 0xFFFF

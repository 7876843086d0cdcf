# SPDX-License-Identifier: MIT
"""Contacts that bounce (the reed switch of a meter): a pulse is a closure that has settled.

A hardware counter would take the milliseconds of bounce, at closing and at opening, for pulses; its
filter ends at 12.8 microseconds. So the level is looked at every few milliseconds, and a change of
it counts when no edge came for `settle_ms`. The counter beside it tells of edges between two looks:
while flash is erased nobody looks for up to 400 ms, and what came then is one pulse and suspect.
"""

import time

from micropython import const

from tirta_format.record import GOOD, SUSPECT
from tirta_node.sensors.pulse_meter import PulseMeter

SPAN = const(1 << 29)  # at which a count begins anew


class Contact:
    """`edges.value()` is a count of edges, `level()` the pin's level, 0 while it is closed."""

    def __init__(self, edges, level, settle_ms):
        self._edges = edges
        self._level = level
        self._settle_ms = settle_ms
        self._look_ms = max(1, settle_ms // 4)
        self._known = edges.value()
        self._seen = self._settled = level()
        self._since_ms = self._looked_ms = time.ticks_ms()
        self._count = 0
        self.doubts = 0  # stalls in which pulses came

    def value(self):
        """Pulses since the start."""
        return self._count

    def poll(self):
        """Look at it; milliseconds until the next time."""
        now = time.ticks_ms()
        edges, level = self._edges.value(), self._level()
        stalled = time.ticks_diff(now, self._looked_ms) >= 2 * self._settle_ms
        self._looked_ms = now
        if edges != self._known or level != self._seen:
            moved = edges != self._known
            self._known, self._seen, self._since_ms = edges, level, now
            if stalled and moved:
                self.doubts += 1
                if level == self._settled:
                    self._add()
        elif level != self._settled and time.ticks_diff(now, self._since_ms) >= self._settle_ms:
            self._settled = level
            if not level:
                self._add()
        return self._look_ms

    def _add(self):
        self._count = self._count + 1 if self._count < SPAN - 1 else 0


class ContactMeter(PulseMeter):
    """The meter at a Contact, which is polled for itself."""

    def __init__(self, contact, most_hz=0):
        super().__init__(contact, SPAN, 0, 0, most_hz)
        self._contact = contact
        self._doubts = 0

    def sample(self):
        """Take the pulses since the last sample; suspect where some may have been missed."""
        self.flag = GOOD
        super().sample()
        if self._contact.doubts != self._doubts and self.flag == GOOD:
            self.flag = SUSPECT
        self._doubts = self._contact.doubts

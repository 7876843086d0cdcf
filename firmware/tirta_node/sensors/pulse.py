# SPDX-License-Identifier: MIT
"""Pulse flow meter: contact closures, one for so many litres, counted in hardware.

The counter runs on; the pulses of an interval are a difference of two readings, for reading and
resetting loses what comes in between. Value: pulses since the last sample.
"""

from tirta_format.record import GOOD


class PulseMeter:
    """`counter.value()` is a running count (machine.Counter)."""

    counts = True

    def __init__(self, counter):
        self._counter = counter
        self._last = counter.value()
        self.value = 0
        self.flag = GOOD

    def prepare(self):
        """Nothing: the hardware counts by itself."""

    def sample(self):
        """Take the pulses since the last sample."""
        now = self._counter.value()
        self.value = now - self._last
        self._last = now

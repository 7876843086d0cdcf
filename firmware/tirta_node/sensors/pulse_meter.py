# SPDX-License-Identifier: MIT
"""Pulse flow meter: contact closures, one for so many litres, counted in hardware.

The counter runs on; the pulses of an interval are a difference of two readings, for reading and
resetting loses what comes in between. Value: pulses since the last sample, forward minus reverse:
a negative one is backflow.
"""

import time

from tirta_format.record import FAIL, GOOD


class PulseMeter:
    """`counter.value()` is a running count that begins anew at plus or minus `span` (0: never).

    Where `span / 2` pulses may come between two samples, `poll` has to be called more often.
    `last`: what the first sample counts from, the count now when left out. More than `most_hz`
    pulses a second come from no meter: such a count has failed.
    """

    def __init__(self, counter, span=0, poll_ms=0, last=None, most_hz=0):
        self._counter = counter
        self._span = span
        self._half = span // 2
        self._poll_ms = poll_ms
        self._last = counter.value() if last is None else last
        self._before = 0  # counted by polls since the last sample
        self._most_hz = most_hz + most_hz // 10
        self._taken_ms = time.ticks_ms()
        self.value = 0
        self.flag = GOOD

    def sample(self):
        """Take the pulses since the last sample."""
        self._take()
        if not self._most_hz:
            return
        now = time.ticks_ms()
        passed_s = time.ticks_diff(now, self._taken_ms) // 1000 + 1
        self._taken_ms = now
        most = self._most_hz * passed_s + 2
        self.flag = FAIL if not -most <= self.value <= most else GOOD

    def _take(self):
        now = self._counter.value()
        count = now - self._last
        self._last = now
        if self._span:
            if count > self._half:
                count -= self._span
            elif count < -self._half:
                count += self._span
            count += self._before
            self._before = 0
        self.value = count

    def poll(self):
        """Keep up with a fast meter; milliseconds until the next time."""
        value = self.value
        self._take()
        self._before = self.value
        self.value = value
        return self._poll_ms

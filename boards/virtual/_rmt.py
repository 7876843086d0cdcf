# SPDX-License-Identifier: MIT
"""`esp32.RMT`: plays pulses at a pin, in time whatever the program does meanwhile.

What hangs on the pin hears them when the last one is over; elsewhere only their time passes.
"""

import _clock
import _sdi12
from _pins import pin_number


class RMT:
    PULSE_MAX = 32767

    def __init__(self, channel, *, pin=None, clock_div=8, idle_level=False, tx_carrier=None):
        if not 0 <= channel < 8:
            raise ValueError("invalid channel")
        self._pin = pin_number(pin)
        self._clock_div = clock_div
        self._end_us = 0

    def write_pulses(self, duration, data=True):
        """Only of the form that has all durations, and the level of the first one."""
        for length in duration:
            if not 0 < length <= self.PULSE_MAX:
                raise ValueError("duration")
        lengths_us = [length * self._clock_div // 80 for length in duration]
        self._end_us = _clock.now_us() + sum(lengths_us)
        line = _sdi12.line(self._pin)
        if line is not None:
            line.hear(lengths_us, int(data), self._end_us)

    def wait_done(self, *, timeout=0):
        return _clock.now_us() >= self._end_us

    def deinit(self):
        pass

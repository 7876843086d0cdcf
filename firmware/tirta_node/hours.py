# SPDX-License-Identifier: MIT
"""The hours of the night of one flow, from the records as they come. Imported where an alarm asks.

An hour counts when 95 % of its records are there, and pressure held in it and in the three hours
before (`tirta.district.definitions`, REFILL_S); nothing counts while the clock is unset.
"""

from micropython import const

_HOUR_S = const(3600)
_REFILL_S = const(10800)
_ENOUGH = const(95)  # per cent


class Hours:
    """`judge.hour(i, mean)` gets each that counts. `counting`: a mean is the sum of an hour."""

    def __init__(self, alarm, judge, interval_ms, counting, pressure):
        self.judge = judge
        self._from_h = alarm["from_h"]
        self._to_h = alarm["to_h"]
        self._utc_s = alarm["utc_min"] * 60
        self._expected = _HOUR_S * 1000 // interval_ms
        self._counting = counting
        self._pressure = pressure  # place of its column, or -1
        self._least = alarm.get("least", 0)
        self._low_s = 0  # Unix time at which pressure was missing or low
        self._hour = 0
        self._sum = 0
        self._n = 0
        self.on = bool(judge.words[0])
        self.ended = False  # a night: `judge.words` is worth keeping

    def take(self, unix_s, value, flag, values, flags):
        """A record; whether the alarm holds."""
        if self._pressure >= 0:
            i = self._pressure
            if flags[i] > 2 or values[i] < self._least:
                self._low_s = unix_s
        hour = (unix_s - 1 + self._utc_s) // _HOUR_S  # a record is of the time before it
        if hour != self._hour:
            self._close(unix_s)
            self._hour = hour
            self._sum = self._n = 0
        if flag <= 2:
            self._sum += value
            self._n += 1
        return self.on

    def _close(self, unix_s):
        at = self._hour % 24
        if not self._from_h <= at < self._to_h:
            return
        self.ended = self.ended or at == self._to_h - 1
        if self._n * 100 < self._expected * _ENOUGH:
            return
        if unix_s - self._low_s < _REFILL_S + _HOUR_S:
            return
        mean = self._sum * (self._expected if self._counting else 1) // self._n
        self.on = self.judge.hour(at - self._from_h, mean)

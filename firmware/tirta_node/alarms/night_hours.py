# SPDX-License-Identifier: MIT
"""The clock hours of the night of one flow, from the records as they come: what `burst` judges.
Imported where an alarm asks.

An hour counts when 95 % of its records are there, and pressure held in it and in the three hours
before (`tirta.water.definitions`, REFILL_S). Times are seconds since 2020 began, UTC.
"""

from micropython import const

from tirta_node.alarms import days

_HOUR_S = const(3600)
_REFILL_S = const(10800)
_ENOUGH = const(95)  # per cent


class Hours:
    """`judge.hour(i, mean)` gets each that counts. `counting`: a mean is the sum of an hour.
    `flow` and `pressure` are (place in the record, ms between two values), as in night.py.
    """

    def __init__(self, alarm, judge, flow, counting, pressure):
        self.words = judge.words
        self._judge = judge
        self._from_h = alarm["from_h"]
        self._to_h = alarm["to_h"]
        self._utc_s = alarm["utc_min"] * 60
        self._step_ms = flow[1]
        self._counting = counting
        self._pressure, pressure_ms = pressure or (-1, 0)
        self._pressure_s = pressure_ms // 1000
        self._least = alarm.get("least", 0)
        self._holidays = alarm.get("holidays", ())
        self._held_s = 0  # when there was a good record of pressure
        self._low_s = 0  # when pressure was missing or low
        self._hour = 0
        self._sum = 0
        self._n = 0
        self.on = False
        self.ended = False  # a night: `words` is worth keeping

    def take(self, at_s, value, flag, values, flags):
        """A record that ended then; whether the alarm holds."""
        if self._pressure >= 0:
            i = self._pressure
            if flags[i] <= 2:
                self._held_s = at_s
                if values[i] < self._least:
                    self._low_s = at_s
            elif at_s - self._held_s >= self._pressure_s:  # it was due
                self._low_s = at_s
        hour = (at_s - 1 + self._utc_s) // _HOUR_S  # a record is of the time before it
        if hour != self._hour:
            self._close(at_s)
            self._hour = hour
            self._sum = self._n = 0
        if flag <= 2:
            self._sum += value
            self._n += 1
        return self.on

    def _close(self, at_s):
        at = self._hour % 24
        if not self._from_h <= at < self._to_h:
            return
        self.ended = self.ended or at == self._to_h - 1
        if self._n * 100 < _HOUR_S * 1000 // self._step_ms * _ENOUGH:
            return
        if at_s - self._low_s < _REFILL_S + _HOUR_S:
            return
        mean = self._sum // self._n
        if self._counting:
            mean = self._sum * _HOUR_S * 1000 // (self._n * self._step_ms)
        day = days.kind(self._hour // 24, self._holidays)
        self.on = self._judge.hour(at - self._from_h, mean, day)

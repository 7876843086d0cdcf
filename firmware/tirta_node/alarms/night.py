# SPDX-License-Identifier: MIT
"""The lowest hour of each night of one flow, from the records as they come: the figure that the
laptop makes of the log (`tirta.water.definitions`, minimum night flow). Imported where an alarm
asks.

*Minutes* are whole ones, counted from 2020 in the alarm's local time; a record belongs to the one
in which it ends. An *hour* is any sixty of them in a row. Sums of the last sixty are all that is
kept, however often a record comes, and nothing is allocated for one.
"""

from array import array

from micropython import const

from tirta_node import unload

_HOUR = const(60)  # minutes
_DAY = const(1440)
_REFILL = const(180)  # before the window: pressure must have held, so that tanks are full
_ENOUGH = const(95)  # per cent
_MOST = const(0x3FFFFFFF)
_ON, _LOWEST, _COUNTED = 0, 1, 2
_SATURDAY = const(5)


class Night:
    """Flow that never falls below `limit` in a night; on Saturdays, Sundays and holidays, whose
    nights are others, below that of `limits`. `words`: whether the last night that counts
    was so, the lowest hour of the last night, and whether that one counts.

    `flow` and `pressure` are (place in the record, ms between two values); `counting`: an hour's
    flow is its sum, scaled to the whole hour, else the mean. `pressure` is None without a sensor.
    """

    def __init__(self, alarm, flow, counting, pressure):
        self.words = array("i", (0, _MOST, 0))
        self.on = False
        self.ended = False  # a night: `words` is worth keeping
        self._limit = alarm["limit"]
        self._limits = alarm.get("limits")
        self._holidays = alarm.get("holidays", ())
        self._least = alarm.get("least", 0)
        self._utc_min = alarm["utc_min"]
        self._length = (alarm["to_h"] - alarm["from_h"]) * _HOUR
        self._before = min(_REFILL, _DAY - self._length)
        self._lead = alarm["from_h"] * _HOUR - self._before
        self._step_ms = flow[1]
        self._pressure, self._pressure_ms = pressure or (-1, 0)
        self._needs = 3600000 // flow[1] * _ENOUGH
        self._mul, self._div = 1, 1  # from a sum of n records to the flow of an hour: / n too
        if counting:
            shared = _shared(3600000, flow[1])
            self._mul, self._div = 3600000 // shared, flow[1] // shared
        self._sums = [0] * _HOUR  # of a minute, at its number modulo 60
        self._counts = array("H", bytes(2 * _HOUR))
        self._first_s = _MOST  # the earliest record since the start
        self._minute = 0  # the newest
        self._twice = -1  # the night whose minutes come again, since the clock was set back
        self._night = -1  # first minute of the last window that began, or its lead
        self._open = False
        self._begin(-1)

    def take(self, at_s, value, flag, values, flags):
        """A record that ended `at_s` seconds after 2020 began, UTC; whether the alarm holds."""
        self._first_s = min(self._first_s, at_s)
        minute = (at_s - 1) // 60 + self._utc_min
        if minute == self._minute - 1:
            minute += 1  # the clock was trimmed: what is over stays over
        elif minute < self._minute:
            self._twice = self._night  # set back further: its minutes come again
        self._minute = minute
        into = (minute - self._lead) % _DAY
        night = minute - into + self._before
        if self._open and (night != self._night or into >= self._before + self._length):
            self._open = False
            if minute >= self._night + self._length:
                self._end()
        if into < self._before + self._length:
            if not self._open:
                self._begin(night)
                self._open = True
            if self._pressure >= 0 and flags[self._pressure] <= 2:
                self._held += 1
                if values[self._pressure] < self._least:
                    self._low = True
            if into >= self._before and self._twice != night:
                self._pass(minute)
                if flag <= 2:
                    self._sums[minute % _HOUR] += value
                    self._counts[minute % _HOUR] += 1
                    self._sum += value
                    self._n += 1
        return self.on

    def _begin(self, night):
        self._night = night
        self._held = 0  # good records of pressure
        self._low = False
        self._lowest = _MOST
        self._at = night  # the minute that the sums go up to
        self._sum = self._n = 0
        for i in range(_HOUR):
            self._sums[i] = self._counts[i] = 0

    def _pass(self, minute):
        """The minutes before this one are over."""
        while self._at < minute:
            if not self._n:  # so no minute of the hour has a record
                self._at = minute
                return
            if self._at - self._night >= _HOUR - 1 and self._n * 100 >= self._needs:
                self._lowest = min(self._lowest, self._sum * self._mul // (self._n * self._div))
            self._at += 1
            i = self._at % _HOUR
            self._sum -= self._sums[i]
            self._n -= self._counts[i]
            self._sums[i] = self._counts[i] = 0

    def _end(self):
        """The night is over."""
        self._pass(self._night + self._length)
        self.ended = True
        words = self.words
        words[_LOWEST] = max(-_MOST, self._lowest)
        words[_COUNTED] = 1 if self._counts_all() else 0
        if words[_COUNTED]:
            limit = self._limit
            if self._limits:
                day = unload.call(
                    "tirta_node.alarms.days", "kind", self._night // _DAY, self._holidays
                )
                limit = limit if day < _SATURDAY else self._limits[day - _SATURDAY]
            words[_ON] = 1 if self._lowest >= limit else 0
            self.on = words[_ON] == 1

    def _counts_all(self):
        """Whether it counts: it was seen from its first minute on, once, pressure held, and not a
        whole hour ran backwards.
        """
        start_s = (self._night - self._utc_min) * 60
        if self._lowest == _MOST or self._lowest < 0 or self._twice == self._night:
            return False
        if (self._first_s - start_s - 1) * 1000 > self._step_ms:
            return False
        if self._pressure < 0:
            return True
        seen_s = start_s - self._first_s + (self._pressure_ms + 500) // 1000
        expected_s = self._length * 60 + max(0, min(self._before * 60, seen_s))
        return not self._low and self._held * self._pressure_ms >= expected_s * 10 * _ENOUGH


def _shared(a, b):
    """Greatest common divisor."""
    while b:
        a, b = b, a % b
    return a

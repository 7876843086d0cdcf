# SPDX-License-Identifier: MIT
"""Whether a flow meter is to be believed: `stuck`, `doubled`, `reversed`, as far as a node can tell
alone. Imported where an alarm asks.

Judged by the records as they come, without a clock. A meter is *sick* while what it says must not
be taken for flow: `burst` and `night` leave it out then. The words and the thresholds are those of
the laptop (`tirta.district.meter_health`), where a step of the level is found, too: that takes
weeks.
"""

from micropython import const

_STUCK = const(6)  # the first of its kinds, in alarm_log.py
_DAY_MS = const(24 * 3600000)
_WEEK_MS = const(7 * 24 * 3600000)
_REFILL_MS = const(3 * 3600000)  # after pressure was lost: tanks fill
_OFTEN_MS = const(6 * 3600000)  # of a meter that never stood still for _USUAL_MS in a week
_USUAL_MS = const(2 * 3600000)
_PULSES = const(200)  # records with pulses that show whether counts are even
_MOST = const(1 << 20)  # of one in a sum, so that none takes heap


def is_sick(found, cell):
    """Whether the meter of this column is not to be believed, by one of the alarms found."""
    for alarm in found:  # noqa: SIM110 - a generator would come from the heap
        if alarm.kind >= _STUCK and alarm.cell == cell and alarm.source.sick:
            return True
    return False


class Stuck:
    """No pulse, or the same value, for so long as the alarm says. `flow` and `pressure` are (place
    in the record, ms between two values) as in night.py; while there is no pressure, and until
    tanks are full again, a meter may stand still.
    """

    def __init__(self, alarm, flow, counting, pressure):
        self.on = self.sick = False
        self._longest_ms = 0  # that it stood still and was not stuck
        self._still_ms = 0
        self._known_ms = 0
        self._lost_ms = 0  # for which pressure counts as lost
        self._unknown_ms = 0
        self._most_ms = alarm["delay_ms"] or _DAY_MS
        self._least = alarm.get("least", 0)
        self._step_ms = flow[1]
        self._counting = counting
        self._last = 0
        self._pressure, self._pressure_ms = pressure or (-1, 0)

    def take(self, value, flag, values, flags):
        """A record; whether the alarm holds."""
        if flag > 2:
            return self.on
        step_ms = self._step_ms
        if self._pressure >= 0:
            self._press(values[self._pressure], flags[self._pressure])
        moved = value != (0 if self._counting else self._last)
        self._last = value
        self._known_ms = min(self._known_ms + step_ms, _WEEK_MS)
        if moved or self._lost_ms:
            self._longest_ms = max(self._longest_ms, self._still_ms)
            self._still_ms = 0
            self.on = self.on and not moved
        else:
            self._still_ms = min(self._still_ms + step_ms, _WEEK_MS)
            most_ms = self._most_ms
            if self._longest_ms <= _USUAL_MS and self._known_ms == _WEEK_MS:
                most_ms = min(most_ms, _OFTEN_MS)
            self.on = self.on or self._still_ms >= most_ms
        self.sick = self.on or self._still_ms >= _USUAL_MS
        return self.on

    def _press(self, value, flag):
        self._lost_ms = max(0, self._lost_ms - self._step_ms)
        self._unknown_ms = min(self._unknown_ms + self._step_ms, _WEEK_MS)
        if flag <= 2:
            self._unknown_ms = 0
        if (flag <= 2 and value < self._least) or self._unknown_ms > self._pressure_ms:
            self._lost_ms = _REFILL_MS


class Doubled:
    """A contact that bounces, so that each pulse counts twice: counts are even. Those that say so
    must be more than single pulses, and differ; where they do not, what was last found stays.
    """

    def __init__(self, *_):
        self.sick = False
        self._last = 0
        self._begin()

    def _begin(self):
        self._n = self._even = self._sum = self._differ = 0

    def take(self, value, flag, values, flags):
        """A record; whether the alarm holds."""
        if flag <= 2 and value > 0:
            self._n += 1
            self._even += 1 - (value & 1)
            self._sum += min(value, _MOST)
            self._differ += min(abs(value - self._last), _MOST)
            self._last = value
            if self._n == _PULSES:
                if self._differ >= _PULSES and self._sum * 2 >= _PULSES * 3:
                    self.sick = self._even * 10 >= _PULSES * 9
                self._begin()
        return self.sick


class Reversed:
    """Over a day more ran backwards than forwards."""

    def __init__(self, alarm, flow, counting, pressure):
        self.sick = False
        self._step_ms = flow[1]
        self._passed_ms = self._sum = 0

    def take(self, value, flag, values, flags):
        """A record; whether the alarm holds."""
        if flag <= 2:
            self._sum = max(-_MOST * 512, min(self._sum + value, _MOST * 512))
            self._passed_ms += self._step_ms
            if self._passed_ms >= _DAY_MS:
                self.sick = self._sum < 0
                self._passed_ms = self._sum = 0
        return self.sick

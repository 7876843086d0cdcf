# SPDX-License-Identifier: MIT
"""Bursts, from hourly means of the night. Imported where an alarm asks.

The level of an hour is the median of the same hour of two weeks of nights, at least 6, or what it
was on the last two nights of this weekday, or on the last three holidays, where that is more; half
as much again where there is none of these yet; from the third holiday in a row on, what it was on
these. So weekends, holidays and the return from
them are no bursts. One sum over the hours grows by (rise / scatter - 1), at most by 3 for an hour
(CUSUM: Page 1954, NIST e-Handbook 6.3.2.3); above 5 it is a burst, over after two hours with less
than half of it. What is learnt stays as it was while a burst lasts; one that lasts for 28 nights is
how things are now.
"""

from array import array

from micropython import const

HOLIDAY = const(7)  # where a weekday stands otherwise
_AT_LEAST = const(6)
_WEEKS = const(2)
_HOLIDAYS = const(3)
_SLACK = const(100)  # all in hundredths of the scatter
_MOST_Z = const(400)
_THRESHOLD = const(500)
_MOST_SUM = const(2000)
_FLOOR_DIV = const(12)  # the scatter is not below a twelfth of the level
_LASTING = const(28)  # nights
_NONE = const(-0x3FFFFFFF)
# words: on, sum, size of the burst, hours in a row that say it is over, nights that it lasted,
# holidays in a row; then for each hour its newest nights of each weekday, and of holidays
_ON, _SUM, _SIZE, _OVER, _LASTED, _RUN, _HOURS = 0, 1, 2, 3, 4, 5, 6
_WEEK = const(14)
_WIDTH = const(14 + 3)


class Burst:
    """`rise`: what is worth an alarm, in the unit of the means. `words` is all that it remembers:
    68 bytes for each hour of the night.
    """

    def __init__(self, hours, rise):
        self._rise = max(1, rise)
        self._last = hours - 1
        self._agree = min(hours, 2)  # hours that must say the same
        self.words = array("i", bytes(4 * (_HOURS + hours * _WIDTH)))
        self._forget()

    def hour(self, i, mean, day):
        """Hour `i` of a night is over, on a weekday (0 is Monday) or HOLIDAY; whether a burst
        lasts.
        """
        words = self.words
        at = _HOURS + i * _WIDTH
        level, scatter = self._expected(at, day)
        if words[_ON]:
            self._go_on(i, mean, level, scatter)
        elif scatter:
            z = (mean - level) * 100 // scatter - _SLACK
            if self._agree > 1:
                z = min(z, _MOST_Z - _SLACK)
            words[_SUM] = max(0, min(words[_SUM] + z, _MOST_SUM))
            if words[_SUM] > _THRESHOLD and mean - level >= self._rise:
                words[_ON] = 1
                words[_SIZE] = mean - level
                words[_OVER] = words[_LASTED] = 0
        if i == self._last:
            words[_RUN] = words[_RUN] + 1 if day == HOLIDAY else 0
        if not words[_ON] and (not words[_SUM] or not scatter or mean <= level + scatter):
            self._learn(at, mean, day)
        return words[_ON] == 1

    def _go_on(self, i, mean, level, scatter):
        words = self.words
        if scatter:
            words[_OVER] = 0 if mean > level + words[_SIZE] // 2 else words[_OVER] + 1
            if words[_OVER] >= self._agree:
                words[_ON] = words[_SUM] = 0
        if i == self._last:
            words[_LASTED] += 1
            if words[_LASTED] >= _LASTING:
                self._forget()

    def _forget(self):
        for i in range(len(self.words)):
            self.words[i] = 0 if i < _HOURS else _NONE

    def _expected(self, at, day):
        """(level, scatter) of an hour; a scatter of 0: nothing is known."""
        words = self.words
        first, many = _place(at, day)
        alike = [x for x in words[first : first + many] if x > _NONE]
        nights = [x for x in words[at : at + _WEEK] if x > _NONE]
        if len(nights) < _AT_LEAST:
            return 0, 0
        level, scatter = _middle(nights)
        if not alike:
            return level + level // 2, scatter
        if day != HOLIDAY:
            return max(level, *alike), scatter
        if self.words[_RUN] >= _WEEKS:  # many are away: the nights before say how many
            return max(alike[: self.words[_RUN]]), scatter * 3 // 2
        return max(level, *alike), scatter * 3 // 2

    def _learn(self, at, mean, day):
        first, many = _place(at, day)
        i = first + many - 1
        while i > first:
            self.words[i] = self.words[i - 1]
            i -= 1
        self.words[first] = mean


def _place(at, day):
    """Where nights like this one are kept, the newest first, and how many."""
    return (at + _WEEK, _HOLIDAYS) if day == HOLIDAY else (at + _WEEKS * day, _WEEKS)


def _middle(values):
    """(median, scatter) of the values; the scatter is a standard deviation from the median absolute
    deviation (x 1.4826, Croux and Rousseeuw 1992), never 0.
    """
    n = len(values)
    level = _median(sorted(values))
    spread = _median(sorted([abs(value - level) for value in values]))
    scatter = spread * 14826 // 10000 * n * 10 // (n * 10 - 8)
    return level, max(scatter, abs(level) // _FLOOR_DIV, 1)


def _median(values):
    n = len(values)
    return values[n // 2] if n % 2 else (values[n // 2 - 1] + values[n // 2]) // 2

# SPDX-License-Identifier: MIT
"""Bursts, from hourly means of the night. Imported where an alarm asks.

The rule is the laptop's (`tirta.district.definitions`, BurstRule; CUSUM: Page 1954, NIST e-Handbook
6.3.2.3), for each hour of the night by itself: level and scatter are those of the same hour of up
to 14 nights before, at least 7; a sum grows by (rise / scatter - 1) a night; above 5 it is a burst.
So a burst of 30 % of the night flow is known at the end of the first night hour behind it, while
the laptop, which judges whole nights, waits for the end of the next one.
"""

from array import array

from micropython import const

NIGHTS = const(14)
_AT_LEAST = const(7)
_SLACK = const(100)  # all in hundredths of the scatter
_THRESHOLD = const(500)
_MOST_SUM = const(100000)
_FLOOR_DIV = const(20)  # the scatter is not below a twentieth of the level
_SUM, _COUNT, _HEAD = 0, 1, 2
# words: on, level, size, of the burst; then for each hour: sum, count, values
_ON, _LEVEL, _SIZE, _HOURS = 0, 1, 2, 3
_WIDTH = const(16)


class Burst:
    """`rise`: what is worth an alarm, in the unit of the means. `words` is all that it remembers:
    68 bytes for each hour of the night.
    """

    def __init__(self, hours, rise):
        self._rise = max(1, rise)
        self.words = array("i", bytes(4 * (_HOURS + hours * _WIDTH)))

    def hour(self, i, mean):
        """Hour `i` of a night is over; whether a burst lasts."""
        words = self.words
        at = _HOURS + i * _WIDTH
        count = words[at + _COUNT]
        n = min(count, NIGHTS)
        level = mean
        if n >= _AT_LEAST:
            level, scatter = _middle(words[at + _HEAD : at + _HEAD + n])
            if words[_ON]:
                if mean > level + words[_SIZE] // 2:
                    return True
                words[_ON] = 0
                j = _HOURS
                while j < len(words):
                    words[j] = 0
                    j += _WIDTH
                return False  # the repair may lie in this hour: it is no level
            total = words[at] + (mean - level) * 100 // scatter - _SLACK
            words[at] = max(0, min(total, _MOST_SUM))
            if words[at] > _THRESHOLD and mean - level >= self._rise:
                words[_ON] = 1
                words[_LEVEL] = level
                words[_SIZE] = mean - level
                return True
        words[at + _HEAD + count % NIGHTS] = mean
        words[at + _COUNT] = count + 1 if count < 2 * NIGHTS else count + 1 - NIGHTS
        return False


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

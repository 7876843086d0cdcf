# SPDX-License-Identifier: MIT
"""Groups with periods of their own beside the record's: for configs that ask for it.

Samples of a group go to its *bench*: cells, then accounts of what came since the last record. A
record is made of the accounts when its interval ends.
"""

import time

_DUE = 0  # as in tick_plain.py


class Rates:
    """`record` is a group without sensors, its period is the interval; `groups` are the others."""

    def __init__(self, tick, close, ring, record, groups):
        self._tick = tick
        self._close = close
        self._ring = ring
        self._due = record.words
        self._groups = groups
        self._ended = -1  # ticks at which an interval was over whose record is not made yet

    def tick(self, cells, state, now, parts):
        """Sample whatever is due; with the next call make the record. So no tick does both, and a
        sample that was due with the record belongs to it, unless it comes so late that it counts
        for the next.
        """
        ended = self._ended
        if ended >= 0:
            self._tick(cells, state, ended, parts)
            self._ended = -1
        late = time.ticks_diff(now, self._due[_DUE])
        if late < 0:
            return min(-late, self._sample(-1, now))
        if ended < 0:
            self._sample(late, now)
            self._ended = now
        return 0

    def _sample(self, late_ms, now):
        left = 1 << 29
        i = len(self._groups)
        while i:
            i -= 1
            group = self._groups[i]
            if group.period_ms > late_ms:
                left = min(left, self._tick(group.cells, group.state, now, group.parts))
        return left

    def take(self, handle, slot):
        """The record's interval is over."""
        self._empty(0)
        self._ring.push(slot)

    def refuse(self):
        """It is over, and the ring is full: sums go on, the rest of the interval is lost."""
        self._empty(1)
        self._ring.refuse()

    def _empty(self, kept):
        i = len(self._groups)
        while i:
            i -= 1
            self._close(self._groups[i].cells, self._ring.handle, kept)

# SPDX-License-Identifier: MIT
"""A signal by the whole minutes in which its records end, as the node's night alarm takes them.

Words: minutes *pass* once while the clock goes on; where it is set back beyond the minute before,
another pass begins, and some of them come twice.
"""

from dataclasses import dataclass

import numpy as np

from tirta.district.signal import Floats, Ints, Signal
from tirta.water.definitions import MINUTE_S


@dataclass(frozen=True)
class Minutes:
    """Shapes: all arrays [records], in the order of `minute`, minutes since 1970.

    `rows` are their places in the signal; `value` is NaN where a record is not good; `step_ms` is
    how long each stands for, and `first_ms` the earliest one. `first_s` is the second in which that
    one ends.
    """

    minute: Ints
    passed: Ints
    rows: Ints
    value: Floats
    step_ms: Ints
    first_ms: int
    first_s: int

    def between(self, start_s: int, end_s: int) -> slice:
        """Return the records of the minutes from `start_s` up to `end_s`, both whole ones."""
        first, last = np.searchsorted(self.minute, [start_s // MINUTE_S, end_s // MINUTE_S])
        return slice(int(first), int(last))

    def passes(self, start_s: int, end_s: int) -> int:
        """Return how often the minutes between two times passed."""
        return len(np.unique(self.passed[self.between(start_s, end_s)]))


def by_minute(signal: Signal) -> Minutes:
    """Lay out the records of a signal by their minutes.

    A record's time is taken to the second, and a whole minute ends the one before. A record that is
    a minute earlier than one before it (a clock was trimmed) belongs to that one's.
    """
    ended_s = np.floor(signal.time_s + 0.5).astype(np.int64)
    step_ms = np.maximum(1, np.round(signal.step_s * 1000)).astype(np.int64)
    recorded = _as_recorded(signal)
    minute, passed = _passing((ended_s[recorded] - 1) // MINUTE_S)
    order = np.argsort(minute, kind="stable")
    rows = recorded[order]
    return Minutes(
        minute[order],
        passed[order],
        rows,
        signal.valid()[rows],
        step_ms[rows],
        int(step_ms[np.argmin(ended_s)]) if len(ended_s) else 0,
        int(ended_s.min()) if len(ended_s) else 0,
    )


def _as_recorded(signal: Signal) -> Ints:
    """Rows in the order in which the node took them, not in that of their times."""
    _, first, epoch = np.unique(signal.epoch, return_index=True, return_inverse=True)
    return np.asarray(np.lexsort((signal.number, first[epoch])))


def _passing(minute: Ints) -> tuple[Ints, Ints]:
    """The minutes as they pass, never back; and how often the clock was set back before."""
    newest, passed = minute.copy(), np.zeros(len(minute), np.int64)
    start = 0
    while True:
        newest[start:] = np.maximum.accumulate(minute[start:])
        back = np.flatnonzero(newest[start:] - minute[start:] > 1)
        if not len(back):
            return newest, passed
        start += int(back[0])
        passed[start:] += 1

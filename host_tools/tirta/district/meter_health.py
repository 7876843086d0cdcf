# SPDX-License-Identifier: MIT
"""Is a flow meter to be believed? What a sick one says is never a figure of loss.

- *stuck*: it stands still: a pulse meter counts nothing, another tells the same value, for a day,
  or for six hours where it never did for two, while there is pressure;
- *impossible*: more than its greatest flow (`max_lps`), or than twenty times what it usually has;
- *doubled*: contacts bounce and each pulse counts twice: the counts of a day are even;
- *reversed*: over a day more ran backwards than forwards;
- *stepped*: its night and its day's swing alike became another multiple of themselves, and stayed
  so: the meter's pulse weight is another now, or a valve to a neighbour was opened; no leak does
  that, for it lifts night and day by the same flow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np

from tirta.district.signal import FAIL, SUSPECT, Bools, Floats, Ints, Signal
from tirta.water.definitions import DAY_S, HOUR_S, REFILL_S

_STILL_S = 24 * HOUR_S
_STILL_OFTEN_S = 6 * HOUR_S
_STILL_USUAL_S = 2 * HOUR_S
_IMPOSSIBLE = 20.0  # times its usual high flow
_HIGH = 99.0  # percent of its values that are not above that
_PULSES = 200  # records with pulses that show whether counts are even
_EVEN = 0.9  # of them; of honest ones about half are
_HIGHER = 1.5  # pulses a record, else most are single ones
_WEEK = 7  # days that are compared with the days before
_STEP = 1.8  # times; a year's season and the worst week of a holiday stay below
_ALIKE = 0.2  # by which night and day may differ in it, relative


class Trouble(StrEnum):
    """What is wrong with a meter."""

    STUCK = "stuck"
    IMPOSSIBLE = "impossible"
    DOUBLED = "doubled"
    REVERSED = "reversed"
    STEPPED = "stepped"


@dataclass(frozen=True)
class Fault:
    """From the first to the last of `rows`, Unix seconds; `value` is in L/s, or how many times."""

    trouble: Trouble
    start_s: float
    end_s: float
    rows: slice
    value: float


def faults(
    flow: Signal,
    midnights_s: Sequence[float],
    pressure: Signal | None = None,
    *,
    max_lps: float | None = None,
    least_m: float = 0.0,
) -> list[Fault]:
    """Find what is wrong with a flow signal in L/s, in the order of time; `midnights_s`: its
    days'.
    """
    if not len(flow):
        return []
    days = np.searchsorted(flow.time_s, midnights_s, side="right")
    found = [
        *_stuck(flow, _supplied(flow, pressure, least_m)),
        *_impossible(flow, max_lps),
        *_doubled(flow, days),
        *_reversed(flow, days),
        *_stepped(flow, days),
    ]
    return sorted(found, key=lambda fault: fault.start_s)


def believed(flow: Signal, found: Sequence[Fault]) -> Signal:
    """Return the signal with all that a fault touches marked as failed."""
    if not found:
        return flow
    flag = flow.flag.copy()
    for fault in found:
        part = flag[fault.rows]
        part[part < FAIL] = FAIL
    return replace(flow, flag=flag)


def _supplied(flow: Signal, pressure: Signal | None, least_m: float) -> Bools:
    """Where nothing says that there was no water to measure."""
    if pressure is None or not len(pressure):
        return np.ones(len(flow), bool)
    lost_s = pressure.time_s[~(pressure.valid() >= least_m)]
    if not len(lost_s):
        return np.ones(len(flow), bool)
    last = np.searchsorted(lost_s, flow.time_s + HOUR_S, side="right") - 1
    since_s = flow.time_s - lost_s[np.maximum(last, 0)]
    return np.asarray((last < 0) | (since_s > REFILL_S))


def _fault(flow: Signal, trouble: Trouble, rows: tuple[int, int], value: float) -> Fault:
    first, beyond = rows
    start_s = float(flow.time_s[first] - flow.step_s[first])
    end_s = float(flow.time_s[beyond - 1])
    return Fault(trouble, start_s, end_s, slice(first, beyond), value)


def _stuck(flow: Signal, supplied: Bools) -> list[Fault]:
    value = flow.value
    # A counter that runs evenly is not stuck, one that stands tells nothing.
    same = np.concatenate([[False], value[1:] == value[:-1]])
    still = value == 0 if flow.quantum > 0 else same
    found, longest_s = [], 0.0
    for first, beyond in _runs(still & supplied & (flow.flag < SUSPECT)):
        length_s = float(flow.step_s[first:beyond].sum())
        seen_s = float(flow.time_s[first] - flow.time_s[0])
        never = longest_s <= _STILL_USUAL_S and seen_s >= _WEEK * DAY_S
        if length_s >= (_STILL_OFTEN_S if never else _STILL_S):
            found.append(_fault(flow, Trouble.STUCK, (first, beyond), float(value[first])))
        else:
            longest_s = max(longest_s, length_s)
    return found


def _impossible(flow: Signal, max_lps: float | None) -> list[Fault]:
    value = flow.valid()
    known = value[~np.isnan(value)]
    if not len(known):
        return []
    most = max_lps
    if most is None:
        high = float(np.percentile(np.abs(known), _HIGH))
        most = _IMPOSSIBLE * high if high > 0 else np.inf
    which = np.abs(np.nan_to_num(value)) > most
    return [
        _fault(flow, Trouble.IMPOSSIBLE, (a, b), float(value[a:b][np.argmax(np.abs(value[a:b]))]))
        for a, b in _runs(np.asarray(which))
    ]


def _doubled(flow: Signal, days: Ints) -> list[Fault]:
    quanta = np.full(len(flow), flow.quantum) if flow.quanta is None else flow.quanta
    if quanta.max() <= 0:
        return []
    count = np.where(quanta > 0, np.nan_to_num(flow.valid()) / np.where(quanta > 0, quanta, 1), 0)
    pulses = np.round(count)
    whole = np.abs(count - pulses) < 0.01 * np.maximum(1, pulses)

    def sick(first: int, beyond: int) -> bool:
        rows = slice(first, beyond)
        alike = (quanta[rows] == quanta[first]) & (flow.step_s[rows] == flow.step_s[first])
        some = pulses[rows][whole[rows] & alike & (pulses[rows] > 0)]
        if len(some) < _PULSES or some.mean() < _HIGHER or some.std() < 1:
            return False  # too few, mostly single ones, or so even that parity tells nothing
        return bool((some % 2 == 0).mean() >= _EVEN)

    return [_fault(flow, Trouble.DOUBLED, rows, 2.0) for rows in _days_on_which(days, sick)]


def _reversed(flow: Signal, days: Ints) -> list[Fault]:
    litres = np.nan_to_num(flow.valid()) * flow.step_s

    def mean(first: int, beyond: int) -> float:
        return float(litres[first:beyond].sum() / flow.step_s[first:beyond].sum())

    found = _days_on_which(days, lambda first, beyond: mean(first, beyond) < 0)
    return [_fault(flow, Trouble.REVERSED, rows, mean(*rows)) for rows in found]


def _stepped(flow: Signal, days: Ints) -> list[Fault]:
    """Weeks before and behind each midnight; the step that is largest is the one."""
    bounds = [(int(a), int(b)) for a, b in pairwise(days) if b > a]
    night, swing = (np.full(len(bounds), np.nan) for _ in range(2))
    value = flow.valid()
    for place, (first, beyond) in enumerate(bounds):
        known = first + np.flatnonzero(~np.isnan(value[first:beyond]))
        if len(known) >= 0.8 * (beyond - first):
            hour = (flow.time_s[known] // HOUR_S).astype(np.int64) % 24
            records = np.bincount(hour, minlength=24)
            hours = (
                np.bincount(hour, value[known], minlength=24)[records > 0] / records[records > 0]
            )
            night[place], high = np.percentile(hours, (10, 75))
            swing[place] = high - night[place]  # a leak lifts both ends of a day, and not this
    best = 0.0, 0, 1.0
    for place in range(_WEEK, len(bounds) - _WEEK + 1):
        low, wide = (
            _times(part[place - _WEEK : place], part[place : place + _WEEK])
            for part in (night, swing)
        )
        size = abs(np.log(wide))
        if size > np.log(_STEP) and abs(np.log(low / wide)) < _ALIKE and size > best[0]:
            best = float(size), place, wide
    if not best[0]:
        return []
    return [_fault(flow, Trouble.STEPPED, (bounds[best[1]][0], len(flow)), best[2])]


def _times(before: Floats, behind: Floats) -> float:
    """By how much it grew; NaN where too little is known, or where it did not stay so."""
    if np.isnan(before).sum() > 2 or np.isnan(behind).sum() > 2:
        return np.nan
    first, second = float(np.nanmedian(before)), float(np.nanmedian(behind))
    if first <= 0 or second <= 0:
        return np.nan
    ratio = second / first
    stays = (behind / first > _STEP**0.8) if ratio > 1 else (behind / first < _STEP**-0.8)
    return ratio if stays[~np.isnan(behind)].all() else np.nan


def _days_on_which(days: Ints, sick: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """The rows of days in a row that are sick."""
    bounds = [(int(a), int(b)) for a, b in pairwise(days) if b > a]
    which = np.array([sick(*rows) for rows in bounds], bool)
    return [(bounds[a][0], bounds[b - 1][1]) for a, b in _runs(which)]


def _runs(which: Bools) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], which.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

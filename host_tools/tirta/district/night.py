# SPDX-License-Identifier: MIT
"""Minimum night flow: one figure a night, and the rolling 7-day 20th percentile (`definitions`).

The node's tirta_node/alarms/night.py makes the same of the same records: tests/host/test_night.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from tirta.district.calendar import Calendar
from tirta.district.minutes import Minutes, by_minute
from tirta.district.signal import Floats, Ints, Signal
from tirta.water import definitions as d

COUNTED = "counted"
NO_COMPLETE_HOUR = "no_complete_hour"
PRESSURE_LOST = "pressure_lost"
PRESSURE_UNKNOWN = "pressure_unknown"  # a sensor is there and too little of it was recorded
CLOCK_SET_BACK = "clock_set_back"  # some of its minutes came twice
BACKFLOW = "backflow"  # its lowest hour ran backwards, which is nobody's night use
_HOUR = d.HOUR_S // d.MINUTE_S
_ROUNDING = 1e-6  # of sums of shares, in percent


@dataclass(frozen=True)
class NightWindow:
    """Local hours of the night, what pressure must hold in it, and of which class its day is."""

    zone: ZoneInfo
    from_h: float = d.NIGHT_FROM_H
    to_h: float = d.NIGHT_TO_H
    pressure_min_m: float = d.PRESSURE_MIN_M
    calendar: Calendar = field(default_factory=Calendar)

    def midnight_s(self, day: date) -> float:
        """Return Unix seconds of the beginning of a local day."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()

    def bounds_s(self, day: date) -> tuple[int, int]:
        """Return Unix seconds of the window's ends on a local day: whole minutes."""
        midnight = self.midnight_s(day)
        start, end = (round(midnight / d.MINUTE_S + h * _HOUR) for h in (self.from_h, self.to_h))
        return start * d.MINUTE_S, end * d.MINUTE_S


@dataclass(frozen=True)
class Night:
    """The night of a local day. `flow_lps` is NaN where no hour is complete.

    `start_s` is where the lowest hour begins (of several, the first), `rows` are its records in the
    flow signal.
    """

    day: date
    state: str
    flow_lps: float
    start_s: float
    rows: Ints
    pressure_known: bool
    pressure_m: float  # mean of the window; NaN where unknown

    @property
    def counts(self) -> bool:
        """Whether its lowest hour may be reported."""
        return self.state == COUNTED


def local_days(signal: Signal, zone: ZoneInfo) -> list[date]:
    """Return every local day from the first to the last record."""
    if not len(signal):
        return []
    first, last = (datetime.fromtimestamp(signal.time_s[i], zone).date() for i in (0, -1))
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def nights(flow: Signal, pressure: Signal | None, window: NightWindow) -> list[Night]:
    """Judge the nights of a flow signal (L/s) by the pressure signal (m) where there is
    one.

    A night whose window begins before the first record is left out: nobody was there to see it.
    """
    found = []
    flows = by_minute(flow)
    pressures = None if pressure is None else by_minute(pressure)
    for day in local_days(flow, window.zone):
        start_s, end_s = window.bounds_s(day)
        seen = (flows.first_s - start_s - 1) * 1000 <= flows.first_ms
        if seen and end_s <= flow.time_s[-1] + 1:
            found.append(_night(day, flows, pressures, window))
    return found


def _night(day: date, flow: Minutes, pressure: Minutes | None, window: NightWindow) -> Night:
    start_s, end_s = window.bounds_s(day)
    lowest, at_s = lowest_hour(flow, start_s, end_s)
    state, mean_m = COUNTED, np.nan
    if pressure is not None:
        state, mean_m = _pressure(pressure, start_s, end_s, window.pressure_min_m)
    if lowest < 0:
        state = BACKFLOW
    if np.isnan(lowest):
        state = NO_COMPLETE_HOUR
    if flow.passes(start_s - d.REFILL_S, end_s) > 1:
        state = CLOCK_SET_BACK
    rows = flow.between(at_s, at_s if np.isnan(lowest) else at_s + d.HOUR_S)
    return Night(day, state, lowest, at_s, flow.rows[rows], pressure is not None, mean_m)


def lowest_hour(flow: Minutes, start_s: int, end_s: int) -> tuple[float, int]:
    """Return mean and beginning of the lowest hour that counts; NaN where none does."""
    minutes = (end_s - start_s) // d.MINUTE_S
    rows = flow.between(start_s, end_s)
    expected = d.HOUR_S * 1000 // flow.step_ms[rows]
    good = ~np.isnan(flow.value[rows]) & (expected > 0)
    if minutes < _HOUR or not good.any():
        return np.nan, start_s
    value, expected = flow.value[rows][good], expected[good]
    at = flow.minute[rows][good] - start_s // d.MINUTE_S
    share = _of_hours(np.bincount(at, 1 / expected, minlength=minutes))
    total = _of_hours(np.bincount(at, value / expected, minlength=minutes))
    counts = share * 100 >= d.COVERAGE_PERCENT - _ROUNDING
    if not counts.any():
        return np.nan, start_s
    means = np.where(counts, total / np.where(counts, share, 1.0), np.inf)
    lowest = int(np.argmin(means))
    return float(means[lowest]), start_s + lowest * d.MINUTE_S


def _of_hours(of_minutes: Floats | Ints) -> Floats:
    """Sums of every sixty minutes in a row."""
    sums = np.concatenate([[0.0], np.cumsum(of_minutes)])
    return np.asarray(sums[_HOUR:] - sums[:-_HOUR])


def _pressure(pressure: Minutes, start_s: int, end_s: int, least_m: float) -> tuple[str, float]:
    """Whether it held from three hours before the window on, or from the first record on."""
    rows = pressure.between(start_s - d.REFILL_S, end_s)
    known = ~np.isnan(pressure.value[rows])
    values, known_ms = pressure.value[rows][known], int(pressure.step_ms[rows][known].sum())
    seen_s = start_s - pressure.first_s + (pressure.first_ms + 500) // 1000
    expected_s = end_s - start_s + max(0, min(d.REFILL_S, seen_s))
    mean_m = float(values.mean()) if len(values) else np.nan
    if len(values) and values.min() < least_m:
        return PRESSURE_LOST, mean_m
    if known_ms < expected_s * 10 * d.COVERAGE_PERCENT:
        return PRESSURE_UNKNOWN, mean_m
    return COUNTED, mean_m


@dataclass(frozen=True)
class Reported:
    """The reported figure of a day: 20th percentile of the nights that count among the last 7."""

    day: date
    flow_lps: float
    nights: tuple[Night, ...]


def reported(found: Sequence[Night]) -> list[Reported]:
    """Return the rolling figure of every day that has enough nights."""
    result = []
    for night in found:
        first = night.day - timedelta(days=d.NIGHTS - 1)
        used = tuple(n for n in found if first <= n.day <= night.day and n.counts)
        if len(used) >= d.NIGHTS_AT_LEAST:
            flow = float(np.percentile([n.flow_lps for n in used], d.PERCENTILE))
            result.append(Reported(night.day, flow, used))
    return result

# SPDX-License-Identifier: MIT
"""Minimum night flow: one figure a night, and the rolling 7-day 20th percentile (`definitions`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from tirta.district import definitions as d
from tirta.district.signal import Floats, Signal, on_grid

COUNTED = "counted"
NO_COMPLETE_HOUR = "no_complete_hour"
PRESSURE_LOST = "pressure_lost"
PRESSURE_UNKNOWN = "pressure_unknown"  # a sensor is there and too little of it was recorded


@dataclass(frozen=True)
class NightWindow:
    """Local hours of the night, and what pressure must hold in it."""

    zone: ZoneInfo
    from_h: float = d.NIGHT_FROM_H
    to_h: float = d.NIGHT_TO_H
    pressure_min_m: float = d.PRESSURE_MIN_M

    def bounds_s(self, day: date) -> tuple[float, float]:
        """Unix seconds of the window's ends on a local day."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()
        return midnight + self.from_h * d.HOUR_S, midnight + self.to_h * d.HOUR_S


@dataclass(frozen=True)
class Night:
    """The night of a local day. `flow_lps` is NaN where no hour is complete.

    `start_s` is where the lowest hour begins, `rows` are its records in the flow signal.
    """

    day: date
    state: str
    flow_lps: float
    start_s: float
    rows: slice
    pressure_known: bool
    pressure_m: float  # mean of the window; NaN where unknown

    @property
    def counts(self) -> bool:
        return self.state == COUNTED


def local_days(signal: Signal, zone: ZoneInfo) -> list[date]:
    """Every local day from the first to the last record."""
    if not len(signal):
        return []
    first, last = (datetime.fromtimestamp(signal.time_s[i], zone).date() for i in (0, -1))
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def nights(flow: Signal, pressure: Signal | None, window: NightWindow) -> list[Night]:
    """The nights of a flow signal (L/s), judged by the pressure signal (m) where there is one.

    A night whose window begins before the first record is left out: nobody was there to see it.
    """
    found = []
    for day in local_days(flow, window.zone):
        start_s, end_s = window.bounds_s(day)
        if start_s >= flow.time_s[0] - flow.interval_s - 1 and end_s <= flow.time_s[-1] + 1:
            found.append(_night(day, flow, pressure, window))
    return found


def _night(day: date, flow: Signal, pressure: Signal | None, window: NightWindow) -> Night:
    start_s, end_s = window.bounds_s(day)
    lowest, at_s = lowest_hour(flow.cut(flow.between(start_s, end_s)), start_s, end_s)
    state, mean_m = COUNTED, np.nan
    if pressure is not None:
        first_s = pressure.time_s[0] - pressure.interval_s if len(pressure) else start_s
        from_s = min(max(start_s - d.REFILL_S, first_s), start_s)
        state, mean_m = _pressure(pressure, from_s, end_s, window.pressure_min_m)
    if np.isnan(lowest):
        state = NO_COMPLETE_HOUR
    rows = slice(0, 0) if np.isnan(lowest) else flow.between(at_s, at_s + d.HOUR_S)
    return Night(day, state, lowest, at_s, rows, pressure is not None, mean_m)


def lowest_hour(flow: Signal, start_s: float, end_s: float) -> tuple[float, float]:
    """Mean and beginning of the lowest complete rolling hour; NaN where none is complete."""
    count = int((end_s - start_s) // flow.interval_s)
    per = round(d.HOUR_S / flow.interval_s)
    if per < 1 or count < per:
        return np.nan, np.nan
    means = rolling_mean(on_grid(flow, start_s, count), per)
    if np.isnan(means).all():
        return np.nan, np.nan
    at = int(np.nanargmin(means))
    return float(means[at]), start_s + at * flow.interval_s


def rolling_mean(values: Floats, per: int) -> Floats:
    """Means of every `per` consecutive values; NaN where one of them is."""
    missing = np.isnan(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(missing, 0.0, values))])
    holes = np.concatenate([[0], np.cumsum(missing)])
    complete = holes[per:] == holes[:-per]
    return np.where(complete, (sums[per:] - sums[:-per]) / per, np.nan)


def _pressure(pressure: Signal, start_s: float, end_s: float, least_m: float) -> tuple[str, float]:
    values = pressure.valid()[pressure.between(start_s, end_s)]
    values = values[~np.isnan(values)]
    expected = (end_s - start_s) / pressure.interval_s
    mean_m = float(values.mean()) if len(values) else np.nan
    if len(values) and values.min() < least_m:
        return PRESSURE_LOST, mean_m
    if len(values) < d.PRESSURE_COVERAGE * expected:
        return PRESSURE_UNKNOWN, mean_m
    return COUNTED, mean_m


@dataclass(frozen=True)
class Reported:
    """The reported figure of a day: 20th percentile of the nights that count among the last 7."""

    day: date
    flow_lps: float
    nights: tuple[Night, ...]


def reported(found: Sequence[Night]) -> list[Reported]:
    """The rolling figure of every day that has enough nights."""
    result = []
    for night in found:
        first = night.day - timedelta(days=d.NIGHTS - 1)
        used = tuple(n for n in found if first <= n.day <= night.day and n.counts)
        if len(used) >= d.NIGHTS_AT_LEAST:
            flow = float(np.percentile([n.flow_lps for n in used], d.PERCENTILE))
            result.append(Reported(night.day, flow, used))
    return result

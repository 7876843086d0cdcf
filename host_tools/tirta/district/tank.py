# SPDX-License-Identifier: MIT
"""A zone that a tank feeds, seen through the pump that fills it.

Such a pump runs or stands; how much the zone uses at night its flow does not say. But each time it
stops, the tank is at the same level: between two stops the zone used what was pumped. Spread over
the time between them that is a use for each day, in which a leak is seen as in a night.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from tirta.district.night import COUNTED, Night, NightWindow, local_days
from tirta.district.signal import Bools, Floats, Ints, Signal

_STANDS = 0.1  # of what it pumps: less is none
_RUNS = 0.7
_BETWEEN = 0.1  # share of the time in which a pump may be neither
_EACH = 0.05  # share of the time in which it must be each of both
_LONGEST_DAYS = 30  # between two stops


@dataclass(frozen=True)
class _Stops:
    """When the pump stopped, and what it had pumped until then, m3 since the first record."""

    time_s: Floats
    pumped_m3: Floats


def fills_a_tank(flow: Signal) -> bool:
    """Return whether a flow is that of a pump that runs or stands, and nothing between."""
    value = flow.valid()
    value = value[~np.isnan(value)]
    if len(value) < 100:
        return False
    running = float(np.percentile(value, 95))
    if running <= 0:
        return False
    stands, runs = (value < _STANDS * running).mean(), (value > _RUNS * running).mean()
    return bool(min(stands, runs) >= _EACH and 1 - stands - runs <= _BETWEEN)


def daily_use(flow: Signal, window: NightWindow) -> list[Night]:
    """Use of each whole local day between the first and the last stop, as a night's figure; L/s.

    A day that no two stops enclose, or with a hole between them, is left out.
    """
    stops = _stops(flow)
    if len(stops.time_s) < 2:
        return []
    found = []
    for day in local_days(flow, window.zone):
        begin_s, end_s = (window.midnight_s(d) for d in (day, day + timedelta(days=1)))
        if stops.time_s[0] <= begin_s and end_s <= stops.time_s[-1]:
            m3 = np.interp([begin_s, end_s], stops.time_s, stops.pumped_m3)
            lps = float(m3[1] - m3[0]) * 1000 / (end_s - begin_s)
            if not np.isnan(lps):
                found.append(_day(day, lps, begin_s, flow, end_s))
    return found


def _day(day: date, lps: float, begin_s: float, flow: Signal, end_s: float) -> Night:
    rows = np.arange(len(flow))[flow.between(begin_s, end_s)]
    return Night(day, COUNTED, lps, begin_s, rows, False, np.nan)


def _stops(flow: Signal) -> _Stops:
    value, step_s = flow.valid(), flow.step_s
    running = float(np.nanpercentile(value, 95))
    on = value > running * (_STANDS + _RUNS) / 2
    at = np.flatnonzero(on[:-1] & ~on[1:] & ~np.isnan(value[1:]))
    pumped = np.concatenate([[0.0], np.cumsum(np.nan_to_num(value) * step_s) / 1000])[1:][at]
    whole = _unbroken(flow, at)
    pumped = pumped.astype(float)
    # A hole between two stops leaves what was pumped in it unknown, and so all days that touch it.
    pumped[1:] = pumped[0] + np.cumsum(np.where(whole, np.diff(pumped), np.nan))
    return _Stops(flow.time_s[at], pumped)


def _unbroken(flow: Signal, at: Ints) -> Bools:
    known = np.concatenate([[0.0], np.cumsum(np.where(np.isnan(flow.valid()), 0, flow.step_s))])[1:]
    span_s = np.diff(flow.time_s[at])
    return np.asarray((np.diff(known[at]) > 0.99 * span_s) & (span_s < _LONGEST_DAYS * 86_400))

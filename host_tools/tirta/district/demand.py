# SPDX-License-Identifier: MIT
"""The nights of a zone beside what people used on the days around them.

When many are away, or a season is dry, night and day change together; a leak adds the same to both.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from tirta.district.calendar import Calendar
from tirta.district.change_point import Days
from tirta.district.expected import DailyValues
from tirta.district.night import Night
from tirta.district.signal import Floats

_DAY = slice(6 * 12, 22 * 12)  # blocks of the hours in which people use water
_KNOWN = 0.9  # of them, that a day's use needs
_ALIKE_DAYS = 3
_RETURN = 1.5  # by day more came back than at night: people did
_RETURN_NIGHTS = 7


def beside_the_nights(counted: Sequence[Night], days: Days, calendar: Calendar) -> DailyValues:
    """Return the flow of each counted night, and how far the use by day around it lay above the
    usual.
    """
    value = np.array([night.flow_lps for night in counted])
    place = np.array([days.of(night.day) for night in counted])
    use = _day_use(days, dict(zip(place.tolist(), value.tolist(), strict=True)))
    usual = _usual(use, days, calendar)
    relative = np.nan_to_num(use / usual - 1)
    around = [(relative[max(0, p - 1)] + relative[p]) / 2 for p in place]
    return DailyValues(tuple(night.day for night in counted), value, np.array(around))


def _day_use(days: Days, night_lps: dict[int, float]) -> Floats:
    """What people used by day beyond the nights around it, L/s; NaN where too little is known."""
    part = days.flow[:, _DAY]
    known = (~np.isnan(part)).mean(axis=1) >= _KNOWN
    with np.errstate(all="ignore"):
        use = np.where(known, np.nanmean(np.where(known[:, None], part, 0.0), axis=1), np.nan)
    last = max(night_lps)
    for place in range(len(use)):
        around = [night_lps[p] for p in (place, place + 1) if p in night_lps]
        base = np.mean(around) if around else (night_lps[last] if place > last else np.nan)
        use[place] -= base
    return np.asarray(use)


def _usual(use: Floats, days: Days, calendar: Calendar) -> Floats:
    """The usual use of each day: the median of its weekday, or of its class while those are few.

    Of a holiday it is what the day would have been without: what is used then tells who is there.
    """
    dates = [days.first + timedelta(days=i) for i in range(len(use))]
    plain = Calendar(calendar.weekend)
    weekday = np.array([day.weekday() for day in dates])
    kind = np.array([plain.kind(day) for day in dates])
    known = ~np.isnan(use) & np.array([day not in calendar.holidays for day in dates])
    usual = np.full(len(use), np.nan)
    for place in range(len(use)):
        for same in (weekday == weekday[place], kind == kind[place]):
            if (same & known).sum() >= _ALIKE_DAYS:
                usual[place] = np.median(use[same & known])
                break
    return np.where(usual > 0, usual, np.nan)


def returned(days: Days, nights: Sequence[Night], rise: int, size: float) -> bool:
    """Return whether by day much more came back than at night, `rise` nights after a fall: people
    did.
    """
    until = min(rise + _RETURN_NIGHTS, len(nights) - 1)
    before = days.flow[max(0, days.of(nights[0].day)) : days.of(nights[rise].day), _DAY]
    behind = days.flow[days.of(nights[rise].day) : days.of(nights[until].day), _DAY]
    if np.isnan(before).all() or np.isnan(behind).all():
        return True
    return float(np.nanmean(behind) - np.nanmean(before)) > _RETURN * size

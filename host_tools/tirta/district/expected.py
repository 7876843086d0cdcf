# SPDX-License-Identifier: MIT
"""What a night's flow would be without new leaks: one level, the week, the season, the demand.

A Gaussian model (Rasmussen and Williams 2006, chapter 2): the night flow is a level that drifts
slowly, plus what the weekday and its class add, plus a share of how much more or less people used
on the days around it, plus noise. Each part has a size that is plausible beforehand, so that a week
that was seen once proves little, and one that was seen ten times is known. What leaks add is laid
over it by `events`.

Shapes: everything is by counted night, [nights].
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np

from tirta.district.calendar import HOLIDAY, Calendar
from tirta.district.signal import Floats

_SAME_TIME_DAYS = 5.0  # for so long people who are away, or have guests, stay the same people
_WEEKS = 28  # nights
_LEAST_OF_ALL = 1 / 3  # of a low night of all, whatever four weeks were like
_NORMAL_80 = 1.2816  # what 80 % of a normal deviation's sizes are within
_MOSTLY_ALIKE = 10.0
_MAD = 1.4826  # from a median absolute deviation to a standard deviation (Croux, Rousseeuw 1992)
_MAD_PROVES = 0.37  # of what a standard deviation of as many values would (ibid.)
_ALIKE_NIGHTS = 0.05  # one night differs by some 5 % from another like it, if few are known
_NIGHTS_KNOWN = 4  # nights that this stands for


@dataclass(frozen=True)
class Plausible:
    """How large each part may be, as standard deviations relative to the level.

    None is fitted to a measured series; docs/DISTRICT.md has what halving and doubling each does.
    """

    day_class: float = 0.25  # Saturday, Sunday: nights of rest differ by a quarter
    weekday: float = 0.10  # and each weekday by a tenth within its class
    holidays: float = 0.20  # holidays in a row, together
    holiday: float = 0.05  # and each of them
    drift: float = 0.005  # in a day, as a random walk: a tenth in a year's quarter
    demand: float = 0.35  # of the share of the night that follows the day's demand, around half
    noise: float = 0.02  # the least scatter of a night: nights that agree prove no precision


PLAUSIBLE = Plausible()
SHARP = Plausible(drift=0.03)  # whatever grows is drift: what is left to find is abrupt


@dataclass(frozen=True)
class DailyValues:
    """`demand` is how far the days around a night lay above their usual use, relative; 0 where
    nothing is known of it.
    """

    days: tuple[date, ...]
    value: Floats
    demand: Floats
    doubt: Floats | None = None  # a standard deviation of each beyond the noise, where known

    def __len__(self) -> int:
        return len(self.days)

    @property
    def at(self) -> Floats:
        """Days since the first one."""
        return np.array([(day - self.days[0]).days for day in self.days], dtype=float)


@dataclass(frozen=True)
class Expected:
    """The model before anything is laid over it: `whiten` makes its noise independent and 1."""

    whiten: Floats  # [nights, nights]
    mean: Floats  # what demand alone would make of the level
    level: float
    noise: float

    def white(self, columns: Floats) -> Floats:
        """Bring columns into the space in which the noise is 1; shape as given, [nights, …]."""
        return np.asarray(self.whiten @ columns)


def level_of(value: Floats) -> float:
    """Estimate how much a zone uses, in the unit of the values: a low night of its lowest four
    weeks. Leaks only add, and in a year most nights may have one.
    """
    low = [
        float(np.percentile(value[first : first + _WEEKS], 20))
        for first in range(max(1, len(value) - _WEEKS + 1))
    ]
    return max(min(low), _LEAST_OF_ALL * float(np.percentile(value, 20)), 1e-9)


def expected(
    days: DailyValues, calendar: Calendar, noise: float, plausible: Plausible = PLAUSIBLE
) -> Expected:
    """Fit the model of a series, with a scatter of `noise` in its unit."""
    level = level_of(days.value)
    kinds = [calendar.kind(day) for day in days.days]
    weekday = np.array([day.weekday() for day in days.days])
    same_kind = np.array([[a == b for a in kinds] for b in kinds])
    holiday = np.array([kind == HOLIDAY for kind in kinds])
    at = days.at
    ordinary = ~holiday[:, None] & ~holiday[None, :]
    cover = (plausible.day_class * level) ** 2 * (same_kind & ordinary)
    cover += (plausible.weekday * level) ** 2 * ((weekday[:, None] == weekday) & ordinary)
    row = np.cumsum(np.diff(at, prepend=-9.0) > 1.5) + np.cumsum(~holiday) * len(days)
    in_a_row = (row[:, None] == row) & holiday[:, None] & holiday
    cover += (plausible.holidays * level) ** 2 * in_a_row
    cover += np.diag((plausible.holiday * level) ** 2 * holiday)
    cover += (plausible.drift * level) ** 2 * np.minimum(at[:, None], at)
    follows = (plausible.demand * level) ** 2 * np.outer(days.demand, days.demand)
    # Of holidays that are listed the parts above say how unlike other days they may be.
    cover += follows * (1 + np.exp(-np.abs(at[:, None] - at) / _SAME_TIME_DAYS) * ordinary)
    extra = 0.0 if days.doubt is None else days.doubt**2
    cover += np.diag(np.full(len(days), noise**2) + extra)
    whiten = np.linalg.inv(np.linalg.cholesky(cover))
    return Expected(whiten, 0.5 * level * days.demand, level, noise)


def first_noise(days: DailyValues, calendar: Calendar, plausible: Plausible = PLAUSIBLE) -> float:
    """Scatter from one night to the next of the same class: steps are few, so a median is."""
    change = _changes(days, calendar)
    return noise_of(change / 2**0.5 if len(change) > 2 else change[:0], days, plausible)


def mostly_alike(days: DailyValues, calendar: Calendar) -> bool:
    """Return whether most nights are as the one before, and some are far from it: those of a few
    houses, of which most use nothing. What is far is then their use, and not left over by it.
    """
    change = _changes(days, calendar)
    return len(change) > 2 and _wide(change) is not None


def _changes(days: DailyValues, calendar: Calendar) -> Floats:
    """From each night to the next one, where both are of the same class and no holidays."""
    kinds = [calendar.kind(day) for day in days.days]
    same = [a == b != HOLIDAY for a, b in pairwise(kinds)]
    return np.asarray(np.diff(days.value)[np.array(same, bool)])


def noise_of(values: Floats, days: DailyValues, plausible: Plausible = PLAUSIBLE) -> float:
    """Estimate the scatter of what a model left over, in the unit of the series: what is seen,
    beside what is plausible of a scatter that few nights show.
    """
    level, seen = level_of(days.value), _MAD_PROVES * len(values)
    found = _NIGHTS_KNOWN * (_ALIKE_NIGHTS * level) ** 2 + seen * _scatter(values) ** 2
    return max(math.sqrt(found / (seen + _NIGHTS_KNOWN)), plausible.noise * level, 1e-6)


def _scatter(values: Floats) -> float:
    """Estimate a standard deviation that few large values do not move. Where most are alike a
    median says nothing: there it is of the other ones.
    """
    if len(values) < 2:
        return 0.0
    small = len(values) / (len(values) - 0.8)  # of few, a median deviation is too small (ibid.)
    return small * (_wide(values) or float(_MAD * np.median(np.abs(values))))


def _wide(values: Floats) -> float | None:
    half, most = np.percentile(np.abs(values), (50, 80))
    wide = float(most / _NORMAL_80)
    return wide if wide > _MOSTLY_ALIKE * _MAD * half else None


def without(days: DailyValues, kept: Sequence[bool]) -> DailyValues:
    """Return the same series with these nights only."""
    rows = np.asarray(kept, bool)
    return replace(
        days,
        days=tuple(day for day, keep in zip(days.days, rows, strict=True) if keep),
        value=days.value[rows],
        demand=days.demand[rows],
        doubt=None if days.doubt is None else days.doubt[rows],
    )

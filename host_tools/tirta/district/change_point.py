# SPDX-License-Identifier: MIT
"""When between two nights the flow changed: a change point against days of the same kind.

The flow in blocks of five minutes is compared with what days of the same class and season had then,
leaks taken off. What a day differs by as a whole, how noise holds on, and how well the size of the
change is known are part of the covariance, so each possible moment gets the probability that it
has; told is their median, and the range that holds 95 % of it.
"""

import warnings
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from tirta.district.calendar import Calendar
from tirta.district.night import NightWindow, local_days
from tirta.district.signal import Bools, Floats, Ints, Signal, blocks
from tirta.water.definitions import DAY_S

BLOCK_S = 300
PER_DAY = DAY_S // BLOCK_S
_NEAREST = 12  # days of the same kind that make a comparison
_HOLIDAYS_AT_LEAST = 3
_SMOOTH = 9  # blocks over which a usual day is taken as even
_DAY_SCATTER = 0.04  # one day uses some 4 % more or less than another, if few are known
_DAY_KNOWN = 4  # days that this stands for
_ODD_DAYS = 0.05  # share of days that are unlike those that they are compared with
_ODD_SCATTER = 0.4
_MEDIAN_COST = 1.57  # variance of a median, against a mean's
_BLOCK_SCATTER = 0.04  # the least noise of a block, relative: days that agree prove nothing
_OF_FEW = {0: 0.4, 1: 0.2, 2: 0.1}  # where only so many days are alike, the least noise of a block
_HOLD = float(np.exp(-BLOCK_S / 1800))  # a part of the noise of demand holds for half an hour
_SLOW = 0.8  # of its variance
_RANGE = (0.025, 0.5, 0.975)
_OWN_AT_LEAST = 2  # days of one weekday that show its shape
_UNLIKE = 1.2  # times what two days of one weekday differ by


@dataclass(frozen=True)
class Moment:
    """Unix seconds; the range holds 95 % of the probability."""

    time_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True)
class Usual:
    """A day as it usually is, L/s by block, NaN where no day tells; `count` days like it do, where
    that is 0, others. Relative scatter of a block beside its day, and of a whole day.
    """

    middle: Floats
    block: Floats
    day: float
    count: Ints


@dataclass
class Days:
    """The flow of whole local days in blocks, L/s. Shapes [days, blocks of a day].

    `at_s` is when each block begins: blocks are of the local clock, so that a day on which it is
    changed is compared with others hour by hour. `leak` is what leaks took, `clean` whether a day
    can stand for others: no change lies in it.
    """

    first: date
    flow: Floats
    at_s: Floats
    calendar: Calendar
    leak: Floats = field(init=False)
    clean: Bools = field(init=False)

    def __post_init__(self) -> None:
        self.leak = np.zeros_like(self.flow)
        self.clean = np.asarray(~np.isnan(self.flow).all(axis=1))

    def of(self, day: date) -> int:
        """Return the place of a day."""
        return (day - self.first).days

    def usual(self, place: int) -> "Usual | None":
        """Return the day that this one would have been without leaks; None where no other tells."""
        used, alike = self._alike(place)
        if not len(used):
            return None
        own = self.flow[used] - self.leak[used]
        middle = _smooth(_median(own))
        middle = np.maximum(middle, 0.02 * float(np.nanmean(middle)) + 1e-6)
        scale = np.array([_scale(day, middle) for day in own])
        known = (~np.isnan(own)).sum(axis=0)
        count = known if alike else np.zeros_like(known)
        relative = np.where(known > 0, own / scale[:, None] / middle - 1, 0.0)
        scatter = _smooth(np.nanstd(relative, axis=0))
        least = np.select([count == few for few in _OF_FEW], list(_OF_FEW.values()), _BLOCK_SCATTER)
        middle = np.where(known > 0, middle, np.nan)
        return Usual(middle, np.maximum(scatter, least), _scatter_of(scale), count)

    def _alike(self, place: int) -> tuple[Ints, bool]:
        """The nearest clean days that are like it: its weekday, and days whose shape that has; else
        any, and that they are not like it.
        """
        days = [self.first + timedelta(days=i) for i in range(len(self.flow))]
        here = np.arange(len(days)) != place
        clean = self.clean & here
        plain = np.array([day not in self.calendar.holidays for day in days])
        if not plain[place] and (clean & ~plain).sum() >= _HOLIDAYS_AT_LEAST:
            return self._nearest(clean & ~plain, place), True
        # Of holidays there are few: where too few, what the day would be without one stands in.
        weekday = np.array([day.weekday() for day in days])
        own = clean & plain & (weekday == weekday[place])
        if own.sum() < _OWN_AT_LEAST:
            ordinary = Calendar(self.calendar.weekend)
            kinds = np.array([ordinary.kind(day) for day in days])
            own = clean & plain & (kinds == kinds[place])
        if not own.any():
            return self._nearest(clean, place), False
        alike = own | (clean & plain & self._of_shape(own, weekday))
        return self._nearest(alike, place), True

    def _of_shape(self, own: Bools, weekday: Ints) -> Bools:
        """Which days differ from these by no more than days of one weekday do from each other."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # days without any value
            hours = np.nanmean((self.flow - self.leak).reshape(len(own), 24, -1), axis=2)
            hours = np.maximum(hours / np.nanmean(hours, axis=1)[:, None], 0.01)
            off = np.sqrt(np.nanmean(np.log(hours / np.nanmedian(hours[own], axis=0)) ** 2, axis=1))
            chance = [
                np.nanmean(np.log(hours[a] / hours[b]) ** 2)
                for a in np.flatnonzero(self.clean)
                for b in (a + 7,)
                if b < len(own) and self.clean[b] and weekday[a] == weekday[b]
            ]
            limit = _UNLIKE * np.sqrt(np.nanmedian(chance)) if chance else 0.0
            return np.asarray(off <= limit)

    @staticmethod
    def _nearest(which: Bools, place: int) -> Ints:
        places = np.flatnonzero(which)
        return places[np.argsort(np.abs(places - place), kind="stable")[:_NEAREST]]


def days_of(flow: Signal, window: NightWindow, calendar: Calendar) -> Days:
    """Return the whole days of a flow signal, the first and last one's missing part as NaN."""
    found = local_days(flow, window.zone)
    at_s = np.array([_clock(day, window) for day in found])
    rows = []
    for day in at_s:
        count = round((day.max() - day[0]) / BLOCK_S) + 1
        row = blocks(flow, float(day[0]), BLOCK_S, count)[((day - day[0]) / BLOCK_S).astype(int)]
        row[:-1][np.diff(day) <= 0] = np.nan  # in spring an hour of the clock is not there
        rows.append(row)
    return Days(found[0], np.array(rows), at_s, calendar)


def _clock(day: date, window: NightWindow) -> Floats:
    """When each block of a local day begins, Unix seconds."""
    begin_s = window.midnight_s(day)
    if window.midnight_s(day + timedelta(days=1)) - begin_s == DAY_S:
        return np.asarray(begin_s + BLOCK_S * np.arange(PER_DAY))
    midnight = datetime(day.year, day.month, day.day, tzinfo=window.zone)
    local = [midnight + timedelta(seconds=BLOCK_S * i) for i in range(PER_DAY)]  # of the clock
    at_s = np.array([time.timestamp() for time in local])
    return np.asarray(np.minimum.accumulate(at_s[::-1])[::-1])


def change(days: Days, between_s: tuple[float, float], size: float, spread: float) -> Moment:
    """Return when the flow, known leaks taken off, rose by `size` (fell where it is negative).

    `between_s` are the ends in which it must lie; the middle of them where nothing is comparable.
    """
    around = _around(days, *between_s)
    if not len(around.at_s):
        return Moment(sum(between_s) / 2, *between_s)
    # Also where nothing can be compared: a change that is seen behind a gap may be anywhere in it.
    edges = np.unique(days.at_s[(days.at_s >= between_s[0]) & (days.at_s <= between_s[1])])
    open_ = (around.at_s[:, None] >= edges).astype(float)
    chance = np.zeros(len(edges))
    parts = [around.log_chance(open_, size, spread, odd) for odd in (False, True)]
    most = max(float(part.max()) for part in parts)
    for part, weight in zip(parts, (1 - _ODD_DAYS, _ODD_DAYS), strict=True):
        chance += weight * np.exp(part - most)
    chance = np.cumsum(chance) / chance.sum()
    low, middle, high = (float(edges[np.searchsorted(chance, q)]) for q in _RANGE)
    return Moment(middle, low, high)


@dataclass(frozen=True)
class _Around:
    """Blocks around a change; shapes [blocks]. `left` is what each has beyond the usual, `noise`
    its scatter, `usual` the usual itself, `day` of which day it is, `scatter` how such days differ.
    """

    at_s: Floats
    left: Floats
    noise: Floats
    usual: Floats
    day: Ints
    scatter: Floats

    def log_chance(self, open_: Floats, size: float, spread: float, odd: bool) -> Floats:
        """Return the log chance of a change at each moment, up to a constant; `odd`: on days unlike
        any other.
        """
        apart = np.abs(np.subtract.outer(self.at_s, self.at_s)) / BLOCK_S
        cover = np.outer(self.noise, self.noise) * (
            _SLOW * _HOLD**apart + (1 - _SLOW) * (apart == 0)
        )
        scatter = np.full(len(self.usual), _ODD_SCATTER) if odd else self.scatter
        whole = self.usual * scatter
        cover += np.outer(whole, whole) * np.equal.outer(self.day, self.day)
        half = np.linalg.cholesky(cover)
        white = np.linalg.solve(half, np.column_stack([self.left, open_]))
        left, shape = white[:, 0], white[:, 1:]
        # The size is known to within its spread: a normal prior, integrated out.
        power = (shape**2).sum(axis=0) + 1 / spread**2
        along = left @ shape + size / spread**2
        found = along**2 / power - np.log(power) - left @ left
        return np.asarray(found / 2 - np.log(np.diag(half)).sum())


def _around(days: Days, low_s: float, high_s: float) -> _Around:
    parts = []
    margin_s = DAY_S / 4
    for place, at_s in enumerate(days.at_s):
        inside = (at_s >= low_s - margin_s) & (at_s < high_s + margin_s)
        usual = days.usual(place) if inside.any() else None
        if usual is None:
            continue
        use = inside & ~np.isnan(days.flow[place]) & ~np.isnan(usual.middle)
        middle = usual.middle[use]
        unsure = 1 + _MEDIAN_COST / np.maximum(usual.count[use], 1)
        parts.append(
            (
                at_s[use],
                (days.flow[place] - days.leak[place])[use] - middle,
                (usual.block * usual.middle)[use] * np.sqrt(unsure),
                middle,
                np.full(int(use.sum()), place),
                usual.day * np.sqrt(unsure),
            )
        )
    if not parts:
        nothing = np.zeros(0)
        return _Around(nothing, nothing, nothing, nothing, nothing.astype(np.int64), nothing)
    return _Around(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _scatter_of(scale: Floats) -> float:
    """How much days differ as a whole: a standard deviation of what is seen and what is usual."""
    seen = float(((scale / np.median(scale) - 1) ** 2).sum())
    return float(np.sqrt((seen + _DAY_KNOWN * _DAY_SCATTER**2) / (len(scale) + _DAY_KNOWN)))


def _scale(day: Floats, middle: Floats) -> float:
    known = ~np.isnan(day)
    if not known.any():
        return 1.0
    found = float(day[known].sum() / middle[known].sum())
    return found if found > 0 else 1.0


def _median(days: Floats) -> Floats:
    known = ~np.isnan(days).all(axis=0)
    found = np.full(days.shape[1], np.nan)
    found[known] = np.nanmedian(days[:, known], axis=0)
    whole = float(np.nanmean(found)) if not np.isnan(found).all() else 0.0
    return np.where(np.isnan(found), whole, found)


def _smooth(values: Floats) -> Floats:
    half = _SMOOTH // 2
    around = np.concatenate([values[-half:], values, values[:half]])
    return np.convolve(around, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")

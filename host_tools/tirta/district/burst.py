# SPDX-License-Identifier: MIT
"""Bursts: a CUSUM over the nights finds them, a change point in the flow dates them.

The nights decide (`definitions.BurstRule`): at night little else flows, so a rise that stays is
seen in its own size. The start lies between two nights. There the flow is compared with the same
time of earlier days of the same kind (working day or weekend), scaled to the day, and the minute is
the one that leaves the least weighted squares when the burst's flow is taken off behind it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from tirta.district.definitions import BURST, DAY_S, HOUR_S, REFILL_S, BurstRule
from tirta.district.night import Night, NightWindow
from tirta.district.signal import MISSING, Floats, Ints, Signal, blocks

_BLOCK_S = 300
_PER_DAY = DAY_S // _BLOCK_S
_KIND_AT_LEAST = 2  # days of one kind that make a comparison
_DAYS_AFTER = 14  # of days behind the repair that are compared with too
# A day uses about 10 % more or less than another; noise of demand holds for about an hour.
_SCALE_PRIOR = (HOUR_S / _BLOCK_S) / 0.1**2
_SMOOTH = 9  # blocks over which scatter is taken as the same
_WEEKEND = 5
_MAD = 1.4826  # from a median absolute deviation to a standard deviation (Croux, Rousseeuw 1992)
_MEDIAN_COST = 1.2533  # standard error of a median, against a mean's


@dataclass(frozen=True)
class Burst:
    """`end_s` is None while it lasts. `low_lps` to `high_lps`: k = 2, from the nights' scatter."""

    start_s: float
    end_s: float | None
    size_lps: float
    low_lps: float
    high_lps: float
    before: tuple[Night, ...]
    during: tuple[Night, ...]

    @property
    def volume_m3(self) -> float:
        """Volume up to the end, or up to the last night that was seen."""
        end_s = self.end_s or self.during[-1].start_s + HOUR_S
        return self.size_lps * (end_s - self.start_s) / 1000


@dataclass(frozen=True)
class _Rise:
    before: tuple[Night, ...]
    during: tuple[Night, ...]
    after: Night | None
    scatter: float


def bursts(
    flow: Signal,
    pressure: Signal | None,
    nights: Sequence[Night],
    window: NightWindow,
    rule: BurstRule = BURST,
) -> list[Burst]:
    """The bursts in a flow signal (L/s); none is found before `baseline_at_least` nights.

    While pressure is lost, and while tanks fill afterwards, flow is not compared with other days.
    """
    found = []
    if pressure is not None:
        flow = _while_supplied(flow, pressure, window.pressure_min_m)
    for rise in _rises([n for n in nights if n.counts], rule):
        size = _median(rise.during) - _median(rise.before)
        if size < rule.rise_at_least_lps:
            continue
        profile = _Profile(flow, rise, window)
        start_s = profile.change(rise.before[-1], rise.during[0], size, opens=True)
        end_s = None
        if rise.after is not None:
            end_s = profile.change(rise.during[-1], rise.after, size, opens=False)
        spread = 2 * _MEDIAN_COST * rise.scatter
        spread *= math.sqrt(1 / len(rise.before) + 1 / len(rise.during))
        low, high = max(0.0, size - spread), size + spread
        found.append(Burst(start_s, end_s, size, low, high, rise.before, rise.during))
    return found


def _while_supplied(flow: Signal, pressure: Signal, least_m: float) -> Signal:
    lost_s = pressure.time_s[pressure.valid() < least_m]
    last = np.searchsorted(lost_s, flow.time_s, side="right") - 1
    since_s = flow.time_s - lost_s[np.maximum(last, 0)] if len(lost_s) else np.zeros(0)
    affected = (last >= 0) & (since_s < REFILL_S) if len(lost_s) else np.zeros(len(flow), bool)
    return replace(flow, flag=np.where(affected, MISSING, flow.flag).astype(np.uint8))


def _median(nights: Sequence[Night]) -> float:
    return float(np.median([n.flow_lps for n in nights]))


def _rises(nights: Sequence[Night], rule: BurstRule) -> list[_Rise]:
    found: list[_Rise] = []
    normal: list[Night] = []
    rising: list[Night] = []
    total = 0.0
    burst: tuple[float, float, float] | None = None  # level, scatter, size so far
    for night in nights:
        if burst is not None:
            level, scatter, size = burst
            if night.flow_lps > level + size / 2:
                rising.append(night)
                continue
            found.append(_Rise(_last(normal, rule), tuple(rising), night, scatter))
            burst, rising, total = None, [], 0.0
            continue  # the repair may lie in this very hour: it is neither level nor rise
        if len(normal) < rule.baseline_at_least:
            normal.append(night)
            continue
        base = _last(normal, rule)
        level, scatter = _median(base), _scatter(base, rule)
        total = max(0.0, total + (night.flow_lps - level) / scatter - rule.slack)
        rising.append(night)
        if total == 0.0:
            normal += rising
            rising = []
        elif total > rule.threshold:
            rising = _from_the_jump(rising, level, normal)
            burst = level, scatter, _median(rising) - level
    if burst is not None:
        found.append(_Rise(_last(normal, rule), tuple(rising), None, burst[1]))
    return found


def _from_the_jump(rising: list[Night], level: float, normal: list[Night]) -> list[Night]:
    """A CUSUM may begin on nights that were only a little high: those still count as before."""
    half = (rising[-1].flow_lps - level) / 2
    first = 1 + max((i for i, n in enumerate(rising) if n.flow_lps - level <= half), default=-1)
    normal += rising[:first]
    return rising[first:]


def _last(normal: Sequence[Night], rule: BurstRule) -> tuple[Night, ...]:
    return tuple(normal[-rule.baseline_nights :])


def _scatter(nights: Sequence[Night], rule: BurstRule) -> float:
    flows = np.array([n.flow_lps for n in nights])
    level = float(np.median(flows))
    robust = _MAD * float(np.median(np.abs(flows - level))) * len(flows) / (len(flows) - 0.8)
    return max(robust, rule.scatter_floor * abs(level), 1e-6)


class _Profile:
    """What the flow would be without the burst: days without it, by kind of day."""

    def __init__(self, flow: Signal, rise: _Rise, window: NightWindow) -> None:
        self.window = window
        last = rise.after or rise.during[-1]
        self.first_day = rise.before[0].day
        self.days = (last.day - self.first_day).days + 2 + _DAYS_AFTER
        self.start_s = window.bounds_s(self.first_day)[0] - window.from_h * HOUR_S
        self.flow = blocks(flow, self.start_s, _BLOCK_S, self.days * _PER_DAY)
        # A day is clean when neither its own night nor the next one was in the burst.
        day = np.arange(self.days)
        self.clean = day < (rise.before[-1].day - self.first_day).days
        if rise.after is not None:
            self.clean |= day > (rise.after.day - self.first_day).days
        self.clean &= ~np.isnan(self.flow).reshape(self.days, _PER_DAY).all(axis=1)

    def change(self, before: Night, after: Night, size: float, *, opens: bool) -> float:
        """When the flow changed by `size`, between two nights; Unix seconds."""
        first = self._block(before.start_s) - _PER_DAY // 4
        last = self._block(after.start_s + HOUR_S) + _PER_DAY // 12
        at = np.arange(max(0, first), min(len(self.flow), last))
        expected, weight = self._expected(at)
        flow = self.flow[at]
        use = ~(np.isnan(flow) | np.isnan(expected))
        if not use.any():
            return after.start_s
        at, flow, expected, weight = at[use], flow[use], expected[use], weight[use]
        with_leak, without = (_sums(flow - s, expected, weight) for s in (size, 0.0))
        cost = _cost(without, with_leak) if opens else _cost(with_leak, without)
        # The step lies behind the beginning of one quiet hour and before the end of the other.
        edge = at * _BLOCK_S + self.start_s
        allowed = (edge >= before.start_s) & (edge <= after.start_s + HOUR_S)
        cost = np.where(allowed, cost[:-1], np.inf)
        return float(edge[int(np.argmin(cost))])

    def _block(self, time_s: float) -> int:
        return int((time_s - self.start_s) // _BLOCK_S)

    def _expected(self, at: Ints) -> tuple[Floats, Floats]:
        by_day = self.flow.reshape(self.days, _PER_DAY)
        weekend = np.array([_weekend(self.first_day + timedelta(days=i)) for i in range(self.days)])
        expected, weight = np.full(len(at), np.nan), np.ones(len(at))
        for day in np.unique(at // _PER_DAY):
            same = self.clean & (weekend == weekend[day])
            used = by_day[same if same.sum() >= _KIND_AT_LEAST else self.clean]
            here = at // _PER_DAY == day
            if len(used):
                middle, spread = _middle_and_spread(used)
                expected[here] = middle[at[here] % _PER_DAY]
                weight[here] = 1 / spread[at[here] % _PER_DAY] ** 2
        return expected, weight


def _weekend(day: date) -> bool:
    return day.weekday() >= _WEEKEND


def _middle_and_spread(days: Floats) -> tuple[Floats, Floats]:
    """Median of each block over the days, smoothed in time, and its scatter; shapes [blocks]."""
    known = np.where(np.isnan(days), np.nanmedian(days), days) if np.isnan(days).any() else days
    middle = _smooth(np.median(known, axis=0))
    scatter = _MAD * np.median(np.abs(known - middle), axis=0)
    return middle, np.maximum(_smooth(scatter), 0.02 * np.maximum(middle, 0.1))


def _smooth(values: Floats) -> Floats:
    half = _SMOOTH // 2
    around = np.concatenate([values[-half:], values, values[:half]])
    return np.convolve(around, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")


def _sums(flow: Floats, expected: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Running sums of w·x², w·x·e and w·e², from 0; shapes [blocks + 1]."""
    terms = (weight * flow**2, weight * flow * expected, weight * expected**2)
    x2, xe, e2 = (np.concatenate([[0.0], np.cumsum(t)]) for t in terms)
    return x2, xe, e2


def _cost(left: tuple[Floats, Floats, Floats], right: tuple[Floats, Floats, Floats]) -> Floats:
    """Weighted squares when `left` holds before block i and `right` from it on.

    The day's scale a (normal around 1) is fitted with it: the least of sum w(x - a e)² + prior.
    """
    x2, xe = (lt + (rt[-1] - rt) for lt, rt in zip(left[:2], right[:2], strict=True))
    e2 = left[2][-1]
    return np.asarray(x2 + _SCALE_PRIOR - (xe + _SCALE_PRIOR) ** 2 / (e2 + _SCALE_PRIOR))

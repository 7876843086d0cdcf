# SPDX-License-Identifier: MIT
"""When each leak began and ended, with the others taken off."""

from collections.abc import Sequence

import numpy as np

from tirta.district import change_point, events
from tirta.district.change_point import Days, Moment
from tirta.district.leaks import Leak
from tirta.district.night import Night
from tirta.water.definitions import DAY_S, HOUR_S

_NEAR_S = 2 * DAY_S  # around a change, in which it is searched
_LARGE = 25.0  # times its standard error
_ROUNDS = 2  # the second with the first answers

Moments = tuple[Moment, Moment | None]  # start, and end where there was one


def dated(
    told: Sequence[Leak], counted: Sequence[Night], days: Days, *, by_flow: bool = True
) -> list[Moments]:
    """Start and end of each leak, by the flow between the nights; else by the nights alone."""
    starts = [_between(counted, leak.first, leak) for leak in told]
    ends = [None if leak.last is None else _between(counted, leak.last, leak) for leak in told]
    moments: list[Moments] = [
        (
            _of_growth(leak, counted, days) if leak.grown else _middle(start),
            None if end is None else _middle(end),
        )
        for leak, start, end in zip(told, starts, ends, strict=True)
    ]
    for _ in range(_ROUNDS if by_flow else 0):
        for place, leak in enumerate(told):
            start, end = moments[place]
            if not leak.grown:
                _take_off(days, told, moments, (place, start, 0.0))
                start = change_point.change(days, starts[place], leak.size, leak.spread)
            if end is not None and (between := ends[place]) is not None:
                _take_off(days, told, moments, (place, end, leak.size))
                end = change_point.change(days, between, -leak.size, leak.spread)
            moments[place] = start, end
    return moments


def _between(counted: Sequence[Night], night: int, leak: Leak) -> tuple[float, float]:
    """A change that is first seen in a night lies behind the start of the night before. Where a
    leak is large the flow may say more: the nights beside these are searched as well; so they are
    where it began within its first night, perhaps behind the lowest hour.
    """
    wide = 1 if leak.size > _LARGE * leak.spread or leak.rise.part < 1 else 0
    first, last = max(0, night - 1 - wide), min(len(counted) - 1, night + wide)
    return counted[first].start_s, counted[last].start_s + HOUR_S


def _of_growth(leak: Leak, counted: Sequence[Night], days: Days) -> Moment:
    """A leak that grows begins, as told, when it has a tenth of its size: before that nobody can
    know of it. The range reaches back to where it may have been nothing.
    """
    first_s = float(days.at_s[days.of(counted[0].day), 0])
    low, middle, high = (first_s + day * DAY_S for day in leak.rise.begin)
    visible_s = events.VISIBLE * leak.grown * DAY_S
    return Moment(middle + visible_s, low, high + visible_s)


def _middle(between_s: tuple[float, float]) -> Moment:
    return Moment(sum(between_s) / 2, *between_s)


def _take_off(
    days: Days, told: Sequence[Leak], moments: Sequence[Moments], around: tuple[int, Moment, float]
) -> None:
    """Put into `days` what all leaks take, and which days no change lies in.

    `around` a change of one leak, whatever side of it is meant, that leak takes what it is given.
    """
    at_s = days.at_s
    days.leak = np.zeros_like(days.flow)
    days.clean = np.asarray(~np.isnan(days.flow).all(axis=1))
    for place, (leak, (start, end)) in enumerate(zip(told, moments, strict=True)):
        share = np.where(at_s >= start.time_s, 1.0, 0.0)
        if leak.grown:
            begin_s = start.time_s - events.VISIBLE * leak.grown * DAY_S
            share = events.growth(np.maximum(at_s - begin_s, 0) / DAY_S, leak.grown)
        until_s = np.inf if end is None else end.time_s
        takes = leak.size * share * (at_s < until_s)
        if place == around[0]:
            takes = np.where(np.abs(at_s - around[1].time_s) < _NEAR_S, around[2], takes)
        days.leak += takes
        for moment in (end,) if leak.grown else (start, end):
            if moment is not None:
                days.clean &= (at_s[:, 0] + DAY_S <= moment.low_s) | (at_s[:, 0] > moment.high_s)

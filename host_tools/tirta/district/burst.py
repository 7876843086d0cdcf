# SPDX-License-Identifier: MIT
"""Bursts: night flows that rise and stay, each dated to the minutes in which it began and ended.

The nights decide (`expected`, `events`, `leaks`): at night little else flows, so a leak is seen in
its own size. When it began and ended between two nights, the flow of those days says
(`change_point`). All nights are judged together, so what is told of a week can change when the
weeks after it are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tirta.district import burst_dates, change_point, demand, events, expected, tank
from tirta.district.calendar import Calendar
from tirta.district.events import FlowEvent
from tirta.district.expected import DailyValues
from tirta.district.leaks import Leak, leaks
from tirta.district.night import Night, NightWindow
from tirta.district.signal import MISSING, Signal
from tirta.water.definitions import BURST, DAY_S, HOUR_S, REFILL_S, BurstRule

_COVERAGE = 2.0  # k: about 95 %
_BEFORE = 14  # nights that a burst is told to be compared with


@dataclass(frozen=True)
class Burst:
    """`end_s` is None while it lasts. `low_lps` to `high_lps`: k = 2; of times: 95 %.

    `grown_s` is when it had its full size: the start, unless it grew.
    """

    start_s: float
    end_s: float | None
    size_lps: float
    low_lps: float
    high_lps: float
    before: tuple[Night, ...]
    during: tuple[Night, ...]
    start_range_s: tuple[float, float] = (0.0, 0.0)
    end_range_s: tuple[float, float] | None = None
    grown_s: float = 0.0

    @property
    def volume_m3(self) -> float:
        """Volume up to the end, or up to the last night that was seen; a third while it grew."""
        end_s = self.end_s or self.during[-1].start_s + HOUR_S
        growing_s = max(0.0, min(self.grown_s, end_s) - self.start_s)
        return self.size_lps * (end_s - self.start_s - growing_s * 2 / 3) / 1000


def bursts(
    flow: Signal,
    pressure: Signal | None,
    nights: Sequence[Night],
    window: NightWindow,
    rule: BurstRule = BURST,
    calendar: Calendar | None = None,
) -> list[Burst]:
    """Find the bursts in a flow signal (L/s); none is found before `nights_at_least` nights.

    While pressure is lost, and while tanks fill afterwards, flow is not compared with other days.
    """
    pumped = tank.fills_a_tank(flow)
    if pumped:
        nights = tank.daily_use(flow, window)
    counted = [night for night in nights if night.counts]
    if len(counted) <= rule.nights_at_least:
        return []
    if pressure is not None:
        flow = _while_supplied(flow, pressure, window.pressure_min_m)
    calendar = calendar or window.calendar
    days = change_point.days_of(flow, window, calendar)
    series = demand.beside_the_nights(counted, days, calendar)
    if pumped:
        series = replace(series, demand=np.zeros(len(series)))
    told = leaks(
        _events(series, calendar),
        series.at,
        lambda fall, rise, size: demand.returned(days, counted[fall:], rise - fall, size),
    )
    told = [leak for leak in told if _sure(leak, rule)]
    moments = burst_dates.dated(told, counted, days, by_flow=not pumped)
    return [_burst(leak, counted, when) for leak, when in zip(told, moments, strict=True)]


def _events(series: DailyValues, calendar: Calendar) -> list[FlowEvent]:
    """The events, with the scatter that the series itself has once they are known."""
    scatter = expected.first_noise(series, calendar)
    if not expected.mostly_alike(series, calendar):
        _, left = events.find(series, expected.expected(series, calendar, scatter), quick=True)
        scatter = expected.noise_of(left * scatter, series)
    sharp = expected.expected(series, calendar, scatter, expected.SHARP)
    return events.find(series, expected.expected(series, calendar, scatter), sharp)[0]


def _sure(leak: Leak, rule: BurstRule) -> bool:
    """Whether a leak is large enough, and not as likely a season."""
    begin = leak.rise.begin
    if leak.grown and begin[1] + events.VISIBLE * leak.grown < 0:
        return False  # it was there before the first night
    onset_days = begin[2] - begin[0]
    season = leak.last is None and leak.grown > 0 and onset_days > rule.onset_known_days
    return leak.size >= rule.rise_at_least_lps and not season


def _while_supplied(flow: Signal, pressure: Signal, least_m: float) -> Signal:
    lost_s = pressure.time_s[pressure.valid() < least_m]
    last = np.searchsorted(lost_s, flow.time_s, side="right") - 1
    since_s = flow.time_s - lost_s[np.maximum(last, 0)] if len(lost_s) else np.zeros(0)
    affected = (last >= 0) & (since_s < REFILL_S) if len(lost_s) else np.zeros(len(flow), bool)
    return replace(flow, flag=np.where(affected, MISSING, flow.flag).astype(np.uint8))


def _burst(leak: Leak, counted: Sequence[Night], moments: burst_dates.Moments) -> Burst:
    start, end = moments
    spread = _COVERAGE * leak.spread
    last = len(counted) if leak.last is None else leak.last
    return Burst(
        start.time_s,
        None if end is None else end.time_s,
        leak.size,
        max(0.0, leak.size - spread),
        leak.size + spread,
        tuple(counted[max(0, leak.first - _BEFORE) : leak.first]),
        tuple(counted[leak.first : last]),
        (start.low_s, start.high_s),
        None if end is None else (end.low_s, end.high_s),
        start.time_s + (1 - events.VISIBLE) * leak.grown * DAY_S if leak.grown else start.time_s,
    )

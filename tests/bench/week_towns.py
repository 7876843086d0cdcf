# SPDX-License-Identifier: MIT
"""Districts with working days, weekends, holidays and a season, with all known about them.

Seeded, and made of other parts than the detector: Saturdays and Sundays have nights and days of
their own (in one town of five the weekend is Friday and Saturday), holidays fall anywhere, in one
town of four many leave for a week, demand has a season, days differ by some percent, noise holds
for half an hour, leaks follow pressure, supply fails and tanks fill.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tirta.district.signal import GOOD, Signal

Floats = NDArray[np.float64]
START_S = 1_740_934_800.0  # 2025-03-03 00:00 in Jakarta, a Monday
FIRST_DAY = date(2025, 3, 3)
DAY = 1440
PULSE_L = 10.0


@dataclass(frozen=True)
class Town:
    """Flow in L/s from pulses of 10 L a minute, pressure in m; seconds are Unix time."""

    flow: Signal
    pressure: Signal
    burst_lps: float
    start_s: float
    end_s: float
    holidays: tuple[date, ...]
    pulses: NDArray[np.int64]


def town(seed: int, burst_lps: float, days: int = 30) -> Town:
    """One town; with `burst_lps` of 0 nothing bursts."""
    rng = np.random.default_rng([seed, 9])
    count = days * DAY
    connections = int(rng.integers(600, 2500))
    night_lps = connections * rng.uniform(1.2, 2.4) / 3600
    begin = int(rng.integers(12 * DAY, (days - 8) * DAY))
    end = begin + int(rng.integers(3 * DAY, 6 * DAY))
    demand, holidays = _demand(rng, days, night_lps)
    leak = rng.uniform(0.4, 2.0)
    open_ = np.zeros(count)
    open_[begin:end] = burst_lps
    supplied = np.ones(count)
    for at in rng.integers(DAY, (days - 1) * DAY, int(rng.integers(0, 3))):
        back = int(at + rng.integers(60, 480))
        supplied[at:back] = 0.0
        since = np.maximum(np.arange(count) - back, 0)
        demand = demand + np.where(
            np.arange(count) >= back, 0.8 * demand.mean() * np.exp(-since / 60), 0
        )
    pressure = np.full(count, 29.0)
    for _ in range(4):
        flow = (demand + (leak + open_) * np.sqrt(pressure / 28.0)) * supplied
        pressure = np.maximum(29.0 - 0.012 * (flow * 1000 / connections) ** 2, 1.0) * supplied
    counter = np.floor(np.concatenate([[0.0], np.cumsum(flow * 60)]) / PULSE_L).astype(np.int64)
    pulses = np.diff(counter)
    held = np.maximum(pressure + rng.normal(0, 0.1, count), 0.0).round(2)
    return Town(
        _signal("flow", "L/s", pulses * PULSE_L / 60, PULSE_L / 60),
        _signal("pressure", "m", held),
        burst_lps,
        START_S + 60.0 * begin,
        START_S + 60.0 * end,
        holidays,
        pulses,
    )


def _signal(
    channel: str, unit: str, value: NDArray[np.floating[Any]], quantum: float = 0.0
) -> Signal:
    number = np.arange(len(value))
    time_s = (START_S + 60.0 * (number + 1.0)).astype(np.float64)
    return Signal(
        "n1", channel, unit, 60.0, time_s, value.astype(np.float64),
        np.full(len(value), GOOD, np.uint8), np.full(len(value), 7), number, quantum,
    )  # fmt: skip


def _demand(
    rng: np.random.Generator, days: int, night_lps: float
) -> tuple[Floats, tuple[date, ...]]:
    """L/s, one a minute, and the holidays that were in it."""
    weekend = (4, 5) if rng.random() < 0.2 else (5, 6)
    nights = {"working": 1.0, "first": rng.uniform(1.05, 1.6), "second": rng.uniform(1.0, 1.4),
              "holiday": rng.uniform(0.9, 1.5)}  # fmt: skip
    heights = {"working": 1.0, "first": rng.uniform(0.75, 1.1), "second": rng.uniform(0.8, 1.1),
               "holiday": rng.uniform(0.6, 1.0)}  # fmt: skip
    shapes = {
        "working": _shape([(5.8, 1.4, 11), (17.0, 2.2, 9), (11.5, 2.5, 3)]),
        "first": _shape([(7.4, 2.2, 9), (16.5, 2.6, 9), (11.5, 3.0, 5)]),
        "second": _shape([(8.0, 2.4, 9), (17.5, 2.6, 8), (12.0, 3.0, 5)]),
        "holiday": _shape([(8.5, 2.8, 7), (18.5, 3.0, 8), (12.0, 3.5, 5)]),
    }
    off = {int(d) for d in rng.integers(0, days, int(rng.integers(0, 3)))}
    leave, back = (0, 0)
    if rng.random() < 0.25:
        leave = int(rng.integers(3, days - 10))
        back = leave + int(rng.integers(5, 10))
        off |= set(range(leave, back))
    stays = rng.uniform(0.5, 0.85)
    phase, swing = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.25)
    parts = []
    for day in range(days):
        kind = {weekend[0]: "first", weekend[1]: "second"}.get(day % 7, "working")
        if day in off:
            kind = "holiday"
        people = stays if leave <= day < back else 1.0
        season = 1 + swing * np.sin(2 * np.pi * day / 365 + phase)
        shape = nights[kind] + heights[kind] * (shapes[kind] - 1)
        parts.append(night_lps * people * season * rng.normal(1.0, 0.04) * shape)
    joined = np.concatenate(parts)
    joined = np.convolve(np.pad(joined, 30, "edge"), np.full(61, 1 / 61), "valid")  # no midnight
    noise = _noise(rng, len(joined))
    holidays = tuple(FIRST_DAY + timedelta(days=d) for d in sorted(off))
    return np.maximum(joined * (1 + noise), 0.02), holidays


def _shape(peaks: list[tuple[float, float, float]]) -> Floats:
    """By the minute of a day: 1 in the depth of the night."""
    hour = np.arange(DAY) / 60
    awake = np.clip((hour - 3.4) / 1.6, 0, 1) * np.clip((23.8 - hour) / 1.6, 0, 1)
    total = 3.5 + sum(h * np.exp(-(((hour - at) / wide) ** 2)) for at, wide, h in peaks)
    return np.asarray(1 + awake * (total - 1))


def _noise(rng: np.random.Generator, count: int) -> Floats:
    keep = np.exp(-1 / 30)
    steps = rng.normal(0, 0.06 * np.sqrt(1 - keep**2), count)
    slow = np.empty(count)
    value = 0.0
    for i, step in enumerate(steps.tolist()):
        value = keep * value + step
        slow[i] = value
    return np.asarray(slow + rng.normal(0, 0.08, count))

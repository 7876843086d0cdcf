# SPDX-License-Identifier: MIT
"""Districts that never were, with all known about them: the truth that analytics are tried on.

Seeded. Demand has a morning and an afternoon peak, weekends, days that differ and noise that holds
for a while; leaks follow pressure; supply can fail, and roof tanks fill when it returns.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tirta.district.signal import GOOD, Signal

Floats = NDArray[np.float64]
START_S = 1_740_934_800.0  # 2025-03-03 00:00 in Jakarta, a Monday
DAY = 1440
PULSE_L = 10.0


@dataclass(frozen=True)
class Truth:
    """What was put in. Seconds are Unix time; `burst_lps` is 0 where there is no burst."""

    connections: int
    use_l_per_connection_h: float
    leak_lps: float
    burst_lps: float
    burst_start_s: float
    burst_end_s: float
    interrupted: tuple[tuple[int, int], ...]  # minutes
    total_pulses: int


@dataclass(frozen=True)
class District:
    """Flow in L/s from pulses of 10 L a minute, pressure in m."""

    truth: Truth
    flow: Signal
    pressure: Signal
    pulses: NDArray[np.int64] = field(repr=False)


def signal(
    channel: str, unit: str, value: Floats, quantum: float = 0.0, node: str = "n1"
) -> Signal:
    """A month of good records, one a minute."""
    count = len(value)
    number = np.arange(count, dtype=np.int64)
    time_s: Floats = START_S + 60.0 * np.arange(1.0, count + 1)
    return Signal(
        node, channel, unit, 60.0, time_s, np.asarray(value, dtype=float),
        np.full(count, GOOD, np.uint8), np.full(count, 7, np.int64), number, quantum,
    )  # fmt: skip


def district(
    seed: int, *, days: int = 30, burst_lps: float | None = None, interruptions: int | None = None
) -> District:
    """One district; what is None is drawn: a burst of 0.5 to 5 L/s, up to three interruptions."""
    rng = np.random.default_rng(seed)
    count = days * DAY
    connections = int(rng.integers(600, 2500))
    use = float(rng.uniform(1.2, 2.4))
    leak = float(rng.uniform(0.4, 2.0))
    size = float(rng.uniform(0.5, 5.0)) if burst_lps is None else burst_lps
    begin = int(rng.integers(12 * DAY, (days - 8) * DAY))
    end = begin + int(rng.integers(3 * DAY, 6 * DAY))
    off = _interruptions(rng, days, interruptions)
    demand = _demand(rng, days, connections, use)
    open_ = (np.arange(count) >= begin) & (np.arange(count) < end)
    supplied = np.ones(count)
    for first, last in off:
        supplied[first:last] = 0.0
        tank = np.arange(count) - last  # roof tanks and empty pipes fill for an hour or two
        demand = demand + np.where(
            tank >= 0, 0.8 * demand.mean() * np.exp(-np.maximum(tank, 0) / 60), 0
        )
    pressure = np.full(count, 30.0)
    for _ in range(5):  # leaks depend on pressure, pressure on flow
        leaking = (leak + size * open_) * np.sqrt(pressure / 28.0)
        flow = (demand + leaking) * supplied
        pressure = np.maximum(30.0 - 0.012 * (flow * 1000 / connections) ** 2 - 1.0, 1.0) * supplied
    pressure = np.maximum(pressure + rng.normal(0, 0.1, count), 0.0)
    litres = np.cumsum(flow * 60)
    counter = np.concatenate([[0], np.floor(litres / PULSE_L).astype(np.int64)])
    pulses: NDArray[np.int64] = counter[1:] - counter[:-1]
    truth = Truth(
        connections, use, leak, size, START_S + 60.0 * begin, START_S + 60.0 * end, off,
        int(pulses.sum()),
    )  # fmt: skip
    return District(
        truth,
        signal("flow", "L/s", pulses * PULSE_L / 60, PULSE_L / 60),
        signal("pressure", "m", np.round(pressure, 2)),
        pulses,
    )


def _interruptions(
    rng: np.random.Generator, days: int, wanted: int | None
) -> tuple[tuple[int, int], ...]:
    times = int(rng.integers(0, 4)) if wanted is None else wanted
    begins = np.sort(rng.integers(DAY, (days - 1) * DAY, times))
    return tuple((int(b), int(b + rng.integers(60, 480))) for b in begins)


def _demand(rng: np.random.Generator, days: int, connections: int, use_l_h: float) -> Floats:
    """L/s: the night's level is the legitimate night use, the day's about ten times that."""
    hour = np.arange(DAY) / 60

    def peak(at: float, width: float, height: float) -> Floats:
        return np.asarray(height * np.exp(-(((hour - at) / width) ** 2)))

    working = 3.5 + peak(5.8, 1.4, 11) + peak(17.0, 2.2, 9) + peak(11.5, 2.5, 3)
    weekend = 3.5 + peak(7.2, 2.0, 10) + peak(16.5, 2.6, 9) + peak(11.5, 3.0, 5)
    awake = np.clip((hour - 3.4) / 1.6, 0, 1) * np.clip((23.8 - hour) / 1.6, 0, 1)
    night = connections * use_l_h / 3600
    shape = np.concatenate(
        [1 + awake * ((weekend if day % 7 >= 5 else working) - 1) for day in range(days)]
    )
    level = np.repeat(rng.normal(1.0, 0.04, days), DAY)
    return np.asarray(night * np.maximum(shape * level * (1 + _noise(rng, days * DAY)), 0.3))


def _noise(rng: np.random.Generator, count: int) -> Floats:
    """Relative noise: a slow part that holds for half an hour, and a fast one."""
    slow = np.empty(count)
    value, keep = 0.0, np.exp(-1 / 30)
    steps = rng.normal(0, 0.06 * np.sqrt(1 - keep**2), count)
    for i in range(count):
        value = keep * value + steps[i]
        slow[i] = value
    return np.asarray(slow + rng.normal(0, 0.08, count))

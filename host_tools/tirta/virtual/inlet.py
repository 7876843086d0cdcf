# SPDX-License-Identifier: MIT
"""A district's inlet, invented: a week of demand, pressure and quality, the same for the same seed.

Demand has the shape of a town's day with a later start at weekends, and never stops: what flows at
three in the morning is leakage. Pressure falls with the flow squared, chlorine decays with the time
that water needs through the network. A burst adds a flow that starts at one moment and stays.
"""

import csv
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

LITRES_PER_PULSE = 10
_DAY_MIN = 1440
# Hour, share of the mean demand: night minimum, breakfast peak, noon, dinner peak.
_WEEKDAY = (
    (0, 0.45), (3, 0.3), (5, 0.7), (6.5, 1.75), (9, 1.15),
    (12, 1.2), (15, 0.9), (18.5, 1.6), (21, 1.0), (24, 0.45),
)  # fmt: skip
_WEEKEND = (
    (0, 0.5), (3.5, 0.32), (6, 0.6), (8.5, 1.6), (11, 1.35),
    (14, 1.1), (18.5, 1.5), (21.5, 1.0), (24, 0.5),
)  # fmt: skip
COLUMNS = (
    "minute", "pulses", "p_inlet_m", "p_critical_m", "ph", "turbidity_ntu",
    "conductivity_us_cm", "temperature_c", "chlorine_mg_l", "battery_v",
)  # fmt: skip


@dataclass(frozen=True)
class SimulatedBurst:
    """A pipe that bursts: in which minute, and how many L/s it takes from then on."""

    start_min: int
    flow_l_s: float


@dataclass(frozen=True)
class Inlet:
    """Water at the inlet of a zone, by the minute."""

    seed: int = 1
    mean_l_s: float = 6.0
    leakage_l_s: float = 1.2
    begin_min: int = 0  # of the week, whose minute 0 is Monday's midnight: when row 0 is
    burst: SimulatedBurst | None = None

    def rows(self, minutes: int) -> Iterator[tuple[float, ...]]:
        """Yield so many minutes, a row of values each, in the order of the scenario's columns."""
        chance = random.Random(self.seed)  # noqa: S311 - it shall repeat
        owed_l = 0.0
        drift = 0.0
        for minute in range(minutes):
            drift = 0.98 * drift + chance.gauss(0.0, 0.02)
            shape = self._shape(minute + self.begin_min)
            demand = self.mean_l_s * shape * (1 + drift) * chance.uniform(0.85, 1.15)
            burst = 0.0
            if self.burst and minute >= self.burst.start_min:
                burst = self.burst.flow_l_s
            flow = max(0.0, demand) + self.leakage_l_s + burst
            owed_l += flow * 60
            pulses = int(owed_l // LITRES_PER_PULSE)
            owed_l -= pulses * LITRES_PER_PULSE
            pressures = self._pressures(flow, burst, chance)
            yield (
                minute,
                pulses,
                *pressures,
                *self._quality(minute + self.begin_min, flow, chance),
            )

    def _shape(self, minute: int) -> float:
        weekend = minute // _DAY_MIN % 7 >= 5
        hour = minute % _DAY_MIN / 60
        points = _WEEKEND if weekend else _WEEKDAY
        for (h0, s0), (h1, s1) in pairwise(points):
            if hour <= h1:
                bend = (1 - math.cos(math.pi * (hour - h0) / (h1 - h0))) / 2
                return s0 + (s1 - s0) * bend
        return points[-1][1]

    def _pressures(self, flow: float, burst: float, chance: random.Random) -> tuple[float, float]:
        inlet = 52.0 - 0.02 * flow**2 + chance.gauss(0.0, 0.08)
        critical = inlet - 9.0 - 0.11 * flow**2 / (1 + flow / 20) - 0.6 * burst
        return round(inlet, 3), round(max(0.0, critical + chance.gauss(0.0, 0.1)), 3)

    def _quality(self, minute: int, flow: float, chance: random.Random) -> tuple[float, ...]:
        day = 2 * math.pi * minute / _DAY_MIN
        temperature = 26.5 + 1.2 * math.sin(day - 2.4) + chance.gauss(0.0, 0.03)
        age_h = 18.0 / (0.5 + flow)
        decay = 0.06 * 1.07 ** (temperature - 25)
        chlorine = 0.5 * math.exp(-decay * age_h) + chance.gauss(0, 0.005)
        return (
            round(7.35 + 0.08 * math.sin(day - 1.0) + chance.gauss(0.0, 0.01), 3),
            round(max(0.05, 0.35 + 0.03 * flow + chance.expovariate(40.0)), 3),
            round(285.0 + 12.0 * math.sin(day / 2) + chance.gauss(0.0, 0.8), 2),
            round(temperature, 4),
            round(max(0.0, chlorine), 4),
            round(12.9 + 0.5 * math.sin(day - 1.9) + chance.gauss(0.0, 0.01), 3),
        )


def write(path: Path, minutes: int, inlet: Inlet | None = None) -> int:
    """Write a scenario as CSV; the number of its pulses."""
    total = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for row in (inlet or Inlet()).rows(minutes):
            total += int(row[1])
            out.writerow(row)
    return total

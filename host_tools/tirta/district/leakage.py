# SPDX-License-Identifier: MIT
"""Leakage of a district, with the uncertainty of each step (GUM, JCGM 100:2008, k = 2).

Four causes, taken as independent; each is a standard uncertainty in L/s:
- *counting*: an hour's volume is the difference of two counter readings, each known to one pulse;
- *nights*: which seven nights it happened to be: a bootstrap of the percentile (Efron 1979);
- *meter*: its accuracy class, a rectangular distribution (5 % in the lower flow range of a class-2
  meter, ISO 4064-1, 2 % above it);
- *night use*: how well the legitimate night use is known: the district file says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tirta.district.signal import Floats
from tirta.water import definitions as d

COVERAGE = 2.0  # k: about 95 %
_DRAWS = 2000
_SEED = 20_240_501  # fixed: the same records give the same page


@dataclass(frozen=True)
class NightUse:
    """Legitimate night use. `relative_uncertainty` is a standard uncertainty, 0.3 for 30 %."""

    connections: int
    litres_per_connection_h: float
    named_users_lps: float = 0.0
    relative_uncertainty: float = 0.3

    @property
    def lps(self) -> float:
        """Legitimate night use, in L/s."""
        return self.connections * self.litres_per_connection_h / d.HOUR_S + self.named_users_lps


@dataclass(frozen=True)
class Leakage:
    """Night leakage in L/s with its range, and the volume of a day in m3."""

    night_lps: float
    low_lps: float
    high_lps: float
    causes_lps: dict[str, float]  # standard uncertainties
    hour_day: float  # hours of night leakage that a day is worth
    reported_lps: float
    use_lps: float

    @property
    def day_m3(self) -> float:
        """Leakage of a day, in m3."""
        return self.night_lps * self.hour_day * d.HOUR_S / 1000


def leakage(
    night_flows_lps: Sequence[float],
    use: NightUse,
    *,
    quantum_l: float = 0.0,
    meter_accuracy: float = 0.02,
    hour_day: float = 24.0,
) -> Leakage:
    """Work out leakage from the night flows that the reported figure stands on; at least one."""
    flows = np.asarray(night_flows_lps, dtype=np.float64)
    reported = float(np.percentile(flows, d.PERCENTILE))
    causes = {
        "counting": quantum_l / d.HOUR_S / math.sqrt(6),  # difference of two uniform phases
        "nights": _bootstrap(flows),
        "meter": reported * meter_accuracy / math.sqrt(3),
        "night_use": use.lps * use.relative_uncertainty,
    }
    spread = COVERAGE * math.sqrt(sum(u * u for u in causes.values()))
    estimate = reported - use.lps
    return Leakage(
        max(0.0, estimate), max(0.0, estimate - spread), max(0.0, estimate + spread),
        causes, hour_day, reported, use.lps,
    )  # fmt: skip


def _bootstrap(flows: Floats) -> float:
    """Standard deviation of the percentile over resampled nights."""
    if len(flows) < 2:
        return 0.0
    draws = np.random.default_rng(_SEED).choice(flows, (_DRAWS, len(flows)))
    return float(np.percentile(draws, d.PERCENTILE, axis=1).std(ddof=1))


def hour_day_factor(pressure_m: Floats, night_pressure_m: float, n1: float = d.N1) -> float:
    """Return the hours of night leakage in a day, from a day's or month's pressure; 24 without
    pressure.
    """
    known = pressure_m[~np.isnan(pressure_m)]
    if not len(known) or not night_pressure_m > 0:
        return 24.0
    return float(24 * np.mean((np.maximum(known, 0) / night_pressure_m) ** n1))

# SPDX-License-Identifier: MIT
"""Volumes through meters, and the water balance of a zone (`definitions`).

A balance adds only what all meters of the zone measured at the same time: the hours that one of
them missed are left out on every side and told as coverage.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tirta.district.signal import Floats, Signal, blocks
from tirta.water.definitions import HOUR_S


@dataclass(frozen=True)
class Volume:
    """What the records of a meter add up to; `seconds` is how long they cover."""

    m3: float
    seconds: float
    expected_s: float

    @property
    def coverage(self) -> float:
        """The share of the time that has a value, 0 to 1."""
        return self.seconds / self.expected_s if self.expected_s else 0.0


def volume(signal: Signal, start_s: float, end_s: float) -> Volume:
    """Integrate a volume of a flow signal (L/s) between two times: its records added, nothing
    filled in.
    """
    part = signal.cut(signal.between(start_s, end_s))
    values = part.valid()
    known = ~np.isnan(values)
    litres = float(np.nansum(values * part.step_s))
    return Volume(litres / 1000, float(part.step_s[known].sum()), end_s - start_s)


@dataclass(frozen=True)
class Balance:
    """m3 over the hours that all meters have. `own_m3` is what stayed in the zone."""

    in_m3: float
    passed_m3: float  # to zones below
    out_m3: float  # through outlets
    own_m3: float
    uncertainty_m3: float  # k = 2, from the meters' accuracy
    hours: int
    of_hours: int
    used: tuple[bool, ...]  # which hours

    @property
    def coverage(self) -> float:
        """The share of the hours that count, 0 to 1."""
        return self.hours / self.of_hours if self.of_hours else 0.0

    @property
    def impossible(self) -> bool:
        """More left than entered, beyond what the meters' accuracy explains."""
        return self.own_m3 < -self.uncertainty_m3


def balance(
    inlets: Sequence[Signal],
    below: Sequence[Signal],
    outlets: Sequence[Signal],
    start_s: float,
    end_s: float,
    meter_accuracy: float = 0.02,
) -> Balance:
    """Work out the balance of one zone between two times (whole hours are used), from flow signals
    in L/s.
    """
    hours = int((end_s - start_s) // HOUR_S)
    groups = [
        [blocks(s, start_s, HOUR_S, hours) * HOUR_S / 1000 for s in group]
        for group in (inlets, below, outlets)
    ]
    everything: list[Floats] = [m3 for group in groups for m3 in group]
    used = np.ones(hours, dtype=bool)
    for m3 in everything:
        used &= ~np.isnan(m3)
    totals = [[float(m3[used].sum()) for m3 in group] for group in groups]
    entered, passed, left = (math.fsum(t) for t in totals)
    errors = (meter_accuracy / math.sqrt(3) * m3 for group in totals for m3 in group)
    return Balance(
        entered, passed, left, entered - passed - left,
        2 * math.sqrt(sum(e * e for e in errors)), int(used.sum()), hours, tuple(used.tolist()),
    )  # fmt: skip

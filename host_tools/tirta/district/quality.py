# SPDX-License-Identifier: MIT
"""Quality against limits: how often within, how far outside, and when (`definitions`)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tirta.district.signal import FAIL, MISSING, SUSPECT, Bools, Floats, Signal
from tirta.water.limits import Limit

_JOIN_S = 3600  # two times outside with less than this between them are one event


@dataclass(frozen=True)
class Exceedance:
    """A time outside the limit; `worst` is the value farthest outside. `rows` are its records."""

    start_s: float
    end_s: float
    worst: float
    rows: slice


@dataclass(frozen=True)
class Compliance:
    """One parameter of one node against one limit. `share` is NaN where nothing was valid."""

    limit: Limit
    valid: int
    within: int
    doubted: int  # flags 3 and 4
    missing: int  # flag 9
    median: float
    low: float
    high: float
    events: tuple[Exceedance, ...]
    outside: Bools  # which records were

    @property
    def share(self) -> float:
        """The share of valid values within the limit, 0 to 1; NaN without any."""
        return self.within / self.valid if self.valid else float("nan")


def compliance(signal: Signal, limit: Limit, beside: Signal | None = None) -> Compliance | None:
    """Judge a signal; a relative limit needs the channel `beside`, else there is no verdict."""
    values = signal.valid()
    if limit.relative_to:
        if beside is None or not len(beside):
            return None
        values = values - _at(beside, signal)
    known = ~np.isnan(values)
    kept = limit.kept(values)
    measured = values[known] if known.any() else np.array([np.nan])
    return Compliance(
        limit=limit,
        valid=int(known.sum()),
        within=int(kept.sum()),
        doubted=int(np.isin(signal.flag, (SUSPECT, FAIL)).sum()),
        missing=int((signal.flag == MISSING).sum()),
        median=float(np.median(measured)),
        low=float(measured.min()),
        high=float(measured.max()),
        events=_events(signal, values, known & ~kept, limit),
        outside=known & ~kept,
    )


def _at(beside: Signal, signal: Signal) -> Floats:
    """The value of another signal at the same instants; NaN where it has none in that interval."""
    at = np.searchsorted(beside.time_s, signal.time_s)
    at = np.clip(at, 0, len(beside) - 1)
    near = np.abs(beside.time_s[at] - signal.time_s) <= beside.step_s[at]
    return np.where(near, beside.valid()[at], np.nan)


def _events(signal: Signal, values: Floats, outside: Bools, limit: Limit) -> tuple[Exceedance, ...]:
    rows = np.flatnonzero(outside)
    if not len(rows):
        return ()
    cuts = np.flatnonzero(np.diff(signal.time_s[rows]) > _JOIN_S) + 1
    found = []
    for part in np.split(rows, cuts):
        first, last = int(part[0]), int(part[-1])
        start_s = float(signal.time_s[first] - signal.step_s[first])
        end_s = float(signal.time_s[last])
        found.append(
            Exceedance(start_s, end_s, _worst(values[part], limit), slice(first, last + 1))
        )
    return tuple(found)


def _worst(values: Floats, limit: Limit) -> float:
    low = limit.low - values.min() if limit.low is not None else -np.inf
    high = values.max() - limit.high if limit.high is not None else -np.inf
    return float(values.min() if low > high else values.max())


def judge(
    signal: Signal, limits: Sequence[Limit], beside: Signal | None = None
) -> list[Compliance]:
    """Judge a signal against each limit that fits, the deciding one first."""
    found = (compliance(signal, limit, beside) for limit in limits)
    return [one for one in found if one is not None]

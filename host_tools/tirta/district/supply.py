# SPDX-License-Identifier: MIT
"""Was there water, did it run backwards, and is the data there: per day and as events."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tirta.district.signal import MISSING, Bools, Signal
from tirta.water.definitions import BACKFLOW_S, HOUR_S


@dataclass(frozen=True)
class Spell:
    """A time with a figure: the mean of what it is about. `rows` are its records."""

    start_s: float
    end_s: float
    value: float
    rows: slice


@dataclass(frozen=True)
class TimeGap:
    """No record of the channel ends in (start, end)."""

    start_s: float
    end_s: float


def spans(signal: Signal, which: Bools, least_s: float) -> list[Spell]:
    """Find runs of consecutive chosen records that last `least_s` or longer."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], which.astype(np.int8), [0]])))
    found = []
    for first, beyond in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        start_s = float(signal.time_s[first] - signal.step_s[first])
        end_s = float(signal.time_s[beyond - 1])
        if end_s - start_s >= least_s:
            mean = float(np.nanmean(signal.value[first:beyond]))
            found.append(Spell(start_s, end_s, mean, slice(first, beyond)))
    return found


def backflow(flow: Signal, reverse: Sequence[Signal] = ()) -> list[tuple[Signal, Spell]]:
    """Find when water ran backwards: flow below zero, or pulses of a reverse channel (both L/s)."""
    found = [(flow, s) for s in spans(flow, flow.valid() < 0, BACKFLOW_S)]
    for other in reverse:
        found += [(other, s) for s in spans(other, other.valid() > 0, BACKFLOW_S)]
    return found


def outages(pressure: Signal, least_m: float, least_s: float = HOUR_S / 2) -> list[Spell]:
    """Find the times without supply: pressure (m) below the least for half an hour or longer."""
    return spans(pressure, pressure.valid() < least_m, least_s)


def holes(signal: Signal, start_s: float, end_s: float) -> list[TimeGap]:
    """Find where records are missing between two times; a stretch of one interval is enough.

    The interval is that of the record behind the stretch; behind the last record, its own.
    """
    rows = signal.between(start_s, end_s)
    at, step_s = signal.time_s[rows], signal.step_s[rows]
    last_s = step_s[-1:] if len(step_s) else np.array([signal.interval_s])
    ends = np.concatenate([[start_s], at, [end_s]])
    due_s = np.concatenate([step_s, last_s])
    wide = np.flatnonzero(np.diff(ends) > 1.5 * due_s)
    # Behind a hole a record ends, so the hole itself ends one interval before it.
    begins = np.concatenate([at - step_s, [end_s]])
    return [TimeGap(float(ends[i]), float(begins[i])) for i in wide.tolist()]


def completeness(signal: Signal, edges_s: Sequence[float]) -> list[float]:
    """Return the share of the time with a value, for each of the spans between the edges."""
    found = []
    for start_s, end_s in pairwise(edges_s):
        rows = signal.between(start_s, end_s)
        there_s = float(signal.step_s[rows][signal.flag[rows] != MISSING].sum())
        found.append(min(1.0, there_s / max(end_s - start_s, signal.interval_s)))
    return found

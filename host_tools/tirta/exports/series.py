# SPDX-License-Identifier: MIT
"""Channels over time, ready to draw: numpy arrays in engineering units, with gaps where nothing is.

A *series* has NaN wherever a value is missing or an interval has no record, so that no line is ever
drawn over what was not measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tirta.log.dating import UNSET, date
from tirta.log.decode import Batch, Log
from tirta.water import columns, engineering, lab_calibrations, quantities
from tirta.water.lab_calibrations import Calibration

Floats = NDArray[np.float64]
_GAP = 1.5  # intervals between two records beyond which the line breaks
_SUSPECT = 3
_MISSING = 9


@dataclass(frozen=True)
class Series:
    """One channel. `x` is Unix seconds, or seconds of uptime when `dated` is False."""

    channel: str
    unit: str
    sensor: str
    quantity: str
    dated: bool
    interval_s: float
    x: Floats
    y: Floats
    doubtful: NDArray[np.bool_]  # flags 3 and 4: measured, but not to be trusted


def of_log(log: Log, known: Sequence[Calibration] = ()) -> list[Series]:
    """Every channel of a log, in the order of its newest config; `known` are the laboratory's."""
    newest = columns.of(log.batches[-1].config) if log.batches else []
    return [_series(log, column, known) for column in newest]


def _series(log: Log, column: columns.Column, found: Sequence[Calibration]) -> Series:
    newest = engineering.of_column(column)
    parts = [
        p for batch in log.batches if (p := _part(log, batch, column.name, newest.unit, found))
    ]
    dated = any(bool(part.known.any()) for part in parts)
    x = np.concatenate([p.unix_s if dated else p.uptime_s for p in parts])
    y, step_s = (np.concatenate([getattr(p, name) for p in parts]) for name in ("y", "step_s"))
    doubtful = np.concatenate([p.doubtful for p in parts])
    if dated:
        known = np.concatenate([p.known for p in parts])
        x, y, doubtful, step_s = x[known], y[known], doubtful[known], step_s[known]
    order = np.argsort(x, kind="stable")
    x, y, doubtful = _break_lines(x[order], y[order], doubtful[order], step_s[order])
    about = column.name, newest.unit, column.sensor, quantities.of(column)
    return Series(*about, dated, newest.step_s, x, y, doubtful)


@dataclass(frozen=True)
class _Part:
    """A channel's values under one config; shapes [records]."""

    unix_s: Floats
    uptime_s: Floats
    y: Floats
    doubtful: NDArray[np.bool_]
    known: NDArray[np.bool_]  # dated
    step_s: Floats


def _part(
    log: Log, batch: Batch, name: str, unit: str, known: Sequence[Calibration]
) -> _Part | None:
    """By the batch's own config; None where that does not measure it in this kind of unit."""
    found = {c.name: (i, c) for i, c in enumerate(columns.of(batch.config))}
    if name not in found:
        return None
    at, column = found[name]
    meaning = engineering.of_column(column)
    if meaning.unit != unit:
        return None
    due = column.due(batch.slot) | (batch.flags[:, at] != _MISSING)
    flags = batch.flags[due, at]
    uptime_ms = batch.uptime_ms[due]
    unix_ms, quality = date(batch.boot[due], uptime_ms, log.anchors, log.page_anchors)
    at_ms = np.where(quality == UNSET, 0, unix_ms).astype(np.int64)
    y = lab_calibrations.apply(batch.values[due, at], column, at_ms, known) * meaning.factor
    y = np.where(flags == _MISSING, np.nan, y)
    doubtful = (flags >= _SUSPECT) & (flags != _MISSING)
    step_s = np.full(len(y), meaning.step_s)
    return _Part(unix_ms / 1000, uptime_ms / 1000, y, doubtful, quality != UNSET, step_s)


def _break_lines(
    x: Floats, y: Floats, doubtful: NDArray[np.bool_], step_s: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    gaps = np.flatnonzero(np.diff(x) > _GAP * step_s[1:]) + 1
    return (
        np.insert(x, gaps, x[gaps] - step_s[gaps]),
        np.insert(y, gaps, np.nan),
        np.insert(doubtful, gaps, False),
    )


def mean_of(series: Series, seconds: float) -> Floats:
    """A centred moving mean over complete windows; NaN where anything in the window is missing."""
    width = max(1, round(seconds / series.interval_s)) | 1
    if len(series.y) < width:
        return np.full(len(series.y), np.nan)
    mean = np.convolve(series.y, np.full(width, 1 / width), mode="valid")
    edge = np.full(width // 2, np.nan)
    return np.concatenate([edge, mean, edge])


def panels(series: Iterable[Series]) -> dict[tuple[str, str], list[Series]]:
    """Series by quantity and unit, in order: what shares both shares an axis."""
    grouped: dict[tuple[str, str], list[Series]] = {}
    for one in series:
        grouped.setdefault((one.quantity, one.unit), []).append(one)
    return grouped

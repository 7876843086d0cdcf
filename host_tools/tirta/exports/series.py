# SPDX-License-Identifier: MIT
"""Channels over time, ready to draw: numpy arrays in engineering units, with gaps where nothing is.

A *series* has NaN wherever a value is missing or an interval has no record, so that no line is ever
drawn over what was not measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tirta.tables import facts, layout
from tirta.tables.facts import PageFacts
from tirta.tables.layout import Shelf
from tirta.water import engineering
from tirta_format.record import MISSING, SUSPECT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_GAP = 1.5  # intervals between two records beyond which the line breaks
_FIELDS = pa.schema(
    [
        ("time_utc", layout.TIME),
        ("number", pa.int64()),
        ("value", pa.float64()),
        ("flag", pa.int8()),
        ("config", pa.string()),
    ]
)


@dataclass(frozen=True)
class Series:
    """One channel. `x` is Unix seconds, or seconds of uptime when `dated` is False; `number` is
    that of each record.
    """

    channel: str
    unit: str
    sensor: str
    quantity: str
    dated: bool
    interval_s: float
    x: Floats
    y: Floats
    doubtful: NDArray[np.bool_]  # flags 3 and 4: measured, but not to be trusted
    number: Ints

    def span(self, first: int, last: int) -> tuple[float, float] | None:
        """Return when records `first` to `last` were taken, begin and end in the unit of `x`: by
        those that are here, or else by their neighbours; None beyond either end.
        """
        inside = self.x[(self.number >= first) & (self.number <= last) & np.isfinite(self.y)]
        if len(inside):
            return float(inside.min()) - self.interval_s, float(inside.max())
        before, after = self.x[self.number < first], self.x[self.number > last]
        return (float(before.max()), float(after.min())) if len(before) and len(after) else None


@dataclass(frozen=True)
class Measured:
    """What one node's epoch has: the node's own name, how many records, and its channels."""

    name: str
    records: int
    series: list[Series]


def of_epoch(shelf: Shelf) -> Measured:
    """Read every channel of one node's epoch from its tables, in the order of its newest config.

    Records under an older config count where that measures the channel in the same kind of unit.
    Records without a time are left out where others have one.
    """
    pages = layout.read(shelf.table(layout.PAGES), layout.PAGE_SCHEMA)
    channels = layout.read(shelf.table(layout.CHANNELS), layout.CHANNEL_SCHEMA)
    known = {} if pages is None else facts.from_table(pages)
    filled = [one for one in known.values() if one.records and one.interval_ms]
    if channels is None or not filled:
        return Measured("", 0, [])
    told = {(row["config"], row["channel"]): row for row in channels.to_pylist()}
    newest = max(filled, key=lambda one: one.page).config
    uptime_s = _Uptime(filled)
    mine = [row for (config, _), row in told.items() if config == newest]
    found = [
        _series(shelf, row, {c: r for (c, n), r in told.items() if n == row["channel"]}, uptime_s)
        for row in mine
    ]
    name = mine[0]["node_name"] if mine else ""
    return Measured(name, sum(one.records for one in filled), found)


def _series(
    shelf: Shelf, newest: dict[str, Any], by_config: dict[str, dict[str, Any]], uptime_s: "_Uptime"
) -> Series:
    """`by_config` are the rows of the table of channels that are about this channel."""
    meaning = engineering.of_row(newest)
    of = {config: engineering.of_row(row) for config, row in by_config.items()}
    same = [config for config, one in of.items() if one.unit == meaning.unit]
    found = _read(shelf, newest["channel"], same)
    number = found.column("number").to_numpy()
    times = found.column("time_utc").cast(pa.int64())
    dated = times.null_count < len(times)
    x = times.to_numpy(zero_copy_only=False) / 1e6 if dated else uptime_s.of(number)
    configs, at = np.unique(found.column("config").to_numpy(), return_inverse=True)
    factor, step_s = (
        np.array([getattr(of[config], name) for config in configs], np.float64)[at]
        for name in ("factor", "step_s")
    )
    y = found.column("value").to_numpy(zero_copy_only=False) * factor
    flags = found.column("flag").to_numpy()
    doubtful = (flags >= SUSPECT) & (flags != MISSING)
    order = np.argsort(x, kind="stable")
    order = order[np.isfinite(x[order])]
    number = number[order]
    x, y, doubtful, number = _break_lines(
        x[order], y[order], doubtful[order], number, step_s[order]
    )
    about = newest["channel"], meaning.unit, newest["sensor"], newest["quantity"]
    return Series(*about, dated, meaning.step_s, x, y, doubtful, number)


def _read(shelf: Shelf, channel: str, configs: list[str]) -> pa.Table:
    """The channel's records under these configs, all months of the epoch."""
    wanted = [("channel", "==", channel), ("config", "in", configs)]
    names = [field.name for field in _FIELDS]
    tables = [
        pq.read_table(path, columns=names, filters=wanted, partitioning=None)
        for path in shelf.months().values()
    ]
    return pa.concat_tables([_FIELDS.empty_table(), *(t.cast(_FIELDS) for t in tables)])


class _Uptime:
    """Seconds since its boot began at which each record of an epoch was taken."""

    def __init__(self, pages: list[PageFacts]) -> None:
        rows = sorted((s.number, s.slot, one.interval_ms) for one in pages for s in one.stretches)
        self._number, self._slot, self._interval_ms = np.array(rows, np.int64).T

    def of(self, number: Ints) -> Floats:
        """Return the times of records, by their numbers."""
        at = np.searchsorted(self._number, number, "right") - 1
        slot = self._slot[at] + number - self._number[at]
        found: Floats = (slot + 1) * self._interval_ms[at] / 1000
        return found


def _break_lines(
    x: Floats, y: Floats, doubtful: NDArray[np.bool_], number: Ints, step_s: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_], Ints]:
    gaps = np.flatnonzero(np.diff(x) > _GAP * step_s[1:]) + 1
    return (
        np.insert(x, gaps, x[gaps] - step_s[gaps]),
        np.insert(y, gaps, np.nan),
        np.insert(doubtful, gaps, False),
        np.insert(number, gaps, number[gaps]),
    )


def mean_of(series: Series, seconds: float) -> Floats:
    """Compute a centred moving mean over complete windows; NaN where anything in the window is
    missing.
    """
    width = max(1, round(seconds / series.interval_s)) | 1
    if len(series.y) < width:
        return np.full(len(series.y), np.nan)
    mean = np.convolve(series.y, np.full(width, 1 / width), mode="valid")
    edge = np.full(width // 2, np.nan)
    return np.concatenate([edge, mean, edge])


def panels(series: Iterable[Series]) -> dict[tuple[str, str], list[Series]]:
    """Group series by quantity and unit, in order: what shares both shares an axis."""
    grouped: dict[tuple[str, str], list[Series]] = {}
    for one in series:
        grouped.setdefault((one.quantity, one.unit), []).append(one)
    return grouped

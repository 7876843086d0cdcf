# SPDX-License-Identifier: MIT
"""Records as people read them: one row a record, one column a channel, flow as flow.

Words: a *column* is a channel in one unit (a channel whose unit was changed has two); a *block* is
what a node has in a month, in the order of time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tirta.exports.selection import Selection
from tirta.tables import layout
from tirta.water import engineering

_MISSING = 9
_HOUR_US = 3_600_000_000
_NO_TIME = np.iinfo(np.int64).min
_SAME = ("channel", "unit", "config")
ColumnKey = tuple[str, str]  # channel, unit
ChannelRows = dict[
    tuple[str, str, str], dict[str, Any]
]  # the channels table by node, config, channel


@dataclass(frozen=True)
class WideColumn:
    """A channel in a unit."""

    channel: str
    unit: str

    @property
    def title(self) -> str:
        """What stands over the column: `flow (L/s)`."""
        return f"{self.channel} ({self.unit})" if self.unit else self.channel


@dataclass(frozen=True)
class Block:
    """A node's records of a month: n rows, c columns.

    `time_us` is Unix time in microseconds, n values, the smallest there is where nobody knows it;
    `values` is n x c, NaN where nothing is; `flags` is n x c, QARTOD, and means something only
    where `there` says that the record has this column.
    """

    time_us: NDArray[np.int64]
    quality: list[str]
    epoch: NDArray[np.int64]
    number: NDArray[np.int64]
    values: NDArray[np.float64]
    flags: NDArray[np.int8]
    there: NDArray[np.bool_]


@dataclass(frozen=True)
class Sheet:
    """All of a node that is wanted: its columns, known beforehand, and its blocks as they come."""

    node: str
    name: str
    columns: list[WideColumn]
    blocks: Iterator[Block]


def sheets(archive: Path, selection: Selection) -> list[Sheet]:
    """Prepare each node's sheet; a block is in memory at a time."""
    told = _told(archive)
    found = []
    for node, files in groupby(selection.files(archive), key=lambda file: file[0]):
        months = [(month, path) for _, month, path in files]
        columns = _columns(node, [path for _, path in months], selection, told)
        if columns:
            name = next((row["node_name"] for key, row in told.items() if key[0] == node), "")
            blocks = _blocks(node, months, columns, selection, told)
            found.append(Sheet(node, name or "", columns, blocks))
    return found


def _told(archive: Path) -> ChannelRows:
    """What the configs say of each channel."""
    return {
        (path.parent.name.partition("=")[2], row["config"], row["channel"]): row
        for path in sorted((archive / layout.CHANNELS).glob("node=*/*.parquet"))
        for row in pq.read_table(path, partitioning=None).to_pylist()
    }


def unix_us(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return the times of a table in microseconds; the smallest there is where nobody knows."""
    found: NDArray[np.int64] = column.cast(pa.int64()).fill_null(_NO_TIME).to_numpy()
    return found


def local_us(time_us: NDArray[np.int64], zone: tzinfo | None) -> NDArray[np.int64]:
    """Return the wall-clock times of a zone, as microseconds since 1970 there; of this computer's
    for None.
    """
    known = time_us != _NO_TIME
    hours, at = np.unique(time_us[known] // _HOUR_US, return_inverse=True)
    ahead = [
        datetime.fromtimestamp(int(hour) * 3600, UTC).astimezone(zone).utcoffset() for hour in hours
    ]
    offsets = np.array([round(o.total_seconds() * 1e6) for o in ahead if o is not None], np.int64)
    found = time_us.copy()
    if len(hours):
        found[known] += offsets[at]
    return found


def stamps(time_us: NDArray[np.int64]) -> list[datetime | None]:
    """Return times as those of Python, without a zone; None where nobody knows."""
    known = np.where(time_us == _NO_TIME, 0, time_us).astype("datetime64[us]").tolist()
    return [t if u != _NO_TIME else None for t, u in zip(known, time_us.tolist(), strict=True)]


def _columns(
    node: str, paths: list[Path], selection: Selection, told: ChannelRows
) -> list[WideColumn]:
    """The node's columns in the order of its newest config."""
    place: dict[ColumnKey, int] = {}
    for path in paths:
        for table in selection.tables(path, node):
            for (channel, unit, config), _ in _alike(table):
                known = told.get((node, config, channel), {})
                place[channel, _as_flow(known, unit)[1]] = int(known.get("position") or 0)
    return [WideColumn(*key) for key in sorted(place, key=lambda key: (place[key], key))]


def _as_flow(told: dict[str, Any], unit: str) -> tuple[float, str]:
    """What makes values of a channel flow, and their unit then; all others stay as they are."""
    meaning = engineering.of_row(told, unit)
    return (meaning.factor, meaning.unit) if meaning.quantity == "flow" else (1.0, unit)


def _blocks(
    node: str,
    months: list[tuple[str, Path]],
    columns: list[WideColumn],
    selection: Selection,
    told: ChannelRows,
) -> Iterator[Block]:
    for _, files in groupby(months, key=lambda file: file[0]):
        tables = [t for _, path in files for t in selection.tables(path, node)]
        if tables:
            yield _block(node, tables, columns, told)


def _block(
    node: str,
    tables: list[pa.Table],
    columns: list[WideColumn],
    told: ChannelRows,
) -> Block:
    place = {(c.channel, c.unit): i for i, c in enumerate(columns)}
    whole = pa.concat_tables(tables)
    epochs = whole.column("epoch").to_numpy().astype(np.uint64)
    keys = (epochs << np.uint64(32)) | whole.column("number").to_numpy().astype(np.uint64)
    times = unix_us(whole.column("time_utc"))
    names, first = np.unique(keys, return_index=True)
    order = np.lexsort((names, times[first]))
    row_of = np.empty(len(names), np.int64)
    row_of[order] = np.arange(len(names))
    shape = (len(names), len(columns))
    values, flags = np.full(shape, np.nan), np.full(shape, _MISSING, np.int8)
    there = np.zeros(shape, np.bool_)
    begin = 0
    for table in tables:
        rows = row_of[np.searchsorted(names, keys[begin : begin + len(table)])]
        begin += len(table)
        for (channel, unit, config), part in _alike(table):
            factor, shown = _as_flow(told.get((node, config, channel), {}), unit)
            at = place[channel, shown]
            found = table.column("value").to_numpy().astype(np.float64)[part]
            values[rows[part], at] = found * factor
            flags[rows[part], at] = table.column("flag").to_numpy()[part]
            there[rows[part], at] = True
    first = first[order]
    return Block(
        times[first],
        whole.column("time_quality").take(pa.array(first)).to_pylist(),
        epochs[first].astype(np.int64),
        (names[order] & np.uint64(0xFFFFFFFF)).astype(np.int64),
        values,
        flags,
        there,
    )


def _alike(table: pa.Table) -> Iterator[tuple[tuple[str, str, str], NDArray[np.int64]]]:
    """Rows of a table with the same channel, unit and config."""
    joint = np.zeros(len(table), np.int64)
    words = []
    for name in _SAME:
        column = table.column(name).fill_null("").combine_chunks().dictionary_encode()
        words.append(column.dictionary.to_pylist())
        joint = joint * len(words[-1]) + column.indices.to_numpy()
    for code in np.unique(joint):
        rest, config = divmod(int(code), len(words[2]))
        channel, unit = divmod(rest, len(words[1]))
        yield (words[0][channel], words[1][unit], words[2][config]), np.flatnonzero(joint == code)

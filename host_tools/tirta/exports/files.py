# SPDX-License-Identifier: MIT
"""Records as one file: CSV that no spreadsheet runs, long or wide, or Parquet."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tirta.exports import wide
from tirta.exports.cells import iso, number, text
from tirta.exports.selection import SCHEMA
from tirta.exports.style import Style

_TEXTS = ("time_quality", "node", "channel", "unit")
_PLAIN = Style()
_MARK = b"\xef\xbb\xbf"
CSV_BEGINS = (b"time_utc", b"time_local", _MARK + b"time_utc", _MARK + b"time_local")


def write_csv(path: Path, tables: Iterable[pa.Table], style: Style = _PLAIN) -> int:
    """Write one row a value, and return the number of rows; missing values and unknown times are
    empty.
    """
    rows = 0
    titles = [style.time_title, *SCHEMA.names[1:]]
    with _csv(path, style) as writer:
        writer.writerow(titles)
        for table in tables:
            columns = {name: table.column(name).to_pylist() for name in SCHEMA.names}
            columns["time_utc"] = _times(table.column("time_utc"), style)
            columns["value"] = [
                "" if v is None else style.number(number(v)) for v in columns["value"]
            ]
            for name in _TEXTS:
                columns[name] = [text(value) for value in columns[name]]
            writer.writerows(zip(*columns.values(), strict=True))
            rows += len(table)
    return rows


def write_wide_csv(path: Path, sheets: list[wide.Sheet], style: Style) -> int:
    """Write one row a record, and return the number of rows: a column a channel and one for its
    flag.

    Nodes are below each other, and each has the columns of all; what a node has not is empty.
    """
    columns = list(dict.fromkeys(c for sheet in sheets for c in sheet.columns))
    rows = 0
    with _csv(path, style) as writer:
        titles = [t for c in columns for t in (text(c.title), text(f"{c.channel} flag"))]
        writer.writerow([style.time_title, "time_quality", "node", "epoch", "number", *titles])
        for sheet in sheets:
            place = [sheet.columns.index(c) if c in sheet.columns else None for c in columns]
            for block in sheet.blocks:
                writer.writerows(_wide_rows(sheet.node, block, place, style))
                rows += len(block.number)
    return rows


@contextmanager
def _csv(path: Path, style: Style) -> Iterator[Any]:
    """A writer of rows. What Excel reads with signs of its own begins with a byte order mark."""
    encoding = "utf-8" if style == _PLAIN else "utf-8-sig"
    with path.open("w", newline="", encoding=encoding) as file:
        yield csv.writer(file, delimiter=style.separator, lineterminator="\n")


def _times(column: pa.ChunkedArray, style: Style) -> list[str]:
    if not style.local_time:
        return ["" if t is None else iso(t) for t in column.to_pylist()]
    return [_local(t) for t in wide.stamps(wide.local_us(wide.unix_us(column), style.zone))]


def _local(time: datetime | None) -> str:
    """As spreadsheets read a time: to the second, with more only where there is more."""
    return "" if time is None else time.isoformat(" ", "auto")


def _wide_rows(
    node: str, block: wide.Block, place: list[int | None], style: Style
) -> Iterator[list[object]]:
    if style.local_time:
        times = [_local(t) for t in wide.stamps(wide.local_us(block.time_us, style.zone))]
    else:
        times = ["" if t is None else iso(t) for t in wide.stamps(block.time_us)]
    for i, time in enumerate(times):
        row: list[object] = [
            time, block.quality[i], text(node), int(block.epoch[i]), int(block.number[i])
        ]  # fmt: skip
        for at in place:
            value = float("nan") if at is None else block.values[i, at]
            flag = "" if at is None or not block.there[i, at] else int(block.flags[i, at])
            row += [style.number(number(float(f"{value:.9g}"))), flag]
        yield row


def write_parquet(path: Path, tables: Iterable[pa.Table]) -> int:
    """Write tables with the columns of SCHEMA, and return the number of rows."""
    rows = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            rows += len(table)
    return rows

# SPDX-License-Identifier: MIT
"""The archive in files that other programs read: CSV and Parquet, written whole or not at all."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tirta import atomic
from tirta.archive import Archive
from tirta.decode import decode_run
from tirta.errors import TirtaError
from tirta.table import SCHEMA, tables

_ROW_GROUP = 128  # pages in one row group of Parquet: some 10^5 rows


def export(archive: Path, to: str, out: Path | None = None) -> Path:
    """Write all records of an archive as `to` (csv or parquet); return the file."""
    if to not in WRITERS:
        raise TirtaError(f"There is no export to {to!r}.", f"Choose one of: {', '.join(WRITERS)}.")
    runs = Archive(archive).must_have_runs()
    path = out or archive / f"records.{to}"
    rows = (table for run in runs for table in tables(decode_run(run)))
    with atomic.replacing(path) as temporary:
        try:
            WRITERS[to](temporary, rows)
        except pa.ArrowException as error:
            raise OSError(0, str(error)) from error
    return path


def _write_csv(path: Path, rows: Iterator[pa.Table]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SCHEMA.names)
        for table in rows:
            columns = [table.column(name).to_pylist() for name in SCHEMA.names]
            columns[0] = [_iso(time) for time in columns[0]]
            columns[6] = [_number(value) for value in columns[6]]
            writer.writerows(zip(*columns, strict=True))


def _write_parquet(path: Path, rows: Iterator[pa.Table]) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        held: list[pa.Table] = []
        for table in rows:
            held.append(table)
            if len(held) == _ROW_GROUP:
                writer.write_table(pa.concat_tables(held))
                held = []
        if held:
            writer.write_table(pa.concat_tables(held))


WRITERS: dict[str, Callable[[Path, Iterator[pa.Table]], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def _iso(time: Any) -> str:
    if time is None:
        return ""
    text: str = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{time.microsecond // 1000:03d}Z"


def _number(value: float | None) -> str:
    """Shortest text that reads back as the same number; whole numbers without a point."""
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else repr(value)

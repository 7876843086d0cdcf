# SPDX-License-Identifier: MIT
"""Records as one file: CSV that no spreadsheet runs, or Parquet."""

import csv
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tirta.cells import iso, number, text
from tirta.exports.selection import SCHEMA

_TEXTS = ("time_quality", "node", "channel", "unit")


CSV_BEGINS = f"{SCHEMA.names[0]},".encode()


def write_csv(path: Path, tables: Iterable[pa.Table]) -> int:
    """The number of rows; missing values and unknown times are empty."""
    rows = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SCHEMA.names)
        for table in tables:
            columns = {name: table.column(name).to_pylist() for name in SCHEMA.names}
            columns["time_utc"] = ["" if t is None else iso(t) for t in columns["time_utc"]]
            columns["value"] = ["" if v is None else number(v) for v in columns["value"]]
            for name in _TEXTS:
                columns[name] = [text(value) for value in columns[name]]
            writer.writerows(zip(*columns.values(), strict=True))
            rows += len(table)
    return rows


def write_parquet(path: Path, tables: Iterable[pa.Table]) -> int:
    """The number of rows."""
    rows = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            rows += len(table)
    return rows

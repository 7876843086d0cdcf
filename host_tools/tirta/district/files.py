# SPDX-License-Identifier: MIT
"""Parquet files of an archive, read a channel at a time; a damaged one is said to be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tirta.district.signal import Ints
from tirta.errors import TirtaError
from tirta.tables import layout
from tirta.text import clean

_COLUMNS = ["time_utc", "time_quality", "epoch", "number", "channel", "value", "unit", "flag"]
_TEXTS = ["time_quality", "channel", "unit", "config"]


def _damaged(path: Path, error: Exception) -> TirtaError:
    return TirtaError(
        f"{path} is damaged: {clean(error, 200).rstrip('.')}.",
        "The pages beside it are the evidence; make the tables again: `tirta archive check DIR"
        " --rebuild`.",
    )


def open_table(path: Path, texts: list[str] | None = None) -> pq.ParquetFile:
    """Open a file, with these columns as dictionaries.

    Raises TirtaError where it is damaged, or of another version of tirta.
    """
    layout.must_be_known(path)
    try:
        return pq.ParquetFile(path, read_dictionary=texts)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def rows(path: Path) -> list[dict[str, Any]]:
    """Read a small table, whole. Raises TirtaError where it is damaged."""
    try:
        found: list[dict[str, Any]] = open_table(path).read().to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    return found


def row_groups(path: Path) -> Iterator[pa.Table]:
    """Yield a month of records, a channel at a time. Raises TirtaError where it is damaged."""
    file = open_table(path, _TEXTS)
    columns = [name for name in (*_COLUMNS, "config") if name in file.schema_arrow.names]
    for group in range(file.num_row_groups):
        try:
            yield file.read_row_group(group, columns)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(path, error) from error


def records(path: Path) -> int:
    """Count how many records a month has, however many channels."""
    numbers = pa.concat_tables(row_groups(path)).column("number")
    return int(pc.count_distinct(numbers).as_py())


def last_times(path: Path) -> Iterator[float]:
    """Yield the newest time of each channel in a month, where it has one; Unix seconds."""
    for table in row_groups(path):
        newest = pc.max(table.column("time_utc")).as_py()
        if newest is not None:
            yield newest.timestamp()


def codes(table: pa.Table, name: str, words: list[str]) -> Ints:
    """Turn a column of few different texts as places in `words`, which grows as needed."""
    column = table.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    found = [str(word) for word in column.dictionary.to_pylist()]
    words += [word for word in found if word not in words]
    places = np.array([words.index(word) for word in found], dtype=np.int64)
    return np.asarray(places[column.indices.to_numpy(zero_copy_only=False)])

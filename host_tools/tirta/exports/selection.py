# SPDX-License-Identifier: MIT
"""Which records are wanted, read from the tables a row group at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tirta.errors import TirtaError
from tirta.tables import layout

# The columns are the promise to scripts, for CSV and Parquet alike.
SCHEMA = pa.schema(
    [
        ("time_utc", layout.TIME),
        ("time_quality", pa.string()),
        ("node", pa.string()),
        ("epoch", pa.int64()),
        ("number", pa.int64()),
        ("channel", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("flag", pa.int8()),
    ]
)


@dataclass(frozen=True)
class Selection:
    """Empty means all; `since` is included, `until` is not. With a time, records without are not
    wanted.
    """

    nodes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def files(self, archive: Path) -> Iterator[tuple[str, str, Path]]:
        """Yield (node, month, file) of the tables that may have wanted records, sorted."""
        for path in sorted((archive / layout.RECORDS).glob("node=*/month=*/*.parquet")):
            node, month = (part.partition("=")[2] for part in path.parts[-3:-1])
            if (not self.nodes or node in self.nodes) and self._may_have(month):
                yield node, month, path

    def tables(self, path: Path, node: str) -> Iterator[pa.Table]:
        """Yield the wanted records of a file, channel by channel, by number; `node` is a column,
        too.
        """
        try:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    if self._has(file.metadata.row_group(group)):
                        found = self._wanted(file.read_row_group(group))
                        if len(found):
                            yield _with_node(found, node)
        except pa.ArrowException as error:
            raise TirtaError(
                f"{path} cannot be read: {str(error).splitlines()[0]}",
                "Make the tables anew from the pages: `tirta archive check DIR --rebuild`.",
            ) from error

    def all_tables(self, archive: Path) -> Iterator[pa.Table]:
        """Yield everything wanted, with the columns of SCHEMA."""
        for node, _, path in self.files(archive):
            for table in self.tables(path, node):
                yield table.select(SCHEMA.names).cast(SCHEMA)

    def _may_have(self, month: str) -> bool:
        if month == layout.UNSET:
            return self.since is None and self.until is None
        after = self.since is None or month >= f"{self.since.astimezone(UTC):%Y-%m}"
        return after and (self.until is None or month <= f"{self.until.astimezone(UTC):%Y-%m}")

    def _has(self, group: Any) -> bool:
        at = layout.RECORD_SCHEMA.names.index("channel")
        told = group.column(at).statistics
        if not self.channels or told is None or not told.has_min_max:
            return True
        return any(told.min <= channel <= told.max for channel in self.channels)

    def _wanted(self, table: pa.Table) -> pa.Table:
        if self.channels:
            table = table.filter(pc.field("channel").isin(self.channels))
        if self.since is not None:
            table = table.filter(pc.field("time_utc") >= pa.scalar(self.since, layout.TIME))
        if self.until is not None:
            table = table.filter(pc.field("time_utc") < pa.scalar(self.until, layout.TIME))
        return table


def _with_node(table: pa.Table, node: str) -> pa.Table:
    return table.append_column("node", pa.array([node] * len(table), pa.string()))


def moment(text: str) -> datetime:
    """Read a day or a time in ISO 8601; without a zone it is UTC. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)

# SPDX-License-Identifier: MIT
"""Channels and records of nodes, from the tables of an archive, or of a lake for nodes that it
alone has (`tirta receive --lake`).
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tirta.exports.selection import Selection
from tirta.tables import layout

ToldChannels = dict[str, dict[str, Any]]  # what the newest table says of each channel
_COLUMNS = ["time_utc", "value", "flag", "epoch", "number", "time_quality"]


@dataclass(frozen=True)
class TimeRange:
    """Which records are looked for: within these times, both included, the oldest first or the
    newest.
    """

    since: datetime | None = None
    until: datetime | None = None
    newest_first: bool = False

    def months(self, names: set[str]) -> list[str]:
        """Choose of months those that it may have records in, in its order; unset times are in
        none.
        """
        return sorted(filter(self._may_have, names - {layout.UNSET}), reverse=self.newest_first)

    def _may_have(self, month: str) -> bool:
        first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
        last = first + timedelta(days=31)
        return (self.since is None or last >= self.since) and (
            self.until is None or first <= self.until
        )

    def ordered(self, tables: list[pa.Table]) -> pa.Table:
        """Put the records of a month into one table, by time."""
        way = "descending" if self.newest_first else "ascending"
        whole = pa.concat_tables([table.select(_COLUMNS) for table in tables],
                                 promote_options="permissive")  # fmt: skip
        return whole.sort_by([("time_utc", way), ("epoch", way), ("number", way)])


class CityTables:
    """The tables of one city: those of its archive, and of a lake."""

    def __init__(self, city: str, archive: Path, lake: Path | None) -> None:
        self._city, self._archive, self._lake = city, archive, lake

    def nodes(self) -> list[str]:
        """Name every node that has a table of channels."""
        found = (self._archive / layout.CHANNELS).glob("node=*")
        return sorted({path.name.partition("=")[2] for path in found} | self._of_lake().keys())

    def has(self, node: str) -> bool:
        """Return whether there is such a node."""
        return self._is_here(node) or node in self._of_lake()

    def channels(self, node: str) -> ToldChannels:
        """Return what the newest table says of each of its channels."""
        if not self._is_here(node):
            return self._of_lake().get(node, {})
        files = sorted((self._archive / layout.CHANNELS / f"node={node}").glob("*.parquet"))
        return _told_by(tuple((path, path.stat().st_mtime_ns) for path in files))

    def records(self, node: str, channel: str, within: TimeRange) -> Iterator[pa.Table]:
        """Yield its records by time, a month at a time."""
        after = within.until + timedelta(microseconds=1) if within.until else None
        wanted = Selection((node,), (channel,), within.since, after)
        if not self._is_here(node):
            yield from self._lake_records(node, channel, within, after)
            return
        folder = self._archive / layout.RECORDS / f"node={node}"
        months = {path.name.partition("=")[2] for path in folder.glob("month=*")}
        for month in within.months(months):
            parts = [table for path in sorted((folder / f"month={month}").glob("*.parquet"))
                     for table in wanted.tables(path, node)]  # fmt: skip
            if parts:
                yield within.ordered(parts)

    def record(self, node: str, channel: str, epoch: int, number: int) -> Iterator[pa.Table]:
        """Yield the record of this identity, where it is there."""
        if not self._is_here(node):
            told = {"city": self._city, "node": node, "channel": channel, "epoch": epoch,
                    "number": number}  # fmt: skip
            yield (
                self._table(layout.RECORDS)
                .to_pyarrow_dataset()
                .to_table(_COLUMNS, filter=_all(told))
            )
            return
        chosen = [("channel", "=", channel), ("number", "=", number)]
        folder = self._archive / layout.RECORDS / f"node={node}"
        for path in folder.glob(f"month=*/epoch-{epoch}.parquet"):
            yield pq.read_table(path, columns=_COLUMNS, partitioning=None, filters=chosen)

    def _is_here(self, node: str) -> bool:
        return (self._archive / layout.CHANNELS / f"node={node}").is_dir()

    def _table(self, name: str) -> Any:
        from tirta.tables import lake  # noqa: PLC0415 - an extra

        assert self._lake  # noqa: S101 - nobody asks without one
        return lake.table(self._lake, name)

    def _of_lake(self) -> dict[str, ToldChannels]:
        if self._lake is None or not layout.is_lake(self._lake):
            return {}
        table = self._table(layout.CHANNELS)
        return _lake_channels(self._lake, self._city, table.version())

    def _lake_records(
        self, node: str, channel: str, within: TimeRange, after: datetime | None
    ) -> Iterator[pa.Table]:
        table = self._table(layout.RECORDS)
        months = {p["month"] for p in table.partitions() if p["city"] == self._city}
        held = table.to_pyarrow_dataset()
        for month in within.months(months):
            told = {"city": self._city, "month": month, "node": node, "channel": channel}
            wanted = _all(told)
            if within.since is not None:
                wanted &= pc.field("time_utc") >= pa.scalar(within.since, layout.TIME)
            if after is not None:
                wanted &= pc.field("time_utc") < pa.scalar(after, layout.TIME)
            found = held.to_table(_COLUMNS, filter=wanted)
            if len(found):
                yield within.ordered([found])


def _all(told: dict[str, Any]) -> Any:
    """The condition that columns have these values."""
    return functools.reduce(
        lambda a, b: a & b, (pc.field(name) == value for name, value in told.items())
    )


@functools.lru_cache(maxsize=4096)
def _told_by(files: tuple[tuple[Path, int], ...]) -> ToldChannels:
    found: ToldChannels = {}
    for path, _ in files:
        for row in pq.read_table(path, partitioning=None).to_pylist():
            found[row["channel"]] = row
    return found


@functools.lru_cache(maxsize=1024)
def _lake_channels(root: Path, city: str, version: int) -> dict[str, ToldChannels]:
    from tirta.tables import lake  # noqa: PLC0415 - an extra

    rows = lake.table(root, layout.CHANNELS, version).to_pyarrow_table(
        filters=[("city", "=", city)]
    )
    found: dict[str, ToldChannels] = {}
    for row in rows.sort_by("epoch").to_pylist():
        found.setdefault(row["node"], {})[row["channel"]] = row
    return found

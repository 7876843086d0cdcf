# SPDX-License-Identifier: MIT
"""Records to the tables of one month, one for each channel."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tirta.log.dating import QUALITIES, DatedRecords, Dating, joined
from tirta.log.records import Records
from tirta.tables import months
from tirta.tables.facts import hex_of
from tirta.tables.layout import RECORDS_IN_MEMORY, TIME, UNSET
from tirta.water import columns, lab_calibrations
from tirta.water.columns import Column
from tirta.water.lab_calibrations import Calibration
from tirta_format.record import MISSING

Ints = NDArray[np.int64]


class MonthTables:
    """The records of one month of one node's epoch."""

    def __init__(
        self,
        month: str,
        epoch: int,
        dating: Dating,
        bounds: dict[int, months.Bounds],
        known: Sequence[Calibration],
    ) -> None:
        self.month = month
        self._number = months.number(month)
        self._epoch = epoch
        self._dating = dating
        self._bounds = bounds
        self._calibrations = known
        self._found: list[DatedRecords] = []

    def add(self, found: Records) -> None:
        """Date records, and keep those that belong to this month."""
        dated = self._dating.of(found)
        rows = months.of_records(dated.times.unix_ms, dated.times.known) == self._number
        if rows.all():
            self._found.append(dated)
        elif rows.any():
            self._found.append(dated.take(rows))

    def __len__(self) -> int:
        return sum(map(len, self._found))

    def tables(self) -> Iterator[pa.Table]:
        """Yield a table for each channel, by their names; in each, by record number."""
        found = [(one, self._shared(one), _columns(one)) for one in self._by_config()]
        for name in sorted({name for _, _, names in found for name in names}):
            parts = [
                self._table(one, shared, *names[name])
                for one, shared, names in found
                if name in names
            ]
            whole = pa.concat_tables(parts).combine_chunks().unify_dictionaries()
            if len(whole):
                yield whole

    def _by_config(self) -> list[DatedRecords]:
        """Numbers go up from part to part; a config that comes again makes another part."""
        groups: list[list[DatedRecords]] = []
        for one in sorted(self._found, key=lambda one: int(one.records.number[0])):
            if not groups or groups[-1][0].records.config_hash != one.records.config_hash:
                groups.append([])
            groups[-1].append(one)
        self._found = [joined(group) for group in groups]
        seen = -1
        out = []
        for one in self._found:
            number = one.records.number
            part = one
            if (np.diff(number) <= 0).any():  # a record that lies in two pages is one record
                part = part.take(np.unique(number, return_index=True)[1])
            if int(part.records.number[0]) <= seen:
                part = part.take(part.records.number > seen)
            if len(part):
                seen = int(part.records.number[-1])
                out.append(part)
        return out

    def _shared(self, dated: DatedRecords) -> dict[str, pa.Array]:
        """The columns that are the same for every channel."""
        records, times = dated.records, dated.times
        count, unset = len(dated), ~times.known
        earliest, latest = self._between(records)
        return {
            "time_utc": moments(times.unix_ms, unset),
            "time_quality": qualities(times.quality),
            "time_uncertainty_ms": pa.array(times.uncertainty_ms, pa.int64(), mask=unset),
            "time_earliest": earliest,
            "time_latest": latest,
            "epoch": pa.array(np.full(count, self._epoch), pa.int64()),
            "number": pa.array(records.number, pa.int64()),
            "config": _same(hex_of(records.config_hash), count),
        }

    def _between(self, records: Records) -> tuple[pa.Array, pa.Array]:
        count = len(records)
        if self.month != UNSET:
            return pa.nulls(count, TIME), pa.nulls(count, TIME)
        earliest, latest = np.zeros(count, np.int64), np.zeros(count, np.int64)
        uptime = records.uptime_ms
        for boot in np.unique(records.boot):
            bound = self._bounds.get(int(boot))
            rows = records.boot == boot
            if bound and bound.begin_ms:
                earliest[rows] = bound.begin_ms + uptime[rows]
            if bound and bound.end_ms:
                latest[rows] = bound.end_ms - (bound.length_ms - uptime[rows])
        return moments(earliest, earliest == 0), moments(latest, latest == 0)

    def _table(
        self, dated: DatedRecords, shared: dict[str, pa.Array], at: int, column: Column
    ) -> pa.Table:
        """One channel: column `at` of the records."""
        records, count = dated.records, len(dated)
        raw = np.ascontiguousarray(records.values[:, at])
        flag = records.flags[:, at]
        missing = flag == MISSING
        unix_ms = np.where(dated.times.known, dated.times.unix_ms, 0)
        value = lab_calibrations.apply(raw, column, unix_ms, self._calibrations)
        found = shared | {
            "channel": _same(column.name, count),
            "value": pa.array(value, pa.float64(), mask=missing),
            "unit": _same(column.unit, count),
            "flag": pa.array(flag.astype(np.int8), pa.int8()),
            "raw": pa.array(raw, pa.int32(), mask=missing),
        }
        table = pa.table(
            [found[field] for field in RECORDS_IN_MEMORY.names], schema=RECORDS_IN_MEMORY
        )
        idle = missing & ~column.due(records.slot)
        return table.filter(pa.array(~idle)) if idle.any() else table


def _columns(dated: DatedRecords) -> dict[str, tuple[int, Column]]:
    """The columns of these records by name, each with its place."""
    return {c.name: (at, c) for at, c in enumerate(columns.of(dated.records.config))}


def qualities(quality: NDArray[np.int8]) -> pa.Array:
    """Make the column `time_quality`."""
    return pa.DictionaryArray.from_arrays(pa.array(quality), pa.array(QUALITIES.tolist()))


def moments(unix_ms: Ints, mask: NDArray[np.bool_]) -> pa.Array:
    """Make a column of times; where `mask` is set, of none."""
    return pa.array(unix_ms * 1000, pa.int64(), mask=mask).cast(TIME)


def _same(value: str, count: int) -> pa.Array:
    """A column of one text: a dictionary costs a byte a row here, and nothing in the file."""
    zeros = pa.array(np.zeros(count, np.int8))
    return pa.DictionaryArray.from_arrays(zeros, pa.array([value], pa.string()))

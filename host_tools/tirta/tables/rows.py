# SPDX-License-Identifier: MIT
"""Decoded pages to the records of one month, a table for each channel.

Everything stays in arrays: a value never becomes a Python object.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tirta.log.dating import QUALITIES, Dating
from tirta.log.decode import Batch
from tirta.tables import months
from tirta.tables.facts import hex_of
from tirta.tables.layout import RECORDS_IN_MEMORY, TIME, UNSET
from tirta.water import columns, lab_calibrations
from tirta.water.columns import Column
from tirta.water.lab_calibrations import Calibration

MISSING = 9
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Records under one config; row i of each array is one."""

    config: dict[str, Any]
    config_hash: str
    number: Ints
    boot: Ints
    slot: Ints
    values: NDArray[np.int32]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.number)

    @property
    def uptime_ms(self) -> Ints:
        return (self.slot + 1) * int(self.config["interval_ms"])

    @property
    def size(self) -> int:
        """Values in it."""
        return self.values.size

    def take(self, rows: NDArray[Any]) -> "Part":
        return Part(
            self.config,
            self.config_hash,
            self.number[rows],
            self.boot[rows],
            self.slot[rows],
            self.values[rows],
            self.flags[rows],
        )


def part_of(batch: Batch, config_hash: int) -> Part:
    """A decoded page, in half the memory."""
    values = batch.values.astype(np.int32)
    return Part(
        batch.config, hex_of(config_hash), batch.number, batch.boot, batch.slot, values, batch.flags
    )


def _joined(parts: Sequence[Part]) -> Part:
    first = parts[0]
    arrays = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("number", "boot", "slot", "values", "flags")
    )
    return Part(first.config, first.config_hash, *arrays)


@dataclass(frozen=True)
class _Dated:
    """A part with what its records share over all channels."""

    part: Part
    columns: dict[str, tuple[int, Column]]  # with its place in the record
    unix_ms: Ints
    known: NDArray[np.bool_]
    shared: dict[str, Any]


class Month:
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
        self._parts: list[Part] = []

    def add(self, part: Part) -> None:
        """Keep those records of it that belong to this month."""
        dated = self._dating.date(part.boot, part.uptime_ms)
        rows = months.of_records(dated.unix_ms, dated.quality > 0) == self._number
        if rows.all():
            self._parts.append(part)
        elif rows.any():
            self._parts.append(part.take(rows))

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def tables(self) -> Iterator[pa.Table]:
        """Channel by channel, in the order of their names; in each, by record number."""
        dated = [self._dated(part) for part in self._by_config()]
        for name in sorted({name for one in dated for name in one.columns}):
            found = [self._table(one, name) for one in dated if name in one.columns]
            whole = pa.concat_tables(found).combine_chunks().unify_dictionaries()
            if len(whole):
                yield whole

    def _by_config(self) -> list[Part]:
        """Numbers go up from part to part; a config that comes again makes another part."""
        groups: list[list[Part]] = []
        ordered = sorted(self._parts, key=lambda part: int(part.number[0]))
        for part in ordered:
            if not groups or groups[-1][0].config_hash != part.config_hash:
                groups.append([])
            groups[-1].append(part)
        joined = [_joined(group) for group in groups]
        self._parts = joined
        seen = -1
        out = []
        for part in joined:
            one = part
            if (np.diff(one.number) <= 0).any():  # a record that lies in two pages is one record
                one = one.take(np.unique(one.number, return_index=True)[1])
            if int(one.number[0]) <= seen:
                one = one.take(one.number > seen)
            if len(one):
                seen = int(one.number[-1])
                out.append(one)
        return out

    def _dated(self, part: Part) -> _Dated:
        count = len(part)
        unix_ms, quality, unsure = self._dating.date(part.boot, part.uptime_ms)
        known = quality > 0
        earliest, latest = self._between(part)
        shared = {
            "time_utc": _times(unix_ms, ~known),
            "time_quality": pa.DictionaryArray.from_arrays(
                pa.array(quality), pa.array(QUALITIES.tolist())
            ),
            "time_uncertainty_ms": pa.array(unsure, pa.int64(), mask=~known),
            "time_earliest": earliest,
            "time_latest": latest,
            "epoch": pa.array(np.full(count, self._epoch), pa.int64()),
            "number": pa.array(part.number, pa.int64()),
            "config": _same(part.config_hash, count),
        }
        names = {c.name: (at, c) for at, c in enumerate(columns.of(part.config))}
        return _Dated(part, names, np.where(known, unix_ms, 0), known, shared)

    def _between(self, part: Part) -> tuple[pa.Array, pa.Array]:
        count = len(part)
        if self.month != UNSET:
            return pa.nulls(count, TIME), pa.nulls(count, TIME)
        earliest, latest = np.zeros(count, np.int64), np.zeros(count, np.int64)
        uptime = part.uptime_ms
        for boot in np.unique(part.boot):
            bound = self._bounds.get(int(boot))
            rows = part.boot == boot
            if bound and bound.begin_ms:
                earliest[rows] = bound.begin_ms + uptime[rows]
            if bound and bound.end_ms:
                latest[rows] = bound.end_ms - (bound.length_ms - uptime[rows])
        return _times(earliest, earliest == 0), _times(latest, latest == 0)

    def _table(self, dated: _Dated, name: str) -> pa.Table:
        part, (at, column) = dated.part, dated.columns[name]
        raw = np.ascontiguousarray(part.values[:, at])
        flag = part.flags[:, at]
        missing = flag == MISSING
        value = lab_calibrations.apply(raw, column, dated.unix_ms, self._calibrations)
        found = dated.shared | {
            "channel": _same(name, len(part)),
            "value": pa.array(value, pa.float64(), mask=missing),
            "unit": _same(column.unit, len(part)),
            "flag": pa.array(flag.astype(np.int8), pa.int8()),
            "raw": pa.array(raw, pa.int32(), mask=missing),
        }
        table = pa.table(
            [found[field] for field in RECORDS_IN_MEMORY.names], schema=RECORDS_IN_MEMORY
        )
        idle = missing & ~column.due(part.slot)
        return table.filter(pa.array(~idle)) if idle.any() else table


def _times(unix_ms: Ints, mask: NDArray[np.bool_]) -> pa.Array:
    return pa.array(unix_ms * 1000, pa.int64(), mask=mask).cast(TIME)


def _same(value: str, count: int) -> pa.Array:
    """A column of one text: a dictionary costs a byte a row here, and nothing in the file."""
    zeros = pa.array(np.zeros(count, np.int8))
    return pa.DictionaryArray.from_arrays(zeros, pa.array([value], pa.string()))

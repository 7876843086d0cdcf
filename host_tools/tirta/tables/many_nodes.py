# SPDX-License-Identifier: MIT
"""Records of thousands of nodes to one table of rows, without a table for each node in between.

The rows are those that `tirta.tables.rows` makes of one node; the order is by node, channel and
number, page by page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tirta.log.dating import DatedRecords
from tirta.tables import months
from tirta.tables.facts import hex_of
from tirta.tables.layout import RECORD_SCHEMA, TIME
from tirta.tables.rows import moments, qualities
from tirta.water import lab_calibrations
from tirta.water.columns import Column
from tirta.water.lab_calibrations import Calibration
from tirta_format.record import MISSING

KEYS = ("city", "node", "month", "inputs")  # of a lake, before the columns of an archive
_INDEX = np.int32


@dataclass
class _Texts:
    """Texts by number, each once."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def array(self, codes: NDArray[np.int32]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(
            pa.array(codes), pa.array(list(self.numbers), pa.string())
        )


@dataclass
class ManyNodes:
    """Rows of a lake's table `records`, gathered part by part."""

    city: str
    count: int = 0  # of values
    _records: int = 0
    _dated: list[DatedRecords] = field(default_factory=list)
    _of_record: list[tuple[int, int, int, int]] = field(default_factory=list)
    _rows: list[NDArray[np.int64]] = field(default_factory=list)  # which record, of each value
    _raw: list[NDArray[np.int32]] = field(default_factory=list)
    _flags: list[NDArray[np.uint8]] = field(default_factory=list)
    _value: list[NDArray[np.float64]] = field(default_factory=list)
    _channel: list[NDArray[np.int32]] = field(default_factory=list)
    _unit: list[NDArray[np.int32]] = field(default_factory=list)
    _nodes: _Texts = field(default_factory=_Texts)
    _inputs: _Texts = field(default_factory=_Texts)
    _channels: _Texts = field(default_factory=_Texts)
    _units: _Texts = field(default_factory=_Texts)
    _configs: _Texts = field(default_factory=_Texts)

    def add(
        self,
        node: str,
        epoch: int,
        found: DatedRecords,
        names: Sequence[Column],
        inputs: str,
        known: Sequence[Calibration],
    ) -> None:
        """Add the records of a page; `names` are their columns, `inputs` names it."""
        records, count = found.records, len(found)
        wide = len(names)
        raw = np.ascontiguousarray(records.values.T)
        flags = np.ascontiguousarray(records.flags.T)
        if known:
            unix_ms = np.where(found.times.known, found.times.unix_ms, 0)
            value = np.concatenate([
                lab_calibrations.apply(raw[at], one, unix_ms, known) for at, one in enumerate(names)
            ])  # fmt: skip
        else:
            value = (raw / np.array([[one.scale] for one in names], np.float64)).ravel()
        rows = np.tile(np.arange(self._records, self._records + count), wide)
        of_channel = np.repeat(
            np.array([self._channels.number(one.name) for one in names], _INDEX), count
        )
        of_unit = np.repeat(
            np.array([self._units.number(one.unit) for one in names], _INDEX), count
        )
        raw, flags = raw.ravel(), flags.ravel()
        slow = any(one.period_ms > one.interval_ms for one in names)
        if slow:  # a channel that was not due has no row
            due = np.concatenate([one.due(records.slot) for one in names])
            kept = due | (flags != MISSING)
            rows, raw, flags, value = rows[kept], raw[kept], flags[kept], value[kept]
            of_channel, of_unit = of_channel[kept], of_unit[kept]
        self._dated.append(found)
        config = self._configs.number(hex_of(records.config_hash))
        self._of_record.append(
            (self._nodes.number(node), self._inputs.number(inputs), config, epoch)
        )
        self._rows.append(rows)
        self._raw.append(raw)
        self._flags.append(flags)
        self._value.append(value)
        self._channel.append(of_channel)
        self._unit.append(of_unit)
        self._records += count
        self.count += len(rows)

    def table(self) -> pa.Table:
        """Return all rows: KEYS, then RECORD_SCHEMA, texts that repeat as dictionaries. There is at
        least one.
        """
        sizes = np.array([len(one) for one in self._dated])
        node, inputs, config, epoch = np.repeat(
            np.array(self._of_record, np.int64), sizes, axis=0
        ).T
        unix_ms, quality, unsure = (
            np.concatenate(parts) for parts in zip(*(d.times for d in self._dated), strict=True)
        )
        number = np.concatenate([one.records.number for one in self._dated])
        month = months.of_records(unix_ms, quality != 0)
        known, which = np.unique(month, return_inverse=True)
        rows = np.concatenate(self._rows)
        unset = (quality == 0)[rows]
        flags = np.concatenate(self._flags)
        missing = flags == MISSING
        of_month = pa.array([months.name(int(one)) for one in known], pa.string())
        made = {
            "city": pa.repeat(pa.scalar(self.city), self.count),
            "node": self._nodes.array(node.astype(_INDEX)[rows]),
            "month": of_month.take(pa.array(which[rows])),
            "inputs": self._inputs.array(inputs.astype(_INDEX)[rows]),
            "time_utc": moments(unix_ms[rows], unset),
            "time_quality": qualities(quality[rows]),
            "time_uncertainty_ms": pa.array(unsure[rows], pa.int64(), mask=unset),
            "time_earliest": pa.nulls(self.count, TIME),
            "time_latest": pa.nulls(self.count, TIME),
            "epoch": pa.array(epoch[rows]),
            "number": pa.array(number[rows]),
            "channel": self._channels.array(np.concatenate(self._channel)),
            "value": pa.array(np.concatenate(self._value), pa.float64(), mask=missing),
            "unit": self._units.array(np.concatenate(self._unit)),
            "flag": pa.array(flags.astype(np.int8)),
            "raw": pa.array(np.concatenate(self._raw), pa.int32(), mask=missing),
            "config": self._configs.array(config.astype(_INDEX)[rows]),
        }
        return pa.table([made[name] for name in (*KEYS, *RECORD_SCHEMA.names)],
                        names=[*KEYS, *RECORD_SCHEMA.names])  # fmt: skip

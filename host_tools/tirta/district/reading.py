# SPDX-License-Identifier: MIT
"""From the archive's tables (tables/ARCHIVE.md) to signals: one node, some months.

Flow becomes L/s and pressure metres of water, by the config of each record (`engineering`);
everything else keeps its unit. What has no time, or an impossible one, is counted and left out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tirta.archive.evidence import Archive
from tirta.district import files, possible
from tirta.district.meter_health import Fault
from tirta.district.signal import SUSPECT, Bools, Signal
from tirta.errors import TirtaError
from tirta.text import clean
from tirta.water import engineering

_SYNCHRONISED = "synchronised"
_UNSET = "unset"  # the month of records whose time is not known
_Part = dict[str, Any]  # arrays of the records of one column in one table


@dataclass(frozen=True)
class NodeEvent:
    """A meta record: when (Unix seconds, None where unknown), which kind, in English words, and the
    fields of FORMAT.md that they are made from. Of an alarm also what its channel was at.
    """

    time_s: float | None
    kind: str
    what: str
    fields: dict[str, Any] = field(default_factory=dict)
    channel: str = ""
    value: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Gap:
    """What the archive says is not there; times None where unknown."""

    state: str
    records: int | None
    reason: str
    start_s: float | None
    end_s: float | None


@dataclass
class NodeData:
    """One node's part of a survey."""

    node: str
    name: str = ""
    board: str = ""
    signals: dict[str, Signal] = field(default_factory=dict)
    quantity: dict[str, str] = field(default_factory=dict)
    events: list[NodeEvent] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)  # of flow meters, by channel
    misdated_m3: float = 0.0  # what flow meters measured at no time that can be
    undated: int = 0  # records without a time
    impossible: int = 0  # values with a time before 2020 or days ahead: left out
    ahead: int = 0  # values that are dated in the future, and used
    other_unit: int = 0  # values left out since the newest ones are of another kind of unit
    synchronised: float = float("nan")  # share of the values
    words: list[str] = field(default_factory=lambda: [_SYNCHRONISED])  # texts of the columns
    known: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # by config, column

    def column_of(self, config: str, source: str) -> str:
        """Return where a config keeps a channel: its own value, or its mean if only
        statistics are.
        """
        own = self.known.get((config, source), {})
        if own.get("source", source) == source and (own or not self.known):
            return source
        means = (
            name
            for (of, name), row in self.known.items()
            if of == config and row["source"] == source and row["what"] == "mean"
        )
        return next(means, source)

    def of(self, quantity: str) -> list[Signal]:
        """Find the signals that measure a quantity, in the order of their names."""
        return [s for name, s in self.signals.items() if self.quantity[name] == quantity]


class Tables:
    """The tables of an archive."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def nodes(self) -> list[str]:
        """Return every node with records; TirtaError where there is none."""
        found = sorted(
            path.name.removeprefix("node=") for path in (self.root / "records").glob("node=*")
        )
        if not found:
            Archive(self.root).must_have_epochs()
            raise TirtaError(
                f"{self.root} has no records in tables.",
                f"Make them from its pages: `tirta archive check {self.root} --rebuild`.",
            )
        return found

    def last_record_s(self, node: str) -> float | None:
        """Return the time of the newest dated record, from the newest month; None without one."""
        dated = [path for path in self._months(node) if _month_of(path) != _UNSET]
        for month in sorted({_month_of(path) for path in dated}, reverse=True):
            times = [
                t for path in dated if _month_of(path) == month for t in files.last_times(path)
            ]
            if found := [t for t in times if possible.EARLIEST_S <= t <= possible.latest_s()]:
                return max(found)
        return None

    def _months(self, node: str) -> list[Path]:
        return list((self.root / "records" / f"node={node}").glob("month=*/*.parquet"))

    def read(self, node: str, start_s: float, end_s: float) -> NodeData:
        """Read everything of a node between two times."""
        data = NodeData(node)
        self._channels(data)
        parts: dict[str, list[_Part]] = {}
        untimed: dict[str, list[_Part]] = {}
        for path in self._months(node):
            month = _month_of(path)
            if month == _UNSET or not possible.month(month):
                data.undated += files.records(path) if month == _UNSET else 0
                for table in files.row_groups(path):
                    every = np.ones(len(table), bool)
                    data.impossible += 0 if month == _UNSET else len(table)
                    _keep(untimed, _columns(table, every, data, timed=False))
            elif _overlaps(month, start_s, end_s):
                for table in files.row_groups(path):
                    time_s = table.column("time_utc").cast(pa.int64()).to_numpy() / 1e6
                    cannot = (time_s < possible.EARLIEST_S) | (time_s > possible.latest_s())
                    data.impossible += int(cannot.sum())
                    use = (time_s > start_s) & (time_s <= end_s) & ~cannot
                    data.ahead += int((time_s[use] > possible.ahead_s()).sum())
                    _keep(parts, _columns(table, use, data))
                    _keep(untimed, _columns(table, cannot, data, timed=False))
        sure = [p["quality"] for found in parts.values() for p in found]
        if sure:
            data.synchronised = float(np.concatenate(sure).mean())
        for source, chosen in sorted(_by_source(data, parts).items()):
            self._add(data, source, chosen)
        for source, chosen in _by_source(data, untimed).items():
            data.misdated_m3 += sum(self._volume_m3(data, source, part) for part in chosen)
        data.events = list(self._events(node, start_s, end_s))
        data.gaps = list(self._gaps(node, start_s, end_s))
        return data

    def _channels(self, data: NodeData) -> None:
        for row in self._rows("channels", data.node):
            data.known[row["config"], row["channel"]] = row
            data.name, data.board = clean(row["node_name"]), clean(row["board"])

    def _add(self, data: NodeData, source: str, parts: list[_Part]) -> None:
        """One channel, each record by the config that was in force when it was sampled."""
        columns = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
        order = np.argsort(columns["time_s"], kind="stable")
        columns = {key: column[order] for key, column in columns.items()}
        config, at = np.unique(columns["config"], return_inverse=True)
        unit = data.words[columns["unit"][-1]]
        means = [self._meaning(data, data.words[c], source, unit) for c in config]
        newest = means[at[-1]]
        same = np.array([m.unit == newest.unit for m in means])[at]
        data.other_unit += int((~same).sum())
        step_s = np.array([m.step_s for m in means])[at]
        factor, quanta = (
            np.array(found)[at]
            for found in zip(*((m.factor, m.quantum) for m in means), strict=True)
        )
        signal = Signal(
            data.node, clean(source), newest.unit, newest.step_s, columns["time_s"],
            columns["value"] * factor,
            columns["flag"], columns["epoch"], columns["number"], newest.quantum,
            None if (step_s == newest.step_s).all() else step_s,
            None if (quanta == newest.quantum).all() else quanta,
        )  # fmt: skip
        data.signals[signal.channel] = signal if same.all() else signal.cut(same)
        data.quantity[signal.channel] = newest.quantity

    def _volume_m3(self, data: NodeData, source: str, part: _Part) -> float:
        """What the records of one channel under one config add up to, where that is a flow."""
        config, unit = (data.words[part[key][0]] for key in ("config", "unit"))
        meaning = self._meaning(data, config, source, unit)
        if meaning.unit != engineering.LPS:
            return 0.0
        good = part["value"][part["flag"] < SUSPECT]
        return float(np.nansum(good) * meaning.factor * meaning.step_s / 1000)

    def _meaning(
        self, data: NodeData, config: str, source: str, unit: str
    ) -> engineering.Conversion:
        """What the values of a channel are under a config."""
        row = data.known.get((config, data.column_of(config, source)), {})
        return engineering.of_row(row, unit)

    def _events(self, node: str, start_s: float, end_s: float) -> Iterator[NodeEvent]:
        for row in self._rows("events", node):
            time_s = _seconds(row["time_utc"])
            if time_s is None or start_s < time_s <= end_s:
                fields = json.loads(row.get("fields") or "{}")
                channel, unit = (clean(row.get(key) or "") for key in ("channel", "unit"))
                yield NodeEvent(
                    time_s, str(row["kind"]), clean(row["what"], 200), fields, channel,
                    row.get("value"), unit,
                )  # fmt: skip

    def _gaps(self, node: str, start_s: float, end_s: float) -> Iterator[Gap]:
        for row in self._rows("holes", node):
            first, last = _seconds(row["time_from"]), _seconds(row["time_to"])
            if (last is None or last > start_s) and (first is None or first < end_s):
                yield Gap(
                    str(row["state"]), row["records"], clean(row["reason"] or ""), first, last
                )

    def _rows(self, table: str, node: str) -> Iterator[dict[str, Any]]:
        for path in sorted((self.root / table / f"node={node}").glob("*.parquet")):
            yield from files.rows(path)


def _month_of(path: Path) -> str:
    return path.parent.name.removeprefix("month=")


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()


def _overlaps(month: str, start_s: float, end_s: float) -> bool:
    first, last = (datetime.fromtimestamp(s, UTC).strftime("%Y-%m") for s in (start_s, end_s))
    return first <= month <= last


def _columns(
    table: pa.Table, use: Bools, data: NodeData, *, timed: bool = True
) -> Iterator[tuple[str, _Part]]:
    """The arrays of each channel in a table, of the rows to use; times only where there are any."""
    if not use.any():
        return
    columns = {
        "value": table.column("value").to_numpy().astype(np.float64),
        "flag": table.column("flag").to_numpy().astype(np.uint8),
        "unit": files.codes(table, "unit", data.words),
        "config": files.codes(table, "config", data.words),
    }
    if timed:
        columns |= {
            "time_s": table.column("time_utc").cast(pa.int64()).to_numpy() / 1e6,
            "quality": files.codes(table, "time_quality", data.words)
            == data.words.index(_SYNCHRONISED),
            "epoch": table.column("epoch").to_numpy(),
            "number": table.column("number").to_numpy(),
        }
    channel = files.codes(table, "channel", data.words)
    names = np.unique(channel)
    for name in names:
        rows = use if len(names) == 1 else use & (channel == name)
        if rows.any():
            yield data.words[name], {key: column[rows] for key, column in columns.items()}


def _keep(kept: dict[str, list[_Part]], found: Iterator[tuple[str, _Part]]) -> None:
    for name, part in found:
        kept.setdefault(name, []).append(part)


def _by_source(data: NodeData, parts: dict[str, list[_Part]]) -> dict[str, list[_Part]]:
    """The records of each channel, from that column which the config of each record has for it."""
    found: dict[str, list[_Part]] = {}
    for name, some in parts.items():
        for part in some:
            for config in np.unique(part["config"]):
                word = data.words[config]
                source = str(data.known.get((word, name), {}).get("source", name))
                if data.column_of(word, source) == name:
                    rows = part["config"] == config
                    found.setdefault(source, []).append({k: v[rows] for k, v in part.items()})
    return found

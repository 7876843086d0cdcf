# SPDX-License-Identifier: MIT
"""From the archive's tables (data/ARCHIVE.md) to signals: one node, some months.

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

from tirta import engineering
from tirta.archive import Archive
from tirta.district import files, possible
from tirta.district.signal import Signal
from tirta.errors import TirtaError
from tirta.text import clean

_SYNCHRONISED = "synchronised"
_Part = dict[str, Any]  # arrays of the records of one column in one table


@dataclass(frozen=True)
class Happening:
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
    events: list[Happening] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    undated: int = 0  # records without a time
    impossible: int = 0  # values with a time before 2020 or days ahead: left out
    ahead: int = 0  # values that are dated in the future, and used
    other_unit: int = 0  # values left out since the newest ones are of another kind of unit
    synchronised: float = float("nan")  # share of the values
    words: list[str] = field(default_factory=lambda: [_SYNCHRONISED])  # texts of the columns
    known: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # by config, column

    def column_of(self, config: str, source: str) -> str:
        """Where a config keeps a channel: its own value, or its mean if only statistics are."""
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
        """The signals that measure a quantity, in the order of their names."""
        return [s for name, s in self.signals.items() if self.quantity[name] == quantity]


class Tables:
    """The tables of an archive."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def nodes(self) -> list[str]:
        """Every node with records; TirtaError where there is none."""
        found = sorted(
            path.name.removeprefix("node=") for path in (self.root / "records").glob("node=*")
        )
        if not found:
            Archive(self.root).must_have_runs()
            raise TirtaError(
                f"{self.root} has no records in tables.",
                f"Make them from its pages: `tirta archive check {self.root} --rebuild`.",
            )
        return found

    def last_record_s(self, node: str) -> float | None:
        """The time of the newest dated record, from the newest month; None without one."""
        dated = [path for path in self._months(node) if _month_of(path) != "unset"]
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
        """Everything of a node between two times."""
        data = NodeData(node)
        self._channels(data)
        parts: dict[str, list[_Part]] = {}
        for path in self._months(node):
            if _month_of(path) == "unset":
                data.undated += files.records(path)
            elif _overlaps(_month_of(path), start_s, end_s):
                for table in files.row_groups(path):
                    for name, part in _parts(table, start_s, end_s, data):
                        parts.setdefault(name, []).append(part)
        sure = [p["quality"] for found in parts.values() for p in found]
        if sure:
            data.synchronised = float(np.concatenate(sure).mean())
        for source, chosen in sorted(_by_source(data, parts).items()):
            self._add(data, source, chosen)
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
        factor = np.array([m.factor for m in means])[at]
        signal = Signal(
            data.node, clean(source), newest.unit, newest.step_s, columns["time_s"],
            columns["value"] * factor,
            columns["flag"], columns["epoch"], columns["number"], newest.quantum,
            None if (step_s == newest.step_s).all() else step_s,
        )  # fmt: skip
        data.signals[signal.channel] = signal if same.all() else signal.cut(same)
        data.quantity[signal.channel] = newest.quantity

    def _meaning(
        self, data: NodeData, config: str, source: str, unit: str
    ) -> engineering.Conversion:
        """What the values of a channel are under a config."""
        row = data.known.get((config, data.column_of(config, source)), {})
        return engineering.of_row(row, unit)

    def _events(self, node: str, start_s: float, end_s: float) -> Iterator[Happening]:
        for row in self._rows("events", node):
            time_s = _seconds(row["time_utc"])
            if time_s is None or start_s < time_s <= end_s:
                fields = json.loads(row.get("fields") or "{}")
                channel, unit = (clean(row.get(key) or "") for key in ("channel", "unit"))
                yield Happening(
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


def _parts(
    table: pa.Table, start_s: float, end_s: float, data: NodeData
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The arrays of each channel in a table, between two times."""
    time_s = table.column("time_utc").cast(pa.int64()).to_numpy() / 1e6
    impossible = (time_s < possible.EARLIEST_S) | (time_s > possible.latest_s())
    data.impossible += int(impossible.sum())
    use = (time_s > start_s) & (time_s <= end_s) & ~impossible
    data.ahead += int((time_s[use] > possible.ahead_s()).sum())
    if not use.any():
        return
    columns = {
        "time_s": time_s,
        "quality": files.codes(table, "time_quality", data.words)
        == data.words.index(_SYNCHRONISED),
        "epoch": table.column("epoch").to_numpy(),
        "number": table.column("number").to_numpy(),
        "value": table.column("value").to_numpy().astype(np.float64),
        "flag": table.column("flag").to_numpy().astype(np.uint8),
        "unit": files.codes(table, "unit", data.words),
        "config": files.codes(table, "config", data.words),
    }
    channel = files.codes(table, "channel", data.words)
    names = np.unique(channel)
    for name in names:
        rows = use if len(names) == 1 else use & (channel == name)
        yield data.words[name], {key: column[rows] for key, column in columns.items()}


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

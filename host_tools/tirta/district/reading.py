# SPDX-License-Identifier: MIT
"""From the archive's tables (data/ARCHIVE.md) to signals: one node, some months.

Flow becomes L/s and pressure metres of water, whatever the config says; everything else keeps its
unit. What has no time, or an impossible one, is counted and left out.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tirta.archive import Archive
from tirta.district import files, possible
from tirta.district.signal import Signal
from tirta.errors import TirtaError
from tirta.text import clean

_SYNCHRONISED = "synchronised"
_TO_LPS = {"L/s": 1.0, "L/min": 1 / 60, "L/h": 1 / 3600, "m3/h": 1 / 3.6}
_TO_M = {"m": 1.0, "bar": 10.197, "mbar": 0.010197, "kPa": 0.10197, "MPa": 101.97}


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
    other_interval: int = 0  # values left out since most of that channel has another interval
    synchronised: float = float("nan")  # share of the values
    words: list[str] = field(default_factory=lambda: [_SYNCHRONISED])  # texts of the columns

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
        known = self._channels(data)
        parts: dict[str, list[dict[str, Any]]] = {}
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
        for name in _values(known, parts):
            self._add(data, name, parts[name], known)
        data.events = list(self._events(node, start_s, end_s))
        data.gaps = list(self._gaps(node, start_s, end_s))
        return data

    def _channels(self, data: NodeData) -> dict[tuple[str, str], dict[str, Any]]:
        known = {}
        for row in self._rows("channels", data.node):
            known[row["config"], row["channel"]] = row
            data.name, data.board = clean(row["node_name"]), clean(row["board"])
        return known

    def _add(
        self,
        data: NodeData,
        name: str,
        parts: list[dict[str, Any]],
        known: dict[tuple[str, str], dict[str, Any]],
    ) -> None:
        columns = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
        order = np.argsort(columns["time_s"], kind="stable")
        columns = {key: column[order] for key, column in columns.items()}
        config, at = np.unique(columns["config"], return_inverse=True)
        told = [known.get((data.words[c], name), {}) for c in config]
        step_s = np.array([float(t.get("step_ms") or 60_000) / 1000 for t in told])[at]
        same = step_s == step_s[-1]
        data.other_interval += int((~same).sum())
        last = told[at[-1]]
        factor, unit, quantum = _factor(last, data.words[columns["unit"][-1]])
        signal = Signal(
            data.node, clean(name), unit, float(step_s[-1]), columns["time_s"],
            columns["value"] * factor,
            columns["flag"], columns["epoch"], columns["number"], quantum,
        )  # fmt: skip
        data.signals[signal.channel] = signal if same.all() else signal.cut(same)
        data.quantity[signal.channel] = str(last.get("quantity", "other"))

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


def _values(known: dict[tuple[str, str], dict[str, Any]], parts: Iterable[str]) -> list[str]:
    """The columns to look at: a channel's own value, or its mean where only statistics are kept."""
    rows = {channel: row for (_, channel), row in known.items()}
    own = [name for name in parts if rows.get(name, {}).get("source", name) == name]
    means = [
        name
        for name in parts
        if rows.get(name, {}).get("what") == "mean" and rows[name]["source"] not in own
    ]
    return sorted({*own, *means})


def _factor(told: dict[str, Any], unit: str) -> tuple[float, str, float]:
    """What makes values L/s or m; the unit then; and the step of a pulse in it."""
    quantity = told.get("quantity")
    if quantity == "flow":
        if told.get("ml") and told.get("ml_ms"):
            lps = told["ml"] / told["ml_ms"]  # mL in each ms: L/s
            return lps, "L/s", lps
        if unit in _TO_LPS:
            return _TO_LPS[unit], "L/s", 0.0
    if quantity == "pressure" and unit in _TO_M:
        return _TO_M[unit], "m", 0.0
    return 1.0, clean(unit), 0.0

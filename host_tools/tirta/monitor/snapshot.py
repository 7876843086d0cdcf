# SPDX-License-Identifier: MIT
"""What a node says of itself now, and what its channels said in the last hours."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tirta.link.answers import Hello
from tirta.node import Node
from tirta.node.recent_log import newest
from tirta.water import columns, node_config
from tirta.water.columns import Column
from tirta_format import columns as format_columns
from tirta_format.record import MISSING

HISTORY = 240  # values a channel
PAGES = 1  # beside the newest, for the history: a second on a slow line


@dataclass(frozen=True)
class Value:
    """A channel now: in its unit, or None where it has no value. A flow is in litres a second."""

    name: str
    value: float | None
    unit: str
    flag: int
    decimals: int


@dataclass(frozen=True)
class Snapshot:
    """One round of questions. `answer_s` is how long the slowest answer took."""

    hello: Hello
    status: dict[str, Any]
    values: list[Value]
    answer_s: float


@dataclass
class Watch:
    """Asks an open node, again and again."""

    node: Node
    _columns: dict[str, Column] = field(default_factory=dict)
    _number: int = -1
    history: dict[str, deque[float]] = field(default_factory=dict)  # NaN where there is no value

    def begin(self) -> None:
        """Learn the channels and their last hours. Raises TirtaError as a Node does."""
        text = self.node.config()
        try:
            config = node_config.parse(text)
        except ValueError:
            return  # no usable config: status says why
        self._columns = {c.channel["name"]: c for c in reversed(columns.of(config))}
        self.history = {name: deque(maxlen=HISTORY) for name in self._columns}
        self._recall(config, text)

    def step_s(self, name: str) -> float:
        """Return the time from one value of the history to the next, in s."""
        column = self._columns.get(name)
        return column.step_ms / 1000 if column else 0.0

    def look(self) -> Snapshot:
        """Ask once. Raises TirtaError as a Node does."""
        began = time.monotonic()
        status = self.node.whole_status()
        middle = time.monotonic()
        answer = self.node.values()
        answer_s = max(middle - began, time.monotonic() - middle)
        values = [self._value(*row) for row in answer["values"]]
        sampled = answer["number"] + status.get("ring_used", 0)
        if sampled != self._number:
            self._number = sampled
            for value in values:
                past = self.history.setdefault(value.name, deque(maxlen=HISTORY))
                past.append(float("nan") if value.value is None else value.value)
        return Snapshot(self.node.hello, status, values, answer_s)

    def _value(self, name: str, value: int | None, flag: int) -> Value:
        column = self._columns.get(name)
        if column is None:
            return Value(name, None if value is None else float(value), "", flag, 0)
        if column.flow:
            litres = None if value is None else value * column.flow[0] / column.flow[1]
            return Value(name, litres, "L/s", flag, 2)
        shown = None if value is None else value / column.scale
        return Value(name, shown, column.unit, flag, len(str(column.scale)) - 1)

    def _recall(self, config: dict[str, Any], text: bytes) -> None:
        log = newest(self.node, self.node.index(), PAGES, text)
        if log is None:
            return
        for records in log.records:
            if records.config == config:
                self._take(records.values, records.flags, columns.of(config))

    def _take(self, values: Any, flags: Any, found: list[Column]) -> None:
        for i, column in enumerate(found):
            if self._columns.get(column.channel["name"]) is not column and (
                column.name != column.channel["name"]
            ):
                continue
            factor = 1 / column.scale
            if column.flow and column.channel["sensor"] in format_columns.COUNTING:
                factor = column.flow[0] / column.flow[1]
            shown = np.where(flags[:, i] == MISSING, np.nan, values[:, i] * factor)
            self.history[column.channel["name"]].extend(shown[-HISTORY:].tolist())

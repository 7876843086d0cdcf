# SPDX-License-Identifier: MIT
"""The records of a node as it samples them: asked for again and again, given out once each.

What is shown is sampled, not yet durable; the log of the node loses nothing of what is not shown
here. A record that came and went between two questions is counted as `skipped`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tirta.node import Node
from tirta.node.requests import ConfigError
from tirta.patience import Silence
from tirta.water import columns

_LEAST_S = 0.05
_MOST_S = 1.0  # a raised rate lapses when nobody asks for longer
_FLAGS = {1: "", 2: " (not evaluated)", 3: " (suspect)", 4: " (fail)", 9: " (missing)"}


@dataclass(frozen=True)
class Sample:
    """One record; `unix_ms` is 0 while the node's clock was never set."""

    boot: int
    slot: int
    unix_ms: int
    skipped: int
    values: list[list[Any]]

    def as_json(self) -> dict[str, Any]:
        """Return what `tirta tail --json` prints of it."""
        return self.__dict__

    def __str__(self) -> str:
        when = f"boot {self.boot}, interval {self.slot}, no clock"
        if self.unix_ms:
            moment = datetime.fromtimestamp(self.unix_ms / 1000, UTC)
            when = moment.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
        cells = [
            f"{name} {'-' if value is None else value}{_FLAGS.get(flag, f' (flag {flag})')}"
            for name, value, flag in self.values
        ]
        skipped = f"  ({self.skipped} not shown before it)" if self.skipped else ""
        return f"{when}  " + "  ".join(cells) + skipped


def follow(node: Node, count: int | None = None) -> Iterator[Sample]:
    """Yield each record once, `count` of them or for ever."""
    interval_s = float(node.status().get("interval_s") or 1)
    scales = _scales(node)
    last: tuple[int, int] | None = None
    given = 0
    silence = Silence(interval_s, f"for the next record of node {node.hello.node}")
    while count is None or given < count:
        found = node.values()
        place = found.get("boot", 0), found.get("slot", -1)
        age_ms = found.get("age_ms", 0)
        if place[1] >= 0 and place != last:
            skipped = place[1] - last[1] - 1 if last and last[0] == place[0] else 0
            unix_ms = found.get("unix_ms", 0)
            rows = _rows(found["values"], scales)
            yield Sample(*place, max(0, unix_ms - age_ms) if unix_ms else 0, max(0, skipped), rows)
            last = place
            given += 1
            silence.broken()
        silence.tell()
        time.sleep(max(_LEAST_S, min(_MOST_S, interval_s - age_ms / 1000)))


def _scales(node: Node) -> dict[str, int]:
    """What one unit is as an integer, by column."""
    try:
        return {column.name: column.scale for column in columns.of(node.settings())}
    except ConfigError:
        return {}  # no config yet: nothing is sampled either


def _rows(values: list[list[Any]], scales: dict[str, int]) -> list[list[Any]]:
    """[column, value in its unit, flag]"""
    found: list[list[Any]] = []
    for name, value, flag in values:
        scale = scales.get(name, 1)
        found.append([name, value if value is None or scale == 1 else value / scale, flag])
    return found

# SPDX-License-Identifier: MIT
"""What a scenario did to the pins up to a moment, computed apart from the board that counted it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tirta.virtual.channels import DEVICES, KINDS
from tirta.virtual.scenario import CHANNEL, HEADER, MAGIC


@dataclass(frozen=True)
class Truth:
    """What a scenario has in each row: the truth that samples are compared with."""

    rows: int
    row_us: int
    tail_us: int
    channels: list[tuple[str, int]]  # kind and GPIO
    values: memoryview  # rows + 1 records of one 64-bit integer per channel

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the board's form of a scenario."""
        if not path.exists():
            return cls(0, 1, 0, [], memoryview(b"").cast("q"))
        data = path.read_bytes()
        magic, rows, count, row_us, tail_us = HEADER.unpack_from(data)
        if magic != MAGIC:
            raise ValueError(f"{path} is not a scenario of this version")
        kinds = list(KINDS)
        channels = [
            (kinds[kind], pin)
            for kind, pin, _ in (
                CHANNEL.unpack_from(data, HEADER.size + i * CHANNEL.size) for i in range(count)
            )
        ]
        body = memoryview(data)[HEADER.size + count * CHANNEL.size :].cast("q")
        return cls(rows, row_us, tail_us, channels, body)

    @property
    def has_devices(self) -> bool:
        """Whether something hangs on a bus whose model the board has to load."""
        return any(kind in DEVICES for kind, _ in self.channels)

    def at(self, into_us: int | None) -> dict[str, Any]:
        """Return the values at a time; `into_us` is the scenario's own time; None: it has not
        begun.
        """
        into = max(0, into_us or 0)
        row, part = divmod(into, self.row_us)
        if row >= self.rows:
            row, part = self.rows, 0
        return {
            "rows": self.rows,
            "started": into_us is not None,
            "into_us": into_us,
            "end_us": self.rows * self.row_us,
            "fast_until_us": self.rows * self.row_us - self.tail_us,
            "ended": into_us is not None and into_us >= self.rows * self.row_us - self.tail_us,
            "pulses": {
                str(pin): self._pulses(row, part, i)
                for i, (kind, pin) in enumerate(self.channels)
                if kind == "pulses"
            },
            "pulses_total": {
                str(pin): self._value(self.rows, i)
                for i, (kind, pin) in enumerate(self.channels)
                if kind == "pulses"
            },
        }

    def _value(self, row: int, channel: int) -> int:
        return int(self.values[row * len(self.channels) + channel])

    def _pulses(self, row: int, part_us: int, channel: int) -> int:
        before = self._value(row, channel)
        if row >= self.rows:
            return before
        return before + (self._value(row + 1, channel) - before) * part_us // self.row_us

# SPDX-License-Identifier: MIT
"""One channel of one node over a month, as arrays; row i of each is one record.

Words: a *signal* is dated and in order of time; a record's time is the end of its interval, as the
node stamps it. *Evidence* is which records a figure stands on: ranges of numbers in an epoch.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

GOOD, UNCHECKED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9


@dataclass(frozen=True)
class Evidence:
    """Records `first` to `last` of one channel in one epoch of one node.

    `start_s` is where the first one's interval begins, `end_s` where the last one's ends; Unix
    seconds.
    """

    node: str
    epoch: int
    channel: str
    first: int
    last: int
    start_s: float
    end_s: float

    @property
    def records(self) -> int:
        """How many records there are."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Signal:
    """Shapes: all arrays [records]. `value` is NaN where the flag is 9.

    `interval_s` is how far apart the newest records are, and `quantum` the step between two values,
    in L/s for a pulse counter. Where a config changed them, `steps_s` says how long each record
    stands for, and `quanta` what its own step is.
    """

    node: str
    channel: str
    unit: str
    interval_s: float
    time_s: Floats  # Unix seconds, rising
    value: Floats
    flag: NDArray[np.uint8]
    epoch: Ints
    number: Ints
    quantum: float = 0.0
    steps_s: Floats | None = None
    quanta: Floats | None = None

    @property
    def step_s(self) -> Floats:
        """How long each record stands for, in seconds."""
        if self.steps_s is not None:
            return self.steps_s
        return np.full(len(self.time_s), self.interval_s)

    @property
    def least_step_s(self) -> float:
        """The shortest of them: the finest grid that the records fit."""
        if self.steps_s is None or not len(self.steps_s):
            return self.interval_s
        return float(self.steps_s.min())

    def __len__(self) -> int:
        return len(self.time_s)

    def between(self, start_s: float, end_s: float) -> slice:
        """Return the records whose interval ends in (start, end]."""
        first, last = np.searchsorted(self.time_s, [start_s, end_s], side="right")
        return slice(int(first), int(last))

    def cut(self, rows: slice | Bools) -> "Signal":
        """Return the same signal with these records only."""
        return replace(
            self,
            time_s=self.time_s[rows],
            value=self.value[rows],
            flag=self.flag[rows],
            epoch=self.epoch[rows],
            number=self.number[rows],
            steps_s=None if self.steps_s is None else self.steps_s[rows],
            quanta=None if self.quanta is None else self.quanta[rows],
        )

    def valid(self) -> Floats:
        """Return the values to compute with: NaN where the node itself says suspect, failed or
        missing.
        """
        return np.where(self.flag >= SUSPECT, np.nan, self.value)

    def evidence(self, rows: slice | Bools | Ints) -> list[Evidence]:
        """Return the chosen records as ranges of consecutive numbers."""
        numbers, epochs = self.number[rows], self.epoch[rows]
        if not len(numbers):
            return []
        order = np.lexsort((numbers, epochs))
        numbers, epochs = numbers[order], epochs[order]
        ends_s = self.time_s[rows][order]
        starts_s = ends_s - self.step_s[rows][order]
        breaks = np.flatnonzero((np.diff(numbers) > 1) | (np.diff(epochs) != 0)) + 1
        firsts = np.concatenate([[0], breaks])
        lasts = np.concatenate([breaks, [len(numbers)]]) - 1
        return [
            Evidence(
                self.node,
                int(epochs[a]),
                self.channel,
                int(numbers[a]),
                int(numbers[b]),
                float(starts_s[a]),
                float(ends_s[b]),
            )
            for a, b in zip(firsts, lasts, strict=True)
        ]


def on_grid(signal: Signal, start_s: float, cell_s: float, count: int) -> Floats:
    """Lay the valid values on a regular grid: cell i ends at start + (i + 1) cells.

    A record that stands for several cells fills them all. A cell without a record is NaN; of two
    records in a cell (a stepped clock) the later one stands.
    """
    grid = np.full(count, np.nan)
    last = np.round((signal.time_s - start_s) / cell_s).astype(np.int64) - 1
    wide = np.maximum(1, np.round(signal.step_s / cell_s)).astype(np.int64)
    value = signal.valid()
    if len(wide) and wide.max() > 1:
        value = np.repeat(value, wide)
        ends = np.cumsum(wide)
        back = np.repeat(ends, wide) - np.arange(1, ends[-1] + 1)
        last = np.repeat(last, wide) - back
    inside = (last >= 0) & (last < count)
    grid[last[inside]] = value[inside]
    return grid


def blocks(signal: Signal, start_s: float, block_s: float, count: int) -> Floats:
    """Average over blocks of `block_s`; NaN where a block lacks any of its records. Shape [count].

    A record that is longer than a block stands for each block that it covers.
    """
    cell_s = min(signal.least_step_s, block_s)
    per = max(1, round(block_s / cell_s))
    cells = on_grid(signal, start_s, block_s / per, count * per)
    return np.asarray(cells.reshape(count, per).mean(axis=1))

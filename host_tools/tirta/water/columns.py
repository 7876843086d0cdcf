# SPDX-License-Identifier: MIT
"""The columns of a record, as a config describes them, with what a reader needs to know of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tirta_format import columns as format_columns

COUNTS = {"count"}  # neither unit nor scale of the channel


@dataclass(frozen=True)
class Column:
    """`what` is `value`, `raw` or a statistic of `channel`, the channel's entry in the config."""

    name: str
    what: str
    channel: dict[str, Any]
    interval_ms: int

    @property
    def unit(self) -> str:
        """The unit of its values."""
        if self.what == format_columns.RAW or self.what in COUNTS:
            return ""
        return str(self.channel["unit"])

    @property
    def scale(self) -> int:
        """What one unit is as an integer."""
        if self.what == format_columns.RAW or self.what in COUNTS:
            return 1
        return int(self.channel["scale"])

    @property
    def sensor(self) -> str:
        """The kind of its sensor."""
        return str(self.channel["sensor"])

    @property
    def period_ms(self) -> int:
        """Between two samples."""
        return int(format_columns.period_ms(self.channel, self.interval_ms))

    @property
    def step_ms(self) -> int:
        """Between two values: a slow channel is not due in every record."""
        return max(self.period_ms, self.interval_ms)

    @property
    def flow(self) -> tuple[int, int] | None:
        """Of pulses (millilitres a pulse, milliseconds that a value counts): L/s is mL/ms."""
        if self.sensor not in format_columns.COUNTING or self.what in COUNTS:
            return None
        span_ms = self.step_ms if self.what == format_columns.VALUE else self.period_ms
        return int(self.channel["ml"]), span_ms

    def due(self, slot: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return in which slots a value was due; elsewhere a missing one is no hole."""
        if self.period_ms <= self.interval_ms:
            return np.ones(len(slot), dtype=bool)
        found = format_columns.samples_due(slot, self.period_ms, self.interval_ms)
        return np.asarray(found > 0)


def of(config: dict[str, Any]) -> list[Column]:
    """Return the columns of a config, in the order of the record."""
    channels = config["channels"]
    return [
        Column(name, what, channels[index], int(config["interval_ms"]))
        for name, index, what in format_columns.columns(channels)
    ]

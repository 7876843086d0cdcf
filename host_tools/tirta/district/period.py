# SPDX-License-Identifier: MIT
"""The local days that figures are about."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Period:
    """Local days `first` to `last`, both included; seconds are Unix time.

    `begin_s` and `stop_s` are where the records begin and end when nobody asked for more: before a
    node was there, nothing is missing. Days keep their midnights: part of a day is no day.
    """

    first: date
    last: date
    zone: ZoneInfo
    begin_s: float | None = None
    stop_s: float | None = None

    @property
    def days(self) -> list[date]:
        """Every local day from the first to the last."""
        return [self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1)]

    @property
    def edges_s(self) -> list[float]:
        """Midnights: one more than days."""
        days = [*self.days, self.last + timedelta(days=1)]
        return [datetime(d.year, d.month, d.day, tzinfo=self.zone).timestamp() for d in days]

    @property
    def start_s(self) -> float:
        """When it begins, Unix seconds."""
        return max(self.edges_s[0], self.begin_s or 0.0)

    @property
    def end_s(self) -> float:
        """When it ends, Unix seconds."""
        return min(self.edges_s[-1], self.stop_s or self.edges_s[-1])

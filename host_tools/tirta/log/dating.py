# SPDX-License-Identifier: MIT
"""When a record was taken (FORMAT.md section 6).

Uptime orders everything; wall time is an *anchor*: at this uptime it was that time, give or take.
An anchor dates the records of its boot before it as well as those after it. One that names a time
before this firmware existed, or far beyond its life, comes from a clock that was never set: it
dates nothing, and neither does one that leads there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tirta.log import records
from tirta.log.records import Records
from tirta_format import page as format_page

CRYSTAL_PPM = 20
SYNCHRONISED_MS = 1000
UNSET = "unset"
QUALITIES = np.array([UNSET, "holdover", "synchronised"])
_UNSET, _HOLDOVER, _SYNCHRONISED = range(3)
_UNKNOWN_MS = 86_400_000
_MOST_POWER = 40  # of 2, in ms: 35 years say nothing, and no more is needed for that
PLAUSIBLE_MS = (1_577_836_800_000, 4_102_444_800_000)  # from 2020 up to 2100

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Anchor:
    """At `uptime_ms` it was `unix_ms`, give or take `uncertainty_ms`."""

    uptime_ms: int
    unix_ms: int
    uncertainty_ms: int
    source: int

    @classmethod
    def of_page(cls, head: Any) -> "Anchor":
        """Read what a page header says; an unknown uncertainty counts as a day: never
        synchronised.
        """
        unknown = head.uncertainty == format_page.UNKNOWN_UNCERTAINTY
        unsure_ms = _UNKNOWN_MS if unknown else 1 << min(head.uncertainty, _MOST_POWER)
        return cls(0, head.unix_ms, unsure_ms, head.source)

    @property
    def plausible(self) -> bool:
        """Whether a clock that was set says so."""
        return PLAUSIBLE_MS[0] <= self.unix_ms < PLAUSIBLE_MS[1]


class Times(NamedTuple):
    """Times, one a row: `unix_ms`, give or take `uncertainty_ms`.

    `quality` is an index of QUALITIES; where it is unset, the rest means nothing.
    """

    unix_ms: Ints
    quality: NDArray[np.int8]
    uncertainty_ms: Ints

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which of them are dated."""
        found: NDArray[np.bool_] = self.quality != _UNSET
        return found


@dataclass(frozen=True, eq=False)
class DatedRecords:
    """Records as they were dated: row i of `times` is when record i was taken."""

    records: Records
    times: Times

    def __len__(self) -> int:
        return len(self.records)

    def take(self, rows: NDArray[Any]) -> "DatedRecords":
        """Take some of them; `rows` is an index or a mask of numpy's."""
        return DatedRecords(self.records.take(rows), Times(*(one[rows] for one in self.times)))


def joined(parts: Sequence[DatedRecords]) -> DatedRecords:
    """Join records of one config, behind each other; there is at least one part."""
    times = zip(*(part.times for part in parts), strict=True)
    return DatedRecords(
        records.joined([part.records for part in parts]), Times(*map(np.concatenate, times))
    )


class Dating:
    """Everything that is known of time in one node's epoch."""

    def __init__(self, anchors: dict[int, list[Anchor]], page_anchors: dict[int, Anchor]) -> None:
        self._anchors: dict[int, list[Anchor]] = {}
        for boot, anchor in page_anchors.items():
            self._keep(boot, [anchor])
        for boot, found in anchors.items():
            self._keep(boot, found)

    def _keep(self, boot: int, found: list[Anchor]) -> None:
        usable = sorted((a for a in found if a.plausible), key=lambda a: a.uptime_ms)
        if usable:
            self._anchors[boot] = usable

    def of_boot(self, boot: int) -> list[Anchor]:
        """Return what dates this boot, by uptime."""
        return self._anchors.get(boot, [])

    def of(self, found: Records) -> DatedRecords:
        """Date records."""
        return DatedRecords(found, self.date(found.boot, found.uptime_ms))

    def date(self, boot: Ints, uptime_ms: Ints) -> Times:
        """Date moments, each by its boot and the ms since that began."""
        unix_ms = np.zeros(len(boot), np.int64)
        quality = np.full(len(boot), _UNSET, np.int8)
        unsure = np.zeros(len(boot), np.int64)
        for one in np.unique(boot):
            if found := self.of_boot(int(one)):
                rows = boot == one
                unix_ms[rows], quality[rows], unsure[rows] = _date_boot(uptime_ms[rows], found)
        return Times(unix_ms, quality, unsure)


def _date_boot(uptime_ms: Ints, anchors: list[Anchor]) -> Times:
    at = np.array([a.uptime_ms for a in anchors], dtype=np.int64)
    # The last anchor at or before the record, else the first one after it.
    chosen = np.maximum(np.searchsorted(at, uptime_ms, side="right") - 1, 0)
    distance = uptime_ms - at[chosen]
    unix_ms = np.array([a.unix_ms for a in anchors], dtype=np.int64)[chosen] + distance
    drift = -(-np.abs(distance) * CRYSTAL_PPM // 1_000_000)  # rounded up
    unsure = np.array([a.uncertainty_ms for a in anchors], dtype=np.int64)[chosen] + drift
    quality = np.where(unsure <= SYNCHRONISED_MS, _SYNCHRONISED, _HOLDOVER)
    plausible = (unix_ms >= PLAUSIBLE_MS[0]) & (unix_ms < PLAUSIBLE_MS[1])
    return Times(unix_ms, np.where(plausible, quality, _UNSET).astype(np.int8), unsure)

# SPDX-License-Identifier: MIT
"""When a record was taken (FORMAT.md section 6).

Uptime orders everything; wall time is an *anchor*: at this uptime it was that time, give or take.
An anchor dates the records of its boot before it as well as those after it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tirta_format import page as format_page

CRYSTAL_PPM = 20
SYNCHRONISED_MS = 1000
UNSET = "unset"
QUALITIES = np.array([UNSET, "holdover", "synchronised"])
_UNSET, _HOLDOVER, _SYNCHRONISED = range(3)
_UNKNOWN_MS = 86_400_000

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
        """What a page header says; an unknown uncertainty counts as a day: never synchronised."""
        unknown = head.uncertainty == format_page.UNKNOWN_UNCERTAINTY
        return cls(0, head.unix_ms, _UNKNOWN_MS if unknown else 1 << head.uncertainty, head.source)


def date(
    boot: Ints,
    uptime_ms: Ints,
    anchors: dict[int, list[Anchor]],
    page_anchors: dict[int, Anchor],
) -> tuple[Ints, NDArray[np.str_]]:
    """Unix time in ms and quality of each record; the time of quality `unset` means nothing."""
    unix_ms = np.zeros(len(boot), dtype=np.int64)
    quality = np.full(len(boot), _UNSET)
    for one in np.unique(boot):
        rows = boot == one
        found = anchors.get(int(one)) or [a for a in [page_anchors.get(int(one))] if a is not None]
        if found:
            unix_ms[rows], quality[rows] = _date_boot(uptime_ms[rows], found)
    return unix_ms, QUALITIES[quality]


def _date_boot(uptime_ms: Ints, anchors: list[Anchor]) -> tuple[Ints, Ints]:
    ordered = sorted(anchors, key=lambda a: a.uptime_ms)
    at = np.array([a.uptime_ms for a in ordered], dtype=np.int64)
    # The last anchor at or before the record, else the first one after it.
    chosen = np.maximum(np.searchsorted(at, uptime_ms, side="right") - 1, 0)
    distance = uptime_ms - at[chosen]
    unix_ms = np.array([a.unix_ms for a in ordered], dtype=np.int64)[chosen] + distance
    unsure = np.array([a.uncertainty_ms for a in ordered])[chosen]
    unsure = unsure + np.abs(distance) * (CRYSTAL_PPM / 1e6)
    return unix_ms, np.where(unsure <= SYNCHRONISED_MS, _SYNCHRONISED, _HOLDOVER)

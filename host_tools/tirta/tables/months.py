# SPDX-License-Identifier: MIT
"""Which months a page's records fall into, and between which times those without a time lie.

A page is dated from its stretches alone, without decoding it. Between two anchors time is a
straight line, so a stretch is cut at the anchors in it and its parts looked at by their ends: a
page may be named in a month too many, never in one too few.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tirta.log.dating import PLAUSIBLE_MS, Dating
from tirta.tables.facts import PageFacts
from tirta.tables.layout import UNSET

Ints = NDArray[np.int64]
_NO_MONTH = np.iinfo(np.int64).min
_EVER = tuple(np.array(PLAUSIBLE_MS, "datetime64[ms]").astype("datetime64[M]").astype(int))


def month_numbers(unix_ms: Ints) -> Ints:
    """Return UTC months since 1970 of Unix times."""
    return unix_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)


def name(number: int) -> str:
    """Return 2026-03, or unset."""
    return UNSET if number == _NO_MONTH else str(np.datetime64(number, "M"))


def of_records(unix_ms: Ints, known: NDArray[np.bool_]) -> Ints:
    """Return the month number of each record."""
    return np.where(known, month_numbers(unix_ms), _NO_MONTH)


def number(month: str) -> int:
    """Return the opposite of `name`."""
    return _NO_MONTH if month == UNSET else int(np.datetime64(month, "M").astype(np.int64))


def pages_by_month(pages: Iterable[PageFacts], dating: Dating) -> dict[str, list[int]]:
    """Return for each month the pages that may have records of it, ascending."""
    found: dict[int, set[int]] = {}
    for boot, owner, first, last in _stretches(pages):
        points = _parts(first, last, [a.uptime_ms for a in dating.of_boot(boot)[1:]])
        page = owner[points[0]]
        dated = [dating.date(np.full(len(uptime), boot), uptime) for uptime in points[1:]]
        timeless = (dated[0].quality == 0) | (dated[1].quality == 0)
        low, high = (np.clip(month_numbers(one.unix_ms), *_EVER).tolist() for one in dated)
        for i, one in enumerate(page.tolist()):
            if timeless[i]:
                found.setdefault(_NO_MONTH, set()).add(one)
            if dating.of_boot(boot):
                for month in range(low[i], high[i] + 1):
                    found.setdefault(month, set()).add(one)
    return {name(month): sorted(found[month]) for month in sorted(found)}


def _stretches(pages: Iterable[PageFacts]) -> Iterable[tuple[int, Ints, Ints, Ints]]:
    """For each boot its stretches: page, uptime of the first and of the last record."""
    rows: dict[int, list[tuple[int, int, int]]] = {}
    for facts in pages:
        if not facts.interval_ms:
            continue
        for stretch in facts.stretches:
            first = (stretch.slot + 1) * facts.interval_ms
            last = (stretch.slot + stretch.count) * facts.interval_ms
            rows.setdefault(stretch.boot, []).append((facts.page, first, last))
    for boot, found in sorted(rows.items()):
        page, first, last = np.array(found, np.int64).T
        yield boot, page, first, last


def _parts(first: Ints, last: Ints, cuts: list[int]) -> tuple[Ints, Ints, Ints]:
    """Stretches cut before each of the sorted `cuts`: (index of the stretch, from, to)."""
    at = np.array(cuts, np.int64)
    low, high = np.searchsorted(at, first, "right"), np.searchsorted(at, last, "right")
    count = high - low
    index = np.repeat(np.arange(len(first)), count + 1)
    starts = np.cumsum(count + 1) - (count + 1)
    # The k-th part of a stretch begins at its k-th cut and ends before the next.
    k = np.arange(len(index)) - starts[index]
    begin, end = first[index].copy(), last[index].copy()
    inner = k > 0
    begin[inner] = at[low[index[inner]] + k[inner] - 1]
    before = k < count[index]
    end[before] = at[low[index[before]] + k[before]] - 1
    return index, begin, np.maximum(begin, end)


@dataclass(frozen=True)
class Bounds:
    """A boot without a time began at `begin_ms` or later and had ended by `end_ms` (Unix; 0 =
    nobody knows); `length_ms` of it are known.
    """

    begin_ms: int
    end_ms: int
    length_ms: int


def bounds(pages: Iterable[PageFacts], dating: Dating) -> dict[int, Bounds]:
    """Return bounds of each boot that no anchor dates: between the boots that are dated (FORMAT.md
    section 6).
    """
    length = {boot: int(last.max()) for boot, _, _, last in _stretches(pages)}
    spans: dict[int, tuple[int, int]] = {}
    for boot, last in length.items():
        dated = dating.date(np.full(2, boot), np.array([0, last]))
        if dated.quality[1] > 0:
            spans[boot] = (
                int(dated.unix_ms[0] - dated.uncertainty_ms[0]),
                int(dated.unix_ms[1] + dated.uncertainty_ms[1]),
            )
    found = {}
    for boot, last in length.items():
        if boot not in spans:
            before = max((b for b in spans if b < boot), default=None)
            after = min((b for b in spans if b > boot), default=None)
            found[boot] = Bounds(
                0 if before is None else spans[before][1],
                0 if after is None else spans[after][0],
                last,
            )
    return found

# SPDX-License-Identifier: MIT
"""Which records of an epoch the archive lacks, and why: pulls, ledger and tables ask here.

A *hole* is a range of record numbers that the archive does not have: `damaged` when its page is
here but cannot be read, `lost` when it cannot come any more, `missing` when it did not come: then
another pull may bring it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from tirta.ranges import Range, merged

DAMAGED, LOST, MISSING = "damaged", "lost", "missing"
OVERWRITTEN = "the node has overwritten it"

Loss = tuple[int, int, str]  # first, last, and why they cannot come


@dataclass(frozen=True)
class Hole:
    """Records `first` to `last`, both inside; `reason` says why they are lost, where that is
    known.
    """

    first: int
    last: int
    state: str
    reason: str | None = None

    @property
    def records(self) -> int:
        """How many records there would be."""
        return self.last - self.first + 1


def find(lacking: Iterable[Range], damaged: Iterable[Range], lost: Iterable[Loss]) -> list[Hole]:
    """Say of numbers that are not in the archive why that is, cut where the answer changes.

    `damaged` are numbers whose pages are here and cannot be read; that counts before `lost`. Of
    several losses the first one gives the reason. However many there are, each is looked at once.
    """
    found: list[Hole] = []
    for first, last, why in _reasons(merged(lacking), lost):
        hole = Hole(first, last, LOST if why else MISSING, why)
        before = found[-1] if found else None
        if before and before.last + 1 == first and before.reason == why:
            hole = Hole(found.pop().first, last, hole.state, why)
        found.append(hole)
    return list(_damaged(found, merged(damaged)))


def in_damaged_pages(pages: Iterable[tuple[int, bool]], beyond: int) -> list[Range]:
    """Return the numbers that damaged pages may have held.

    `pages` are (first number, whether it is damaged) in ascending order: a page holds numbers up
    to the first one of the page behind it, the last page those below `beyond`.
    """
    ordered = [*pages, (beyond, False)]
    return [(first, behind - 1) for (first, bad), (behind, _) in pairwise(ordered) if bad]


def _reasons(lacking: list[Range], lost: Iterable[Loss]) -> list[tuple[int, int, str | None]]:
    """Cut ranges by the first loss that each number lies in; None where it lies in none."""
    starts, ends = [first for first, _ in lacking], [last for _, last in lacking]
    found: list[tuple[int, int, str | None]] = []
    for a, b, why in lost:
        i, j = bisect_left(ends, a), bisect_right(starts, b)
        if i >= j or a > b:  # b before a: a loss of nothing
            continue
        hit = list(zip(starts[i:j], ends[i:j], strict=True))
        found += [(max(first, a), min(last, b), why) for first, last in hit]
        left = [(hit[0][0], a - 1)] if hit[0][0] < a else []
        left += [(b + 1, hit[-1][1])] if hit[-1][1] > b else []
        starts[i:j], ends[i:j] = [first for first, _ in left], [last for _, last in left]
    found += [(first, last, None) for first, last in zip(starts, ends, strict=True)]
    return sorted(found, key=lambda piece: piece[0])


def _damaged(found: list[Hole], damaged: list[Range]) -> Iterator[Hole]:
    """The holes, cut at the ends of damaged ranges."""
    ends = [last for _, last in damaged]
    for hole in found:
        at, i = hole.first, bisect_left(ends, hole.first)
        while at <= hole.last:
            first, last = damaged[i] if i < len(damaged) else (hole.last + 1, hole.last + 1)
            if at < first:
                yield Hole(at, min(first - 1, hole.last), hole.state, hole.reason)
            if first <= hole.last:
                yield Hole(max(at, first), min(last, hole.last), DAMAGED, hole.reason)
            at, i = last + 1, i + 1

# SPDX-License-Identifier: MIT
"""Which records of an epoch the archive lacks, and why: pulls, ledger and tables ask here.

A *hole* is a range of record numbers that the archive does not have: `damaged` when its page is
here but cannot be read, `lost` when it cannot come any more, `missing` when it did not come: then
another pull may bring it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tirta.ranges import Range

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


def find(lacking: Iterable[Range], damaged: list[Range], lost: list[Loss]) -> list[Hole]:
    """Say of numbers that are not in the archive why that is, cut where the answer changes.

    `damaged` are numbers whose pages are here and cannot be read; that counts before `lost`. Of
    several losses the first one gives the reason.
    """
    return [hole for first, last in lacking for hole in _of_range(first, last, damaged, lost)]


def in_damaged_pages(pages: Iterable[tuple[int, bool]], beyond: int) -> list[Range]:
    """Return the numbers that damaged pages may have held.

    `pages` are (first number, whether it is damaged) in ascending order: a page holds numbers up
    to the first one of the page behind it, the last page those below `beyond`.
    """
    ordered = [*pages, (beyond, False)]
    return [(first, behind - 1) for (first, bad), (behind, _) in pairwise(ordered) if bad]


def _of_range(first: int, last: int, damaged: list[Range], lost: list[Loss]) -> list[Hole]:
    ranges = [*damaged, *((low, high) for low, high, _ in lost)]
    inner = (edge for low, high in ranges for edge in (low, high + 1))
    found: list[Hole] = []
    for low, behind in pairwise(
        sorted({first, last + 1, *(e for e in inner if first < e <= last)})
    ):
        why = next((reason for a, b, reason in lost if a <= low <= b), None)
        hurt = any(a <= low <= b for a, b in damaged)
        state = DAMAGED if hurt else LOST if why else MISSING
        if found and (found[-1].state, found[-1].reason) == (state, why):
            low = found.pop().first  # noqa: PLW2901 - it goes on
        found.append(Hole(low, behind - 1, state, why))
    return found

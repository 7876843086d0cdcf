# SPDX-License-Identifier: MIT
"""What became of a node's records, as far as its hello tells which it has: ARCHIVE/NODE/EPOCH/
ledger.json, the one that a pull keeps, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Self

from tirta.archive import holes, standings
from tirta.archive.contents import Contents
from tirta.archive.evidence import Epoch
from tirta.archive.holes import Hole
from tirta.archive.ledger import Ledger
from tirta.log.known_pages import refresh
from tirta.ranges import Range, count, in_both, without
from tirta_format import page as format_page


@dataclass(frozen=True)
class Inventory:
    """What a hello says of a node's log; `spans` are of page sequences, the newest first."""

    epoch: int
    next_number: int
    oldest_number: int
    newest_page: int
    end: int
    spans: tuple[Range, ...]
    clock_ms: int = standings.UNKNOWN_CLOCK_MS  # how unsure its clock is

    @classmethod
    def of(cls, hello: dict[str, int], spans: list[Range]) -> Self:
        """Make it of a hello that was opened."""
        return cls(
            hello["epoch"], hello["next_number"], hello["oldest_number"], hello["newest_page"],
            hello["end"], tuple(spans),
            hello["uncertainty_ms"] if hello["unix_ms"] else standings.UNKNOWN_CLOCK_MS,
        )  # fmt: skip

    def pages(self) -> Iterator[int]:
        """Give the pages of the node in ascending order."""
        for first, last in reversed(self.spans):
            yield from range(first, last + 1)

    def wanted(self, page: int) -> int:
        """Return how many bytes of a page are durable on the node."""
        return self.end if page == self.newest_page else format_page.SIZE


@dataclass(frozen=True)
class Account:
    """How many records of an epoch are here, and which are not of those that the node tells of."""

    records: int
    holes: list[Hole]

    @property
    def missing(self) -> int:
        """How many records did not come yet, and may."""
        return self._count(holes.MISSING)

    @property
    def gone(self) -> int:
        """How many cannot come any more, or cannot be read."""
        return self._count(holes.LOST) + self._count(holes.DAMAGED)

    def _count(self, state: str) -> int:
        return sum(hole.records for hole in self.holes if hole.state == state)


def account(epoch: Epoch, told: Inventory) -> Account:
    """Look what is here of what the node tells of, and enter it in the ledger. Raises TirtaError
    where a file cannot be written.
    """
    contents = Contents.of(epoch)
    refresh(contents)
    contents.save()
    have = contents.have()
    wanted = [(0, told.next_number - 1)] if told.next_number else []
    lacking = without(wanted, have)
    damaged = without(contents.damaged(told.next_number), _unread(contents, told.next_number))
    gone = [(0, told.oldest_number - 1, holes.OVERWRITTEN)]
    whole = _whole(contents, told)
    # A loss is told as a bound: it is believed of pages that are here as a whole.
    found = holes.find(in_both(lacking, whole), damaged, [*contents.losses(), *gone])
    found += holes.find(without(lacking, whole), damaged, gone)
    ledger = Ledger(epoch)
    ledger.detect(have, 0, told.next_number)
    ledger.collect_ended(have, found)
    ledger.save()
    return Account(count(have), sorted(found, key=lambda hole: hole.first))


def _unread(contents: Contents, beyond: int) -> list[Range]:
    """The numbers of pages that wait for the text of their config, which lies in another page."""
    ordered = (contents.pages[sequence] for sequence in sorted(contents.pages))
    return holes.in_damaged_pages(((p.first_record, p.config_hash != 0) for p in ordered), beyond)


def _whole(contents: Contents, told: Inventory) -> list[Range]:
    """The numbers of those of the node's pages that are here as far as they are durable there."""
    found = []
    pages = list(told.pages())
    for sequence, behind in zip_longest(pages, pages[1:]):
        page = contents.pages.get(sequence)
        if page is None or page.stored.size < told.wanted(sequence):
            continue
        if sequence == told.newest_page:
            found.append((page.first_record, told.next_number - 1))
        elif behind == sequence + 1 and behind in contents.pages:
            found.append((page.first_record, contents.pages[behind].first_record - 1))
    return [(first, last) for first, last in found if first <= last]

# SPDX-License-Identifier: MIT
"""Which records a person wants: from and to, by number or by time.

A pull brings whole pages, so a time is looked up in the headers of pages: some requests of a few
bytes each. A page that has no date (its boot never had a clock, or sampled at another pace) decides
nothing: then more comes than was asked for, never less.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from tirta.errors import TirtaError
from tirta.link import answers
from tirta.link.answers import IndexEntry
from tirta.link.page_reader import read_pages
from tirta.log.dating import Anchor
from tirta.node import Node
from tirta.node.digest_check import must_match
from tirta_format import page as format_page


@dataclass(frozen=True)
class Wanted:
    """`begin` is a number or a time, `end` too, or None for all that there is; both are inside."""

    begin: int | datetime = 0
    end: int | datetime | None = None

    @classmethod
    def of(cls, begin: object, end: object) -> Self:
        """Make it from what the command line gave."""
        return cls(
            begin if isinstance(begin, int | datetime) else 0,
            end if isinstance(end, int | datetime) else None,
        )

    def numbers(self, node: Node) -> tuple[int, int | None]:
        """Look up the first number, and the one behind the last. Raises TirtaError without any
        time.
        """
        since, until = self.begin, None if self.end is None else self.end
        if isinstance(until, int):
            until += 1
        if isinstance(since, int) and not isinstance(until, datetime):
            return since, until
        pages = _Pages(node, answers.filled(node.status()))
        if isinstance(until, datetime):
            until = pages.behind(until)
        if isinstance(since, datetime):
            since = pages.before(since)
        return since, until


class _Pages:
    """The pages of a node by the time of their first records."""

    def __init__(self, node: Node, status: dict[str, Any]) -> None:
        self._node = node
        self._status = status
        self._index = node.index()
        self._known: dict[int, float | None] = {}

    def before(self, moment: datetime) -> int:
        """Return a number that no record from `moment` on is below: that of the last page before
        it, or the one that a node without gaps would have given it, whichever is later.
        """
        place = self._first(lambda date: date > moment.timestamp())
        dated = [e for e in self._index[:place] if self._date(e, ask=False) is not None]
        number = dated[-1].first_record if dated else 0
        status = self._status
        if status.get("unix"):
            age_s = int(status["unix"]) - moment.timestamp()
            behind = int(age_s / float(status["interval_s"])) + 1
            number = max(number, int(status["next_record"]) - behind)
        elif all(date is None for date in self._known.values()):
            raise TirtaError(
                f"No record of node {self._node.hello.node} has a time yet: its clock was never"
                " set.",
                "Give record numbers; `tirta status` tells which there are.",
            )
        return number

    def behind(self, moment: datetime) -> int | None:
        """Return a number that no record up to `moment` reaches, or None: all may be wanted."""
        place = self._first(lambda date: date > moment.timestamp())
        return self._index[place].first_record if place < len(self._index) else None

    def _first(self, later: Callable[[float], bool]) -> int:
        """The place of the first dated page that is later, by halves."""
        low, high, found = 0, len(self._index), len(self._index)
        while low < high:
            middle = (low + high) // 2
            place, date = middle, None
            while place < high and (date := self._date(self._index[place])) is None:
                place += 1
            if date is None:
                high = middle
            elif later(date):
                high, found = middle, place
            else:
                low = place + 1
        return found

    def _date(self, entry: IndexEntry, *, ask: bool = True) -> float | None:
        """Unix time in s of the page's first record, if its header tells."""
        if entry.page not in self._known and ask:
            span = (entry.page, 0, format_page.HEADER_SIZE)
            for _, data in read_pages(self._node.link, [[span]]):
                must_match(self._node, entry.page, entry.page, len(data), data)
                self._known[entry.page] = self._told(data)
        return self._known.get(entry.page)

    def _told(self, data: bytes) -> float | None:
        head = format_page.header(data)
        if head is None or head.config_hash != self._status.get("config"):
            return None
        if not Anchor.of_page(head).plausible:
            return None
        first_s = (head.slot + 1) * float(self._status["interval_s"])
        return int(head.unix_ms) / 1000 + float(first_s)

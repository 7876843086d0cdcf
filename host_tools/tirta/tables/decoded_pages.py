# SPDX-License-Identifier: MIT
"""Pages to facts and records: opens them, checks their hashes, remembers what was decoded.

Pages are decoded in blocks, so that a log of any length needs the memory of one. What was decoded
is kept while it fits, because a month that is written right after a pull needs it again.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from tirta.archive.contents import Contents
from tirta.archive.evidence import Epoch
from tirta.errors import TirtaError
from tirta.log.decode import FAST_PAGES, Log, decode
from tirta.log.records import Records
from tirta.tables import events, facts
from tirta.tables.facts import PageFacts

BLOCK = 256  # pages
KEEP_VALUES = 24_000_000  # some 200 MB


class ChangedPageError(TirtaError):
    """A page is not what was pulled, or is gone."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not what was pulled: it is gone, or its SHA-256 differs.",
            "The tables keep its records. Set it aside with `tirta archive check DIR --rebuild`,"
            " then pull again: the node may still have it.",
        )


class DecodedPages:
    """The pages of one node's epoch, decoded when they are asked for."""

    def __init__(self, epoch: Epoch, keep_values: int = KEEP_VALUES) -> None:
        """`keep_values` bounds what is remembered."""
        self.epoch = epoch
        self.stored = Contents.of(epoch).stored()
        self._configs = epoch.configs()
        self._many = False
        self._room = keep_values
        self._kept: dict[int, list[Records]] = {}

    def survey(self, pages: Iterable[int]) -> tuple[list[PageFacts], list[dict[str, Any]]]:
        """Decode pages to their facts and events; their records are remembered as far as they
        fit.
        """
        found: list[PageFacts] = []
        happened: list[dict[str, Any]] = []
        wanted = list(pages)
        self._many = self._many or len(wanted) >= FAST_PAGES
        for block in _blocks(wanted):
            data = {page: self.stored[page].read() for page in block}
            log = self._decode(data)
            if self.epoch.keep_configs(log.config_texts):
                self._configs = self.epoch.configs()
            by_page = _by_page(log)
            for verdict in log.verdicts:
                page = verdict.page
                records = by_page.get(page, [])
                hashed = sha256(data[page]).hexdigest()
                found.append(facts.of_page(data[page], hashed, verdict, records, log.configs))
                self._remember(page, records)
            known = {one.page: log.configs.get(int(one.config or "0", 16)) for one in found}
            happened += events.rows(log.events, known)
        return found, happened

    def records(self, known: dict[int, PageFacts], pages: Iterable[int]) -> Iterator[Records]:
        """Yield the records of pages, in order. Raises ChangedPageError."""
        for block in _blocks(list(pages)):
            missing = {page: self._checked(known[page]) for page in block if page not in self._kept}
            fresh = _by_page(self._decode(missing) if missing else Log())
            for page in block:
                yield from self._kept.get(page) or fresh.get(page, [])

    def forget(self, beyond: set[int]) -> None:
        """Free what is remembered of all pages but these."""
        for page in [page for page in self._kept if page not in beyond]:
            self._room += sum(records.size for records in self._kept.pop(page))

    def _decode(self, data: dict[int, bytes]) -> Log:
        log = Log(self.epoch.node, self.epoch.number)
        return decode(data.items(), log, self._configs, many=self._many)

    def _checked(self, one: PageFacts) -> bytes:
        page = self.stored.get(one.page)
        data = page.read()[: one.size] if page else b""
        if sha256(data).hexdigest() != one.sha256:
            raise ChangedPageError(self.epoch.path(one.page))
        return data

    def _remember(self, page: int, records: list[Records]) -> None:
        size = sum(one.size for one in records)
        if size <= self._room:
            self._kept[page] = records
            self._room -= size


def _by_page(log: Log) -> dict[int, list[Records]]:
    found: dict[int, list[Records]] = {}
    for records in log.records:
        found.setdefault(records.page, []).append(records)
    return found


def _blocks(pages: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(pages), BLOCK):
        yield pages[at : at + BLOCK]

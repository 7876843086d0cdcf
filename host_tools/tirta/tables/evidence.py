# SPDX-License-Identifier: MIT
"""Evidence to facts and records: opens pages, checks their hashes, remembers what was decoded.

Pages are decoded in blocks, so that a log of any length needs the memory of one. What was decoded
is kept while it fits, because a month that is written right after a pull needs it again.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from tirta.archive.evidence import Epoch
from tirta.errors import TirtaError
from tirta.log.decode import FAST_PAGES, Log, decode
from tirta.tables import events, facts
from tirta.tables.facts import Facts
from tirta.tables.rows import Part, part_of

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


class Evidence:
    """The pages of one node's epoch."""

    def __init__(self, epoch: Epoch, keep_values: int = KEEP_VALUES) -> None:
        self.epoch = epoch
        self.stored = epoch.pages()
        self._configs = epoch.configs()
        self._many = False
        self._room = keep_values
        self._parts: dict[int, list[Part]] = {}

    def survey(self, pages: Iterable[int]) -> tuple[list[Facts], list[dict[str, Any]]]:
        """Facts and events of pages; their records are remembered as far as they fit."""
        found: list[Facts] = []
        happened: list[dict[str, Any]] = []
        wanted = list(pages)
        self._many = self._many or len(wanted) >= FAST_PAGES
        for block in _blocks(wanted):
            data = {page: self.stored[page].read() for page in block}
            log = self._decode(data)
            self._keep_texts(log)
            for verdict in log.verdicts:
                page = verdict.page
                batches = [batch for batch in log.batches if batch.page == page]
                hashed = sha256(data[page]).hexdigest()
                one = facts.of_page(data[page], hashed, verdict, batches, log.configs)
                found.append(one)
                self._remember(one, log)
            known = {one.page: log.configs.get(int(one.config or "0", 16)) for one in found}
            happened += events.rows(log.events, known)
        return found, happened

    def parts(self, known: dict[int, Facts], pages: Iterable[int]) -> Iterator[Part]:
        """The records of pages, in order. Raises ChangedPageError."""
        for block in _blocks(list(pages)):
            missing = {}
            for page in block:
                if page not in self._parts:
                    missing[page] = self._checked(known[page])
            log = self._decode(missing) if missing else Log()
            fresh = _parts_of(log, known)
            for page in block:
                yield from self._parts.get(page) or fresh.get(page, [])

    def forget(self, beyond: set[int]) -> None:
        """Free what is remembered of all pages but these."""
        for page in [page for page in self._parts if page not in beyond]:
            self._room += sum(part.size for part in self._parts.pop(page))

    def _decode(self, data: dict[int, bytes]) -> Log:
        log = Log(self.epoch.node, self.epoch.number)
        return decode(data.items(), log, self._configs, many=self._many)

    def _checked(self, one: Facts) -> bytes:
        page = self.stored.get(one.page)
        data = page.read()[: one.size] if page else b""
        if sha256(data).hexdigest() != one.sha256:
            raise ChangedPageError(self.epoch.path(one.page))
        return data

    def _keep_texts(self, log: Log) -> None:
        """A config lies in one page and is named by many: keep it where every block finds it."""
        for config_hash, text in log.config_texts.items():
            if text not in self._configs:
                self.epoch.store_config(config_hash, text)
                self._configs.append(text)

    def _remember(self, one: Facts, log: Log) -> None:
        parts = _parts_of(log, {one.page: one}).get(one.page, [])
        size = sum(part.size for part in parts)
        if size <= self._room:
            self._parts[one.page] = parts
            self._room -= size


def _parts_of(log: Log, known: dict[int, Facts]) -> dict[int, list[Part]]:
    found: dict[int, list[Part]] = {}
    for batch in log.batches:
        if batch.page in known:
            part = part_of(batch, int(known[batch.page].config, 16))
            found.setdefault(batch.page, []).append(part)
    return found


def _blocks(pages: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(pages), BLOCK):
        yield pages[at : at + BLOCK]

# SPDX-License-Identifier: MIT
"""Brings the tables up to date with the evidence, and rewrites only what changed.

Every file tells what it was made from, as one hash over its pages, the anchors that date them and
the calibrations that hold (its *inputs*): a file whose inputs are the same is left alone. So a
second landing writes nothing, a late anchor rewrites the months that it moves records out of and
into, and a landing that was cut off goes on.
"""

import contextlib
import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from tirta.archive.evidence import Archive, Epoch
from tirta.archive.quarantine import Attested
from tirta.files import atomic
from tirta.log.dating import Dating
from tirta.progress import Progress
from tirta.tables import channels, events, facts, holes, layout, months
from tirta.tables.decoded_pages import ChangedPageError, DecodedPages
from tirta.tables.facts import PageFacts
from tirta.tables.layout import Shelf
from tirta.tables.rows import MonthTables
from tirta.water import lab_calibrations
from tirta.water.lab_calibrations import Calibration
from tirta_format import config as format_config

README = "README.md"


@dataclass
class Landed:
    """What a landing did: months written and removed, values in those written, what is wrong."""

    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    values: int = 0
    problems: list[str] = field(default_factory=list)

    def __iadd__(self, other: "Landed") -> Self:
        self.written += other.written
        self.removed += other.removed
        self.values += other.values
        self.problems += other.problems
        return self


def land(epoch: Epoch, root: Path, *, anew: bool = False) -> Landed:
    """Bring the tables of one node's epoch up to date, and return what was done; `anew` believes no
    table that is there.

    Raises TirtaError when a file cannot be written, and what was written until then is whole; or
    when another version of tirta made the tables, which are left to it.
    """
    shelf = Shelf(root, epoch.node, epoch.number)
    if not anew:
        layout.must_be_known(shelf.table(layout.PAGES))
    describe(root)
    shelf.tidy()
    return _Landing(epoch, shelf, anew).run()


def land_all(
    archive: Path,
    nodes: Iterable[str] | None = None,
    *,
    anew: bool = False,
    processes: int = 1,
    progress: Progress = lambda _done, _all: None,
) -> Landed:
    """Bring all nodes' tables up to date, or those of `nodes`; each process takes one node's epoch
    at a time.
    """
    wanted = None if nodes is None else set(nodes)
    there = Archive(archive).epochs()
    epochs = [epoch for epoch in there if wanted is None or epoch.node in wanted]
    one = partial(land, root=archive, anew=anew)
    total = Landed()
    if processes == 1 or len(epochs) < 2:
        for done, epoch in enumerate(epochs, 1):
            total += one(epoch)
            progress(done, len(epochs))
        return total
    with ProcessPoolExecutor(processes) as pool:
        for done, landed in enumerate(pool.map(one, epochs), 1):
            total += landed
            progress(done, len(epochs))
    return total


def describe(root: Path) -> None:
    """Write the archive's README, so that whoever finds the folder can read it."""
    text = files("tirta.tables").joinpath("ARCHIVE.md").read_bytes()
    path = root / README
    if not path.exists() or path.read_bytes() != text:
        atomic.write(path, text)


class _Landing:
    def __init__(self, epoch: Epoch, shelf: Shelf, anew: bool) -> None:
        self.epoch = epoch
        self.shelf = shelf
        self.pages = DecodedPages(epoch)
        self.anew = anew
        self.attested = Attested.of(epoch)
        self.done = Landed()
        self.known: dict[int, PageFacts] = {}
        self.rows: list[dict[str, Any]] = []

    def run(self) -> Landed:
        self._survey()
        page_anchors = {}
        for one in self.known.values():
            if anchor := one.anchor():
                page_anchors[one.boot] = anchor
        dating = Dating(events.anchors(self.rows), page_anchors)
        self._months(dating)
        number = self.epoch.number
        self._table(layout.EVENTS, events.to_table(number, self.rows, dating))
        self._table(layout.HOLES, holes.table(number, self.known, self.rows, dating))
        used = {one.config for one in self.known.values()}
        self._table(layout.CHANNELS, channels.to_table(number, self.epoch.configs(), used))
        # Last: as long as it is the old one, the next landing looks at the new pages again.
        ordered = [self.known[page] for page in sorted(self.known)]
        self._table(layout.PAGES, facts.to_table(number, ordered))
        return self.done

    def _survey(self) -> None:
        """Facts and events of all pages, from the tables where they are of the same evidence."""
        self._load()
        stored = self.pages.stored
        fresh = [
            p
            for p, page in stored.items()
            if p not in self.known or self._grown(page.size, p) or self._corrected(p)
        ]
        if fresh and not self._take(fresh):
            self._take(list(stored))  # its config lies, in part, in an older page

    def _load(self) -> None:
        pages = layout.read(self.shelf.table(layout.PAGES), layout.PAGE_SCHEMA)
        happened = layout.read(self.shelf.table(layout.EVENTS), layout.EVENT_SCHEMA)
        if pages is not None and happened is not None and not self.anew:
            self.known = facts.from_table(pages)
            self.rows = events.from_table(happened)
            for page in sorted(set(self.known) - set(self.pages.stored)):
                if page in self.attested.rejected:  # it never was the node's
                    del self.known[page]
                    self.rows = [row for row in self.rows if row["page"] != page]
                else:
                    self.done.problems.append(str(ChangedPageError(self.epoch.path(page))))

    def _grown(self, size: int, page: int) -> bool:
        known = self.known[page]
        text_came = not known.interval_ms and known.config and self._has_text(known.config)
        return size > known.size or bool(text_came)

    def _corrected(self, page: int) -> bool:
        """Whether the node has confirmed another page than the tables were made from."""
        sure, known = self.attested.pages.get(page), self.known[page]
        if sure is None or (sure.size, sure.sha256) == (known.size, known.sha256):
            return False
        data = self.pages.stored[page].read()
        return sure.holds(data) and sha256(data[: known.size]).hexdigest() != known.sha256

    def _has_text(self, config: str) -> bool:
        return any(
            facts.hex_of(format_config.config_hash(text)) == config for text in self.epoch.configs()
        )

    def _take(self, pages: list[int]) -> bool:
        """Look at pages; whether the configs of all were known."""
        found, happened = self.pages.survey(pages)
        taken = set(pages)
        for one in found:
            self.known[one.page] = one
        self.rows = [row for row in self.rows if row["page"] not in taken] + happened
        self.rows.sort(key=lambda row: (row["page"], row["place"]))
        return all(one.interval_ms or not one.config for one in found)

    def _months(self, dating: Dating) -> None:
        wanted = months.pages_by_month(self.known.values(), dating)
        bounds = months.bounds(self.known.values(), dating)
        known = lab_calibrations.read(self.shelf.root / self.shelf.node)
        names = list(wanted)
        kept = set()
        for at, month in enumerate(names):
            pages = wanted[month]
            inputs = self._inputs(month, pages, dating, bounds, known)
            path = self.shelf.month(month)
            if self.anew or layout.inputs_of(path) != inputs:
                records = MonthTables(month, self.shelf.epoch, dating, bounds, known)
                if not self._fill(records, pages):
                    kept.add(month)
                elif len(records):
                    layout.write_records(path, self._counted(records), inputs)
                    self.done.written.append(month)
                    kept.add(month)
            else:
                kept.add(month)
            self.pages.forget({page for later in names[at + 1 :] for page in wanted[later]})
        for month, path in self.shelf.months().items():
            if month not in kept:
                path.unlink()
                with contextlib.suppress(OSError):  # another epoch's records are in it
                    path.parent.rmdir()
                self.done.removed.append(month)

    def _fill(self, records: MonthTables, pages: list[int]) -> bool:
        try:
            for found in self.pages.records(self.known, pages):
                records.add(found)
        except ChangedPageError as error:
            self.done.problems.append(str(error))
            return False
        return True

    def _counted(self, records: MonthTables) -> Iterable[pa.Table]:
        for table in records.tables():
            self.done.values += len(table)
            yield table

    def _inputs(
        self,
        month: str,
        pages: list[int],
        dating: Dating,
        bounds: dict[int, months.Bounds],
        known: list[Calibration],
    ) -> str:
        boots = sorted({s.boot for page in pages for s in self.known[page].stretches})
        parts = {
            "pages": [(page, self.known[page].size, self.known[page].sha256) for page in pages],
            "anchors": [(boot, [vars(a) for a in dating.of_boot(boot)]) for boot in boots],
            "calibrations": [vars(one) for one in known],
        }
        if month == layout.UNSET:
            parts["bounds"] = [(b, vars(bounds[b])) for b in boots if b in bounds]
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _table(self, name: str, table: pa.Table) -> None:
        """Write a table that differs from the one that is there."""
        path = self.shelf.table(name)
        there = layout.read(path, table.schema)
        if there is None or self.anew or not there.equals(table):
            layout.write(path, table.schema, [table], "")

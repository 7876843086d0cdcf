# SPDX-License-Identifier: MIT
"""What is true of a partition before a trial of flash_faults.py, and what lies there behind it."""

from typing import Any

from format_reader import PAGE_BYTES, Meta
from oracle import Event, Sample, journal_pages, totals
from page_cache import JOURNAL_MARK, LOG_MARK, Page, Pages

Key = tuple[int, int]  # epoch, number
BOOT, LOSS, CHECKPOINT = 1, 4, 5
OVERWRITTEN = 5
TORN = 6
SAID = {4, OVERWRITTEN, TORN}  # reasons: flash, overwritten, a tail that may have been torn
FOR_EVER = 1 << 40


def shown(record: Any) -> Sample:
    """A record as a sample."""
    return [record.boot, record.slot, list(record.values), list(record.flags)]


class Cells:
    """All pages of an image, of every epoch. `rings`: the first block of the log."""

    def __init__(self, pages: Pages, image: bytes) -> None:
        blocks = [image[at : at + PAGE_BYTES] for at in range(0, len(image), PAGE_BYTES)]
        self.rings = journal_pages(len(blocks))
        self.pages: dict[int, Page] = {}
        self.broken = False  # a page of the log has no header
        for block, data in enumerate(blocks):
            page = pages.page(data, JOURNAL_MARK if block < self.rings else LOG_MARK)
            if page.header is not None:
                self.pages[block] = page
            elif block >= self.rings and data[2:].strip(b"\xff"):
                self.broken = True

    def log(self) -> dict[int, Page]:
        """The pages of the log, by block."""
        return {block: page for block, page in self.pages.items() if block >= self.rings}

    def oldest(self, epoch: int) -> int:
        """Number with which the oldest page of this epoch begins."""
        heads = [p.header for p in self.log().values() if p.header and p.header.epoch == epoch]
        return min((head.number for head in heads), default=0)

    def newest(self, epoch: int) -> int:
        """Number with which the newest page of this epoch begins."""
        heads = [p.header for p in self.log().values() if p.header and p.header.epoch == epoch]
        return max((head.number for head in heads), default=0)

    def holds(self, epoch: int) -> bool:
        """Whether there is a page of this epoch."""
        return any(p.header and p.header.epoch == epoch for p in self.log().values())

    def sequences(self) -> set[Key]:
        """(epoch, sequence) of each page of the log."""
        return {(p.header.epoch, p.header.sequence) for p in self.log().values() if p.header}

    def doubles(self) -> list[tuple[int, int]]:
        """Blocks of a ring whose pages have the same epoch and sequence."""
        blocks: dict[tuple[bool, int, int], int] = {}
        found = []
        for block, page in self.pages.items():
            if page.header is not None:
                key = block >= self.rings, page.header.epoch, page.header.sequence
                if key in blocks:
                    found.append((blocks[key], block))
                blocks[key] = block
        return found

    def shows_damage(self) -> bool:
        """Whoever reads the log sees that something is missing."""
        return self.broken or any(page.damage for page in self.log().values())

    def _metas(self, kind: int) -> list[Meta]:
        """Those of the log, the newest first."""
        log = [(p.header.sequence, p) for p in self.log().values() if p.header]
        log.sort(key=lambda item: -item[0])
        return [meta for _, page in log for meta in reversed(page.metas) if meta.type == kind]

    def checkpoint(self) -> dict[str, int]:
        """The totals that the newest checkpoint names."""
        found = self._metas(CHECKPOINT)
        return dict(found[0].fields["totals"]) if found else {}

    def pulled(self, epoch: int) -> int:
        """What a laptop has of this epoch, by the newest checkpoint."""
        found = [meta for meta in self._metas(CHECKPOINT) if meta.epoch == epoch]
        return int(found[0].fields["pulled"]) if found else 0

    def boots(self) -> set[Key]:
        """(epoch, boot) of the boot records."""
        return {(meta.epoch, meta.fields["boot"]) for meta in self._metas(BOOT)}


class Base:
    """What a trial begins with. `samples`: of the run, by number; some wait behind `number`, the
    first that was not acknowledged. `kept`: {number: (block, sequence)} of what lies there.
    """

    def __init__(self, event: Event, samples: dict[int, Sample], cells: Cells) -> None:
        self.name = event["name"]
        self.epoch = event["epoch"]
        self.number = event["number"]
        self.pulled = event["pulled"]
        self.lost = event["lost"]
        self.regime = event["regime"]
        self.ends = event["ends"]  # its numbers do
        self.samples = samples
        self.cells = cells
        self.totals = totals([s for number, s in samples.items() if number < self.number])
        self.known = {page.data for page in cells.pages.values()}
        self.last = self.last_of_journal = 0  # sequence of the newest page
        self.kept: dict[int, tuple[int, int]] = {}
        log = cells.log()
        for block, page in [*log.items(), *cells.pages.items()]:
            if page.header is None or page.header.epoch != self.epoch:
                continue
            end = max(self.kept, default=-1)
            sequence = page.header.sequence
            if block >= cells.rings:
                self.last = max(self.last, sequence)
            else:
                self.last_of_journal = max(self.last_of_journal, sequence)
            for record in page.records:
                if block >= cells.rings or record.number > end:
                    self.kept[record.number] = block, sequence


def held_by(base: Base) -> set[Key]:
    """(epoch, sequence) of the pages of the log that hold records."""
    log = base.cells.log().values()
    return {(p.header.epoch, p.header.sequence) for p in log if p.header and p.records}


class Ranges:
    """Numbers that loss records name, by epoch."""

    def __init__(self) -> None:
        self._ranges: dict[int, list[tuple[int, int]]] = {}
        self._gone: dict[int, list[tuple[int, int]]] = {}
        self._torn: dict[int, list[tuple[int, int]]] = {}

    def add(self, epoch: int, first: int, end: int, reason: int) -> None:
        """`first` to `end - 1` are missing."""
        self._ranges.setdefault(epoch, []).append((first, end))
        if reason == OVERWRITTEN:
            self._gone.setdefault(epoch, []).append((first, end))
        if reason == TORN:
            self._torn.setdefault(epoch, []).append((first, end))

    def end_of_damage(self, epoch: int, number: int) -> int:
        """Behind the damage that one of them names and that reaches over this number, or that."""
        ends = [end for first, end in self._torn.get(epoch, []) if first <= number < end]
        return max(ends, default=number)

    def say_gone(self, epoch: int, number: int) -> bool:
        """Whether one of them says that it was overwritten."""
        return any(first <= number < end for first, end in self._gone.get(epoch, []))

    def say_gone_behind(self, epoch: int, number: int) -> bool:
        """Whether one of them says that later ones were overwritten."""
        return any(first > number for first, _ in self._gone.get(epoch, []))

    def have(self, epoch: int, number: int) -> bool:
        """Whether one of them names it."""
        return any(first <= number < end for first, end in self._ranges.get(epoch, []))


def said(cells: Cells) -> Ranges:
    """What the log says of records that were acknowledged and are gone."""
    ranges = Ranges()
    for page in cells.log().values():
        for meta in page.metas:
            if meta.type == LOSS and meta.fields["reason"] in SAID:
                end = meta.fields["number"]
                ranges.add(meta.epoch, end - meta.fields["lost"], end, meta.fields["reason"])
    return ranges


def ranges_hurt(hurt: list[list[int]], cells: Cells, told: Ranges) -> list[tuple[int, int]]:
    """The numbers that pages which were hurt may have held: up to the next page of their ring; and
    beyond, where damage is told that begins there, or behind what the journal had of it.
    """
    found = []
    for block, sequence, first, epoch in hurt:
        if sequence:
            is_log = block >= cells.rings
            later = [
                (page.header.number, page)
                for other, page in cells.pages.items()
                if page.header
                and page.header.epoch == epoch
                and page.header.sequence > sequence
                and page.header.number > first
                and (other >= cells.rings) == is_log
            ]
            end, page = min(later, key=lambda each: each[0], default=(FOR_EVER, None))
            if page is not None and is_log:
                end = max(end, *(told.end_of_damage(epoch, at) for at in (end, _behind(page))))
            found.append((first, end))
    return found


def _behind(page: Page) -> int:
    """The first number behind the records in a row with which this page begins."""
    assert page.header is not None
    number = page.header.number
    has = {record.number for record in page.records if record.epoch == page.header.epoch}
    while number in has:
        number += 1
    return number

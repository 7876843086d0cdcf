# SPDX-License-Identifier: MIT
"""Judges what flash_faults.py reports: the cells of the flash against all that was sampled,
acknowledged and pulled, before the fault and behind it.

It reads images with `format_reader`, never with the product. A record is *owned* by the sample for
which its (epoch, number) was acknowledged. Blocks that are *hurt* are those in which the fault
changed cells that the node had not named, or flipped them at rest: their records may be lost.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from format_reader import PAGE_BYTES
from oracle import Event, Sample, journal_pages
from page_cache import JOURNAL_MARK, LOG_MARK, Page, Pages

Key = tuple[int, int]  # epoch, number
ERASES = 3  # of an attempt at most
LOSS, RING, FLASH, OVERWRITTEN = 4, 3, 4, 5
NUMBERS_END = (1 << 32) - 1000


class Cells:
    """All pages of an image, of every epoch."""

    def __init__(self, pages: Pages, image: bytes) -> None:
        blocks = [image[at : at + PAGE_BYTES] for at in range(0, len(image), PAGE_BYTES)]
        self.rings = journal_pages(len(blocks))
        self.pages: dict[int, Page] = {}
        for block, data in enumerate(blocks):
            page = pages.page(data, JOURNAL_MARK if block < self.rings else LOG_MARK)
            if page.header is not None:
                self.pages[block] = page

    def log(self) -> dict[int, Page]:
        return {block: page for block, page in self.pages.items() if block >= self.rings}


def shown(record: Any) -> Sample:
    """A record as a sample."""
    return [record.boot, record.slot, list(record.values), list(record.flags)]


@dataclass
class Base:
    """What a trial begins with."""

    name: str
    epoch: int
    number: int  # of the first record that was not acknowledged
    samples: dict[int, Sample]  # of the run, by number; some wait behind `number`
    cells: Cells
    pulled: int
    regime: int
    last: int = 0  # sequence of the newest page of the log
    kept: dict[int, int] = field(default_factory=dict)  # number: block of the log, or -1: journal

    def __post_init__(self) -> None:
        for block, page in self.cells.log().items():
            if page.header is not None and page.header.epoch == self.epoch:
                self.last = max(self.last, page.header.sequence)
                self.kept.update((record.number, block) for record in page.records)
        end = max(self.kept, default=-1)
        for block in self.cells.pages.keys() - self.cells.log().keys():
            for record in self.cells.pages[block].records:
                if record.epoch == self.epoch and record.number > end:
                    self.kept[record.number] = -1
        self.known = {page.data for page in self.cells.pages.values()}


class FaultOracle:
    """Follows flash_faults.py event by event. `found`: how often each rule was broken;
    `examples`: the first trials that did.
    """

    def __init__(self) -> None:
        self._pages = Pages()
        self._runs: dict[int, dict[int, Sample]] = {}
        self._bases: dict[int, Base] = {}
        self.found: Counter[str] = Counter()
        self.examples: dict[str, list[tuple[int, str, str, Any]]] = {}
        self.counts: Counter[str] = Counter()
        self.most_erases = 0
        self.minutes = 0

    def take(self, event: Event, image: bytes) -> list[str]:
        """One event; the rules that this trial broke."""
        cells = Cells(self._pages, image)
        if "begins" in event:
            self._begin(event, cells)
            return []
        base = self._bases[event["base"]]
        name = f"{base.name}, {base.regime}"
        broken = Verdict(base, event, cells).rules()
        self.counts["trials"] += 1
        self.counts["hit"] += event["hits"] > 0
        self.counts["erases"] += event["erases"]
        self.most_erases = max(self.most_erases, event["most_erases"])
        self.minutes = max(self.minutes, event["minutes"])
        rules = sorted({rule for rule, _ in broken})
        for rule in rules:
            what = [each for broke, each in broken if broke == rule]
            told = event["trial"], name, event["plan"], what[0] if len(what) == 1 else what
            self.examples.setdefault(rule, []).append(told)
        self.found.update(rules)
        return rules

    def _begin(self, event: Event, cells: Cells) -> None:
        samples = self._runs.setdefault(event["run"], {})
        samples.update(enumerate(event["samples"], event["first"]))
        self._bases[event["begins"]] = Base(
            event["name"], event["epoch"], event["number"], dict(samples), cells,
            event["pulled"], event["regime"],
        )  # fmt: skip


class Verdict:
    """One trial."""

    def __init__(self, base: Base, event: Event, cells: Cells) -> None:
        self._base = base
        self._event = event
        self._cells = cells
        self._broken: list[tuple[str, Any]] = []
        self._owned: dict[Key, Sample] = {}  # of this trial: those of the base are a list
        self._may: dict[Key, list[Sample]] = {}  # not acknowledged
        self._pulled = {base.epoch: base.pulled}
        self._hurt = set(event["hurt"])

    def rules(self) -> list[tuple[str, Any]]:
        """(rule that was broken, what about it)."""
        event = self._event
        for rule in ("crash", "trouble", "false"):
            if event[rule]:
                self._broke(rule, event[rule])
        if event["most_erases"] > ERASES:
            self._broke("erases", event["most_erases"])
        for boot in event["boots"]:
            self._acknowledged(boot)
        self._read()
        self._missing()
        return self._broken

    def _broke(self, rule: str, what: Any) -> None:
        self._broken.append((rule, what))

    def _owner(self, key: Key) -> Sample | None:
        base = self._base
        if key[0] == base.epoch and key[1] < base.number:
            return base.samples.get(key[1])
        return self._owned.get(key)

    def _acknowledged(self, boot: Event) -> None:
        base, epoch, start = self._base, boot["epoch"], boot["start"]
        if epoch is None:
            return
        if epoch != base.epoch and base.epoch and not self._may_begin_anew():
            self._broke("epoch", (base.epoch, epoch))
        for i, sample in enumerate(boot["samples"]):
            key = epoch, start + i
            if i >= boot["acked"]:
                self._may.setdefault(key, []).append(sample)
            elif not epoch:
                self._broke("epoch", "0")
            elif self._owner(key) is not None:
                self._broke("twice", key)
            else:
                self._owned[key] = sample
        for epoch, number in boot["answered"]:
            self._pulled[epoch] = max(self._pulled.get(epoch, 0), number)

    def _may_begin_anew(self) -> bool:
        """No page of the log could be read, or its numbers end."""
        base = self._base
        return set(base.cells.log()) <= self._hurt or base.number >= NUMBERS_END

    def _read(self) -> None:
        """Nothing that lies there is altered or invented, or two things."""
        base = self._base
        self._there: dict[Key, Sample] = {}
        self._known: set[int] = set()  # numbers of pages that are as they were
        for block, page in self._cells.pages.items():
            if page.data in base.known:
                self._known.update(r.number for r in page.records if r.epoch == base.epoch)
                continue
            for record in page.records:
                self._judge(block, (record.epoch, record.number), shown(record))

    def _judge(self, block: int, key: Key, sample: Sample) -> None:
        owner = self._owner(key)
        if owner is not None:
            if sample != owner:
                self._broke("altered", (block, key, sample, owner))
        elif not self._is_known(key, sample):
            self._broke("invented", (block, key, sample))
        if self._there.setdefault(key, sample) != sample:
            self._broke("twice", ("two records", key))

    def _is_known(self, key: Key, sample: Sample) -> bool:
        base = self._base
        if key[0] == base.epoch and base.samples.get(key[1]) == sample:
            return True
        return sample in self._may.get(key, [])

    def _missing(self) -> None:
        """What was acknowledged is there, or is said to be gone."""
        base = self._base
        epoch = base.epoch
        there = self._known | {number for e, number in self._there if e == epoch}
        log = self._cells.log()
        left = {(p.header.epoch, p.header.sequence) for p in log.values() if p.header}
        gone = {
            block
            for block, page in base.cells.log().items()
            if page.header and (page.header.epoch, page.header.sequence) not in left
        }
        said = self._said()
        unsaid = 0
        of_journal: list[int] = []
        of_page: list[tuple[int, int]] = []
        for number, block in base.kept.items():
            if number in there or number >= base.number or block in self._hurt:
                continue
            if block < 0:
                if not any(hurt < self._cells.rings for hurt in self._hurt):
                    of_journal.append(number)
            elif block not in gone:
                of_page.append((number, block))
            elif number >= self._pulled.get(epoch, 0):
                unsaid += not any(first <= number < end for first, end in said.get(epoch, []))
        if unsaid:
            self._broke("unsaid", unsaid)
        if of_journal:
            self._broke("lost", ("of the journal", len(of_journal), of_journal[0]))
        if of_page:
            self._broke("lost", ("of a page that is there", len(of_page), of_page[0]))
        self._turned(gone, left)
        new = sorted(key for key in self._owned if key not in self._there)
        if new and not self._hurt:
            self._broke("lost", ("new", len(new), new[0]))

    def _turned(self, gone: set[int], left: set[Key]) -> None:
        """Pages go where others begin, one ahead."""
        base = self._base
        begun = sum(sequence > base.last for _, sequence in left)
        held = {block for block in gone - self._hurt if base.cells.pages[block].records}
        if len(held) > begun + 1:
            self._broke("pages", (len(held), begun))

    def _said(self) -> dict[int, list[tuple[int, int]]]:
        """The numbers that loss records name, by epoch."""
        said: dict[int, list[tuple[int, int]]] = {}
        for page in self._cells.log().values():
            for meta in page.metas:
                if meta.type == LOSS and meta.fields["reason"] in {FLASH, OVERWRITTEN}:
                    end = meta.fields["number"]
                    said.setdefault(meta.epoch, []).append((end - meta.fields["lost"], end))
        return said

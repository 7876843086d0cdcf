# SPDX-License-Identifier: MIT
"""Judges the lives that tests/micropython/uplink_faults.py tells: what was sampled against what two
archives have, page by page, and against the flash. It reads pages with `format_reader`, never with
the product.

*Lost*: a record that the node acknowledged, that an archive lacks and that no name tells of: the
node's word that it was overwritten, or its hello, which says from where on it has records. *Wrong*:
a record that differs, was never sampled or comes twice; a page that differs from the flash; a name
for what is not gone. *Doubled*: bytes that came again and differ.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from format_reader import PAGE_BYTES
from oracle import Image, Known, Sample
from page_cache import LOG_MARK, Page, Pages

OVERWRITTEN = 5
ARCHIVES = 2
Event = dict[str, Any]


@dataclass
class Sums:
    """What lives came to; `bad` are the first that are not well."""

    seeds: int = 0
    faults: int = 0
    records: int = 0
    bytes: int = 0
    holes: int = 0  # records that an archive lacks, and that have a name
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    bad: list[tuple[int, list[str]]] = field(default_factory=list)


class Life:
    """One node's, as it is told."""

    def __init__(self) -> None:
        self._truth: list[Known] = []  # by number; None where nothing was acknowledged or waited
        self._sure: list[bool] = []  # whether it was acknowledged
        self._pending: list[Sample] = []
        self._epochs: set[int] = set()
        self._pages: list[dict[int, bytes]] = [{} for _ in range(ARCHIVES)]
        self._flash = b""
        self.wrong: list[str] = []
        self.lost = self.holes = 0

    @property
    def records(self) -> int:
        """How many were acknowledged."""
        return sum(self._sure)

    @property
    def size(self) -> int:
        """How many bytes came into archives."""
        return sum(len(data) for pages in self._pages for data in pages.values())

    def take(self, event: Event, page: bytes) -> None:
        """Anything but its end."""
        if "archive" in event:
            self._pages[event["archive"]][event["page"]] = page[: event["size"]]
        elif "block" in event:
            self._flash += page
        else:
            self._boot(event)

    def _boot(self, event: Event) -> None:
        """A boot found some of what waited, and went on behind it."""
        start, samples, acked = event["start"], event["samples"], event["acked"]
        if start is None:
            return
        self._epochs.add(event["epoch"])
        gap = start - len(self._truth)
        if gap < 0:
            self.wrong.append(f"number {start} is given again")
            return
        self._truth += [*self._pending, *[None] * gap][:gap] + samples[:acked]
        self._sure += [False] * gap + [True] * acked
        self._pending = samples[acked:]

    def end(self, event: Event) -> None:
        """Judge it."""
        pages = Pages()
        image = Image(pages, self._flash)
        if self._epochs != {image.epoch}:
            self.wrong.append(f"epochs {self._epochs}")
        torn = set(event["torn"])
        self._same_as_flash(image, event["end"], torn)
        oldest = min(header.number for header, _, _ in image.pages)
        for header, block, _ in image.pages:
            if header.sequence in torn:  # a cut erase left some of it
                oldest = max(oldest, _behind(image, block))
        for i, have in enumerate(self._pages):
            read = [pages.page(d.ljust(PAGE_BYTES, b"\xff"), LOG_MARK) for d in have.values()]
            there = set(self._records(read))
            holes = {n for n, sure in enumerate(self._sure) if sure} - there
            said = max(event["oldest"][i], *_overwritten(read))
            self.holes += len(holes)
            self.lost += sum(n >= said for n in holes)
            false = [n for n in holes if n >= oldest]
            if false:
                self.wrong.append(f"archive {i}: {false[:5]} are called gone")

    def _same_as_flash(self, image: Image, end: int, torn: set[int]) -> None:
        for i, have in enumerate(self._pages):
            for header, _, page in image.pages:
                size = end if header.sequence == image.sequence else PAGE_BYTES
                data = have.get(header.sequence, b"")
                self.lost += max(0, size - len(data))
                if header.sequence not in torn and data[:size] != page.data[: len(data)][:size]:
                    self.wrong.append(f"archive {i}: page {header.sequence} differs")

    def _records(self, read: Iterable[Page]) -> Iterator[int]:
        """The numbers of what an archive has, each as it was sampled."""
        seen: set[int] = set()
        for page in read:
            for record in page.records:
                found = [record.boot, record.slot, list(record.values), list(record.flags)]
                n = record.number
                if n in seen or n >= len(self._truth) or self._truth[n] != found:
                    self.wrong.append(f"record {n} comes twice, or is none: {found}")
                seen.add(n)
                yield n


def _behind(image: Image, block: int) -> int:
    """Number of the first record behind this page."""
    sequence = image.by_block[block].header
    assert sequence is not None
    later = [h.number for h, _, _ in image.pages if h.sequence > sequence.sequence]
    return min(later, default=1 << 32)


def _overwritten(read: Iterable[Page]) -> list[int]:
    """Records below these are said to be overwritten."""
    losses = (m.fields for page in read for m in page.metas if m.type == 4)
    return [0, *(said["number"] for said in losses if said["reason"] == OVERWRITTEN)]


def judge(told: Iterable[tuple[Event, bytes]]) -> Sums:
    """Add up lives to the end of what is told."""
    sums, life = Sums(), Life()
    for event, page in told:
        if "seed" not in event:
            life.take(event, page)
            continue
        life.end(event)
        torn = set(event["torn"])
        doubled = sum(len(set(pages) - torn) for pages in event["differed"])
        sums.seeds += 1
        sums.faults += event["faults"]
        for name, count in event["kinds"].items():
            sums.kinds[name] = sums.kinds.get(name, 0) + count
        sums.bytes += life.size
        for name in ("records", "holes", "lost"):
            setattr(sums, name, getattr(sums, name) + getattr(life, name))
        sums.doubled += doubled
        sums.wrong += len(life.wrong)
        why = [*life.wrong[:5], *event["trouble"]]
        why += [f"lost {life.lost}"] * (life.lost > 0) + [f"doubled {doubled}"] * (doubled > 0)
        if why and len(sums.bad) < 5:
            sums.bad.append((event["seed"], why))
        life = Life()
    return sums

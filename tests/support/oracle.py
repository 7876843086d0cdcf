# SPDX-License-Identifier: MIT
"""Judges what the storage tests under MicroPython report: acknowledgements against flash images.

It reads images with `format_reader`, never with the product. *Truth* is the list of samples by
number: those that were acknowledged and, after a restart, those that the node found; None where it
left numbers out, behind a chunk that a cut tore. What may be missing from it are the records of
pages of the log that were erased, each the oldest of its ring; a page of the journal takes nothing
with it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import format_reader
from format_reader import PAGE_BYTES, Log
from page_cache import JOURNAL_MARK, LOG_MARK, Page, Pages

Sample = list[Any]  # [boot, slot, values, flags]
Known = Sample | None
Event = dict[str, Any]
# Which channels are counted, by the number of channels: the setups of tests/micropython.
SILENT_BYTES = 1024 - 288  # the rest may be what a cut program touched, and nobody sees
COUNTED = {
    1: {}, 3: {0: "flow"}, 5: {2: "flow", 4: "rain"}, 12: {1: "flow", 9: "rain"},
}  # fmt: skip


def journal_pages(blocks: int) -> int:
    """Section 2."""
    return max(4, min(20, blocks // 16))


class Image:
    """One image of the partition, read. Only the newest epoch counts."""

    def __init__(self, pages: Pages, image: bytes) -> None:
        blocks = [image[at : at + PAGE_BYTES] for at in range(0, len(image), PAGE_BYTES)]
        journal = journal_pages(len(blocks))
        found = []
        for block, data in enumerate(blocks):
            page = pages.page(data, JOURNAL_MARK if block < journal else LOG_MARK)
            if page.header is not None:
                found.append((page.header, block, page))
        found.sort(key=lambda item: item[0].sequence)
        log = [item for item in found if item[1] >= journal]
        self.epoch = log[-1][0].epoch if log else None
        self.pages = [(h, block, page) for h, block, page in log if h.epoch == self.epoch]
        self.journal = [
            (h, block, page)
            for h, block, page in found
            if block < journal and h.epoch == self.epoch
        ]
        self.by_block = {block: page for _, block, page in self.pages}
        self.rings = (journal, len(blocks) - journal)
        self.sequence = self.pages[-1][0].sequence if self.pages else 0

    def numbers(self, block: int) -> set[int]:
        """Of the records in this page of the log."""
        page = self.by_block.get(block)
        return {record.number for record in page.records} if page else set()

    def all_numbers(self) -> set[int]:
        """Of the records in either ring."""
        pages = [page for _, _, page in self.pages + self.journal]
        return {record.number for page in pages for record in page.records}

    def said_missing(self) -> int:
        """Records at most that are said to be hidden by damage."""
        metas = [meta.fields for _, _, page in self.pages for meta in page.metas if meta.type == 4]
        return sum(said["lost"] for said in metas if said["reason"] in {4, 6})

    def overwritten(self) -> int:
        """Records below this are said to be overwritten."""
        metas = [meta.fields for _, _, page in self.pages for meta in page.metas if meta.type == 4]
        return max((said["number"] for said in metas if said["reason"] == 5), default=0)

    def configs(self) -> dict[int, bytes]:
        metas = [meta for _, _, page in self.pages for meta in page.metas]
        return format_reader.configs(Log(metas=metas))

    def checkpoint(self) -> dict[str, int]:
        for _, _, page in reversed(self.pages):
            for meta in reversed(page.metas):
                if meta.type == 5:
                    return dict(meta.fields["totals"])
        return {}

    def damage(self) -> int:
        return sum(len(page.damage) for _, _, page in self.pages)


def totals(samples: Iterable[Known]) -> dict[str, int]:
    """What the counted channels add up to."""
    sums: dict[str, int] = {}
    for _, _, values, _ in filter(None, samples):
        for channel, name in COUNTED[len(values)].items():
            sums[name] = sums.get(name, 0) + (values[channel] or 0)
    return sums


class Truth:
    """Samples by number, and what they add up to."""

    def __init__(self) -> None:
        self.samples: list[Known] = []
        self.totals: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.samples)

    def copy(self) -> "Truth":
        other = Truth()
        other.samples = list(self.samples)
        other.totals = dict(self.totals)
        return other

    def add(self, samples: Sequence[Known]) -> None:
        self.samples += samples
        for name, n in totals(samples).items():
            self.totals[name] = self.totals.get(name, 0) + n


def check_page(page: Page, truth: Sequence[Known], context: Any) -> None:
    """Nothing in this page is altered or invented."""
    for record in page.records:
        assert record.number < len(truth), ("an invented record", record, context)
        found = [record.boot, record.slot, list(record.values), list(record.flags)]
        assert found == truth[record.number], ("an altered record", record, context)


def check_image(
    image: Image,
    truth: Sequence[Known],
    may_miss: set[int],
    context: Any,
    pending: Iterable[Sample] = (),
    known: frozenset[bytes] = frozenset(),
) -> set[int]:
    """Everything that was acknowledged is there, as it was, and nothing else but what is `pending`.
    `known`: pages that were compared before. Returns the numbers that are there.
    """
    sampled = [*truth, *pending]
    numbers: list[int] = []
    for _, _, page in image.pages:
        if page.data not in known:
            check_page(page, sampled, context)
        numbers += [record.number for record in page.records]
        checked = not page.records or any(meta.type == 5 for meta in page.metas)
        assert checked, ("a page with records and without a checkpoint", context)
    there = set(numbers)
    assert len(numbers) == len(there), ("a number twice in the log", context)
    for _, _, page in image.journal:
        if page.data not in known:
            check_page(page, sampled, context)
        there.update(record.number for record in page.records)
    missing = {i for i, sample in enumerate(truth) if sample is not None} - there - may_miss
    assert not missing, ("acknowledged records are lost", sorted(missing), context)
    return there


def check_configs(image: Image, context: Any) -> None:
    """The config of every page with records is in the log."""
    texts = image.configs()
    for header, _, page in image.pages:
        if page.records:
            key = header.config
            assert key in texts, ("a config is lost", hex(key), context)
            digest = hashlib.sha256(texts[key]).digest()
            assert digest[:4] == key.to_bytes(4, "little"), context


class PowerOracle:
    """Follows a campaign event by event."""

    def __init__(self) -> None:
        self.pages = Pages()
        self.truth = Truth()
        self.pending: list[Sample] = []
        self.gone: set[int] = set()
        self.before: Image | None = None
        self.operation: Event = {}
        self.cuts = 0
        self.judged = 0
        self.losses = 0
        self._known: frozenset[bytes] = frozenset()

    def take(self, event: Event, data: bytes) -> None:
        image = Image(self.pages, data)
        self.judged += 1
        if "operation" in event or "end" in event:
            self._follow(event, image)
        else:
            self._judge(event, image)

    def _follow(self, event: Event, image: Image) -> None:
        if self.operation.get("kind") == "erase" and self.before is not None:
            self._check_erase(self.operation["page"])
            self.gone |= self.before.numbers(self.operation["page"][0])
        self.pending += event["samples"]
        if event["acked"] is not None:
            n = event["acked"] - len(self.truth)
            assert 0 <= n <= len(self.pending), ("numbers do not go on", event)
            self.truth.add(self.pending[:n])
            del self.pending[:n]
        check_image(image, self.truth.samples, self.gone, event, self.pending, self._known)
        if "end" in event:
            check_configs(image, event)
        self.before, self.operation = image, event
        n = len(self.truth)
        self._known = frozenset(
            page.data
            for _, _, page in image.pages + image.journal
            if all(record.number < n for record in page.records)
        )

    def _judge(self, event: Event, image: Image) -> None:
        self.cuts += 1
        context = {
            "at": {k: v for k, v in self.operation.items() if k != "samples"},
            "cut": event,
        }
        erased = list(event["erased"])
        if self.operation["kind"] == "erase":
            erased.append(self.operation["page"])
        assert self.before is not None
        may_miss = self.gone.union(*(self.before.numbers(page[0]) for page in erased))
        truth = self.truth.copy()
        pending = self.pending
        lost = 0
        for boot in event["boots"]:
            if boot["start"] is not None:
                lost, pending = self._judge_boot(boot, truth, pending, image, context)
        for page in erased:
            self._check_erase(page, context)
            if page[0] >= image.rings[0] and page[1] >= self.before.sequence:
                # It took also what the cut operation had brought into it, and says so.
                may_miss.update(range(len(self.truth), image.overwritten()))
        last = event["boots"][-1]
        assert last["start"] is not None, context
        left_out = truth.samples[image.overwritten() :].count(None)
        told = last["silent"] or left_out <= image.said_missing()
        told = told or any(page[1] >= self.before.sequence for page in erased)  # and what it said
        assert told, ("numbers are left out", left_out, context)
        check_image(image, truth.samples, may_miss, context, pending, self._known)
        check_configs(image, context)
        self._check_loss(image, last, lost, context)
        found = image.checkpoint()
        assert all(n <= truth.totals.get(name, 0) for name, n in found.items()), ("totals", context)

    def _check_erase(self, page: list[int], context: Any = None) -> None:
        """Only the oldest page of a ring is erased, or one that holds nothing."""
        assert self.before is not None
        block, sequence, youngest = page
        size = self.before.rings[block >= self.before.rings[0]]
        assert sequence <= max(0, youngest - size + 1), ("not the oldest page", page, context)

    def _judge_boot(
        self, boot: Event, truth: Truth, pending: list[Sample], image: Image, context: Any
    ) -> tuple[int, list[Sample]]:
        """The node found some of what waited, and went on behind it. How many it lost; what waits
        after it.
        """
        start, end = boot["start"], len(truth)
        assert start >= end, ("number", end, context)
        there = image.all_numbers()
        found: list[Known] = [
            pending[i] if i < len(pending) and end + i in there else None
            for i in range(start - end)
        ]
        left_out = found.count(None)
        lost = len(pending) - len(found) + left_out
        truth.add(found)
        if self.before is not None and self.before.epoch is not None:
            assert boot["epoch"] == self.before.epoch, ("the epoch changed", context)
        sums = {name: n for name, n in boot["totals"].items() if n or name in truth.totals}
        assert sums == truth.totals, ("totals", truth.totals, context)
        truth.add(boot["samples"][: boot["acked"]])
        return lost, list(boot["samples"][boot["acked"] :])

    def _check_loss(self, image: Image, boot: Event, lost: int, context: Any) -> None:
        """Behind its boot record the node says what the cut may have taken, as a bound."""
        if self.before is None or self.before.epoch is None:
            return
        if boot["silent"]:
            # Only where a page has a kilobyte of notes and torn writes already, and no record.
            assert boot["acked"] == 0, ("records before their boot", context)
            newest = image.pages[-1][2].data.rstrip(b"\xff")
            assert len(newest) > SILENT_BYTES, ("no word of this boot", context)
            return
        metas = [
            meta
            for _, _, page in image.pages
            for meta in page.metas
            if meta.type == 1 or (meta.type == 4 and meta.fields["reason"] in {1, 2})
        ]
        assert len(metas) > 1, ("no boot and no loss", context)
        assert (metas[-2].type, metas[-1].type) == (1, 4), ("no loss record", metas[-4:], context)
        said = metas[-1].fields
        assert said["number"] == boot["start"], ("the loss is elsewhere", said, context)
        assert lost <= (said["lost"] if said["reason"] == 1 else 0), ("more is lost", said, context)
        self.losses += lost > 0

# SPDX-License-Identifier: MIT
"""Judges what the storage tests under MicroPython report: acknowledgements against flash images.

It reads images with `format_reader`, never with the product. *Truth* is the list of samples that
were acknowledged, by number; what may be missing from it are the records of pages that were erased.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import format_reader
from format_reader import PAGE_BYTES, Damage, Header, Log, Meta, Record

Sample = list[Any]  # [boot, slot, values, flags]
Event = dict[str, Any]
# Which channels are counted, by the number of channels: the setups of tests/micropython.
COUNTED = {12: {0: "flow"}, 9: {2: "flow", 5: "rain"}}


class Pages:
    """Reads images; a page that was read before is not read again."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Header | None, Log]] = {}

    def page(self, data: bytes) -> tuple[Header | None, Log]:
        if data not in self._known:
            if len(self._known) > 3000:
                self._known.clear()
            log = Log()
            header = format_reader.read_header(0, data)
            if header is not None:
                format_reader.PageReader(log, header, data, header.boot).read()
            self._known[data] = header, log
        return self._known[data]

    def read(self, image: bytes) -> "Image":
        blocks = [image[at : at + PAGE_BYTES] for at in range(0, len(image), PAGE_BYTES)]
        found = []
        for block, (header, log) in enumerate(map(self.page, blocks)):
            if header is not None:
                found.append((header, log, block))
        found.sort(key=lambda item: item[0].sequence)
        return Image(found)


class Image:
    """One flash image, read. Only the newest epoch counts."""

    def __init__(self, found: list[tuple[Header, Log, int]]) -> None:
        self.epoch = found[-1][0].epoch if found else None
        found = [item for item in found if item[0].epoch == self.epoch]
        self.pages = [(header, block) for header, _, block in found]
        self.records: list[Record] = [r for _, log, _ in found for r in log.records]
        self.metas: list[Meta] = [m for _, log, _ in found for m in log.metas]
        self.damage: list[Damage] = [d for _, log, _ in found for d in log.damage]
        self.by_block = {block: {r.number for r in log.records} for _, log, block in found}
        self.unchecked = [
            block
            for _, log, block in found
            if log.records and not any(meta.type == 5 for meta in log.metas)
        ]
        self.needed = {header.config for header, log, _ in found if log.records}

    def configs(self) -> dict[int, bytes]:
        return format_reader.configs(Log(metas=self.metas))

    def checkpoint(self) -> dict[str, int]:
        found = [meta for meta in self.metas if meta.type == 5]
        return dict(found[-1].fields["totals"]) if found else {}


def totals(samples: Iterable[Sample]) -> dict[str, int]:
    """What the counted channels add up to."""
    sums: dict[str, int] = {}
    for _, _, values, _ in samples:
        for channel, name in COUNTED[len(values)].items():
            sums[name] = sums.get(name, 0) + (values[channel] or 0)
    return sums


def check_image(image: Image, truth: list[Sample], may_miss: set[int], context: Any) -> None:
    """Everything that was acknowledged is there, as it was, and nothing else."""
    numbers = [record.number for record in image.records]
    assert len(numbers) == len(set(numbers)), ("a number twice", context)
    for record in image.records:
        assert record.number < len(truth), ("an invented record", record, context)
        found = [record.boot, record.slot, list(record.values), list(record.flags)]
        assert found == truth[record.number], ("an altered record", record, context)
    assert not image.unchecked, ("a page with records and without a checkpoint", context)
    missing = set(range(len(truth))) - set(numbers) - may_miss
    assert not missing, ("acknowledged records are lost", sorted(missing), context)


def check_configs(image: Image, context: Any) -> None:
    """The config of every page with records is in the log."""
    texts = image.configs()
    for key in image.needed:
        assert key in texts, ("a config is lost", hex(key), context)
        assert hashlib.sha256(texts[key]).digest()[:4] == key.to_bytes(4, "little"), context


class PowerOracle:
    """Follows a campaign event by event."""

    def __init__(self) -> None:
        self.pages = Pages()
        self.truth: list[Sample] = []
        self.gone: set[int] = set()
        self.before = Image([])
        self.operation: Event = {}
        self.cuts = 0
        self.judged = 0

    def take(self, event: Event, data: bytes) -> None:
        image = self.pages.read(data)
        self.judged += 1
        if "operation" in event or "end" in event:
            self._follow(event, image)
        else:
            self._judge(event, image)

    def _follow(self, event: Event, image: Image) -> None:
        if self.operation.get("kind") == "erase":
            self.gone |= self.before.by_block.get(self.operation["block"], set())
        self._acknowledge(self.truth, event.get("acks", []))
        check_image(image, self.truth, self.gone, event)
        check_configs(image, event) if "end" in event else None
        self.before, self.operation = image, event

    def _judge(self, event: Event, image: Image) -> None:
        self.cuts += 1
        context = {
            "at": {k: v for k, v in self.operation.items() if k not in {"acks", "pending"}},
            "cut": event,
        }
        erased = set(event["erased"])
        if self.operation["kind"] == "erase":
            erased.add(self.operation["block"])
        may_miss = self.gone.union(*(self.before.by_block.get(block, set()) for block in erased))
        truth = list(self.truth)
        pending = self.operation["pending"]
        for boot in event["boots"]:
            self._judge_boot(boot, truth, pending, context)
            pending = boot["pending"] if boot["start"] is not None else pending
        assert not pending or event["boots"][-1]["start"] is not None, context
        check_image(image, truth, may_miss, context)
        check_configs(image, context)
        found, expected = image.checkpoint(), totals(truth)
        assert all(n <= expected.get(name, 0) for name, n in found.items()), ("totals", context)

    def _judge_boot(
        self, boot: Event, truth: list[Sample], pending: list[Sample], context: Any
    ) -> None:
        start = boot["start"]
        if start is None:
            return
        assert len(truth) <= start <= len(truth) + len(pending), ("number", len(truth), context)
        truth += pending[: start - len(truth)]
        if self.before.epoch is not None:
            assert boot["epoch"] == self.before.epoch, ("the epoch changed", context)
        expected = totals(truth)
        found = {name: n for name, n in boot["totals"].items() if n or name in expected}
        assert found == expected, ("totals", expected, context)
        self._acknowledge(truth, boot["acks"])

    @staticmethod
    def _acknowledge(truth: list[Sample], acks: list[list[Any]]) -> None:
        for number, sample in acks:
            assert number == len(truth), ("numbers do not go on", number, len(truth))
            truth.append(sample)

# SPDX-License-Identifier: MIT
"""Judges a chip's flash with the reader that was written from FORMAT.md alone (format_reader): what
is there, what was there before a cut, and what the inputs were.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import format_reader
from emulated import PULSES_A_SECOND
from oracle import journal_pages
from page_cache import JOURNAL_MARK, LOG_MARK, Pages

Key = tuple[int, int]  # epoch, number
_TORN = 6
LATE_S = 2.5  # a sample waits for an erase; an emulated one takes two seconds
DRIFT = 0.02  # of the emulator's clocks


@dataclass
class Seen:
    """The log of a flash at one moment."""

    records: dict[Key, Any]
    metas: list[Any]
    damage: list[str]
    twice: list[Key]  # numbers with two contents

    @property
    def numbers(self) -> list[int]:
        return sorted(number for _, number in self.records)


def look(partition: bytes) -> Seen:
    """Every record of the partition `log`: those of its pages, and those of the journal that are
    not there yet.
    """
    pages = Pages()
    size = format_reader.PAGE_BYTES
    blocks = [partition[at : at + size] for at in range(0, len(partition), size)]
    found = [
        pages.page(data, JOURNAL_MARK if block < journal_pages(len(blocks)) else LOG_MARK)
        for block, data in enumerate(blocks)
    ]
    records: dict[Key, Any] = {}
    twice = []
    for page in found:
        for record in page.records:
            key = record.epoch, record.number
            same = (record.boot, record.slot, record.values, record.flags)
            before = records.setdefault(key, record)
            if (before.boot, before.slot, before.values, before.flags) != same:
                twice.append(key)
    kept = sorted((p for p in found if p.header), key=lambda p: p.header.sequence)  # type: ignore[union-attr]
    metas = [meta for page in kept for meta in page.metas]
    damage = [f"{d.page}/{d.offset}: {d.what}" for page in found for d in page.damage]
    return Seen(records, metas, damage, twice)


def must_follow(before: Seen, after: Seen) -> None:
    """Nothing that lay on the flash before is gone or different afterwards."""
    for key, record in before.records.items():
        now = after.records.get(key)
        assert now is not None, f"record {key} is gone"
        assert (now.boot, now.slot, now.values, now.flags) == (
            record.boot, record.slot, record.values, record.flags,
        )  # fmt: skip


def must_be_whole(seen: Seen) -> None:
    """One epoch, no number twice, none left out that no record of a torn tail tells."""
    assert seen.records
    assert seen.twice == []
    assert len({epoch for epoch, _ in seen.records}) == 1
    torn: set[int] = set()
    for meta in seen.metas:
        if meta.type == 4 and meta.fields["reason"] == _TORN:
            end = meta.fields["number"]
            torn |= set(range(end - meta.fields["lost"], end))
    numbers = seen.numbers
    missing = set(range(numbers[-1] + 1)) - set(numbers)
    assert missing <= torn, f"left out and not told: {sorted(missing - torn)[:20]}"


def must_be_true(seen: Seen, interval_s: float, *, flow: int = 0) -> None:
    """What was measured is what the inputs were: the pulses of each boot are as many as came in the
    time between its records. The first two are left out: a start makes them late.
    """
    boots = defaultdict(list)
    for record in seen.records.values():
        boots[record.boot].append(record)
    for records in boots.values():
        records.sort(key=lambda record: record.number)
        if len(records) < 4:
            continue
        after, last = records[2], records[-1]
        counted = sum(record.values[flow] or 0 for record in records[3:])
        came = (last.slot - after.slot) * interval_s * PULSES_A_SECOND
        slack = LATE_S * PULSES_A_SECOND + DRIFT * came
        assert abs(counted - came) <= slack, (after.boot, counted, came)

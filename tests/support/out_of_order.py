# SPDX-License-Identifier: MIT
"""Judges a flash that held a program back: what that may cost, and what it must not do."""

from dataclasses import dataclass
from typing import Any

from campaign import events
from format_reader import PAGE_BYTES
from oracle import Image
from page_cache import Pages

BLOCKS = 9


@dataclass
class OutOfOrder:
    """What was counted. `again`: trials in which the lost record could be told from a torn one by
    nothing, and its number was given to a new record.
    """

    trials: int = 0
    hurt: int = 0
    lost: int = 0
    again: int = 0


def judge(seed: int, records: int, every: int) -> OutOfOrder:
    """A run of so many records, looked at behind every `every`-th program."""
    pages = Pages()
    intact: Image | None = None
    found = OutOfOrder()
    code = f"import media_faults\nmedia_faults.out_of_order({seed}, {records}, {every})"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        for event, data in told:
            image = Image(pages, data)
            if "intact" in event:
                intact = image
            else:
                assert intact is not None
                _judge(event, image, intact, found)
    return found


def _judge(event: dict[str, Any], image: Image, intact: Image, found: OutOfOrder) -> None:
    found.trials += 1
    context = {k: v for k, v in event.items() if k not in {"acks", "samples"}}
    start, acked = event["start"], event["acked"]
    sampled = dict(enumerate(event["samples"]))
    new = dict(event["acks"])
    found.again += start < acked
    there = set()
    for _, _, page in [*image.pages, *image.journal]:
        for record in page.records:
            shown = [record.boot, record.slot, list(record.values), list(record.flags)]
            known = new if record.number >= start and record.number in new else sampled
            assert shown in (known.get(record.number), sampled.get(record.number)), (
                "an altered record", record, context,
            )  # fmt: skip
            there.add(record.number)
    assert set(new) <= there, ("records after the fault are lost", context)
    in_page = _numbers(intact, event["page"])
    may_miss = set().union(in_page, *(intact.numbers(block) for block in event["erased"]))
    missing = (_all(intact) & set(range(acked))) - there
    assert missing <= may_miss, ("a page that was not hit lost records", missing, context)
    found.hurt += bool(missing)
    found.lost += len(missing)


def _numbers(image: Image, block: int) -> set[int]:
    """Of the records in this page of either ring."""
    pages = [page for _, where, page in [*image.pages, *image.journal] if where == block]
    return {record.number for page in pages for record in page.records}


def _all(image: Image) -> set[int]:
    pages = [*image.pages, *image.journal]
    return {record.number for _, _, page in pages for record in page.records}

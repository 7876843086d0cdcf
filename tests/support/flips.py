# SPDX-License-Identifier: MIT
"""Judges flipped bits: what they may cost, and what they must not do."""

from dataclasses import dataclass
from typing import Any

from campaign import events
from format_reader import HEADER_BYTES, PAGE_BYTES, Cursor, chunk_at
from oracle import Image, Sample
from page_cache import Pages

BLOCKS = 9


@dataclass
class Flips:
    """What was counted. `again`: trials in which the last chunk was hit and its numbers were given
    to new records, which no code can know (firmware/DESIGN.md).
    """

    trials: int = 0
    hurt: int = 0
    lost: int = 0
    again: int = 0


def judge(seed: int, trials: int) -> Flips:
    """Run and judge so many."""
    pages = Pages()
    truth: list[Sample] = []
    pending: list[Sample] = []
    before: Image | None = None
    found = Flips()
    code = f"import media_faults\nmedia_faults.flips({seed}, {trials})"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        for event, data in told:
            image = Image(pages, data)
            if "base" in event:
                truth += [sample for _, sample in event["acks"]]
                pending, before = event["pending"], image
            else:
                assert before is not None
                _judge(event, image, before, truth, pending, found)
    assert found.trials == trials
    return found


def _judge(
    event: dict[str, Any],
    image: Image,
    before: Image,
    truth: list[Sample],
    pending: list[Sample],
    found: Flips,
) -> None:
    context = {k: v for k, v in event.items() if k != "acks"}
    start = event["start"]
    sampled = dict(enumerate([*truth, *pending]))
    new = dict(event["acks"])
    if start < len(truth):
        least = _undecidable(before, event["bits"])
        assert start >= least, ("numbers are given twice", start, least, context)
        found.again += 1
    found.trials += 1
    there = set()
    for _, _, page in image.pages:
        for record in page.records:
            shown = [record.boot, record.slot, list(record.values), list(record.flags)]
            known = new.get(record.number) or sampled.get(record.number)
            assert known is not None, ("an invented record", record, context)
            old = sampled.get(record.number)
            assert shown in (known, old), ("an altered record", record, known, context)
            there.add(record.number)
    assert set(new) <= there, ("records after the flips are lost", context)
    hit = {bit // 8 // PAGE_BYTES for bit in event["bits"]} | set(event["erased"])
    may_miss = set().union(*(before.numbers(block) for block in hit))
    kept = set().union(*(before.numbers(block) for block in before.by_block))
    missing = kept - there
    assert missing <= may_miss, ("a page that was not hit lost records", context)
    for block, page in image.by_block.items():
        if block not in event["erased"] and missing & before.numbers(block):
            assert page.damage, ("records are lost and nothing says so", context)
    found.hurt += bool(missing)
    found.lost += len(missing)


def _undecidable(image: Image, bits: list[int]) -> int:
    """The first number that may be given again: where the last chunks of the newest page are hit,
    they look like torn ones; and behind the log there is only the journal, which may be hit.
    """
    header, block, page = image.pages[-1]
    number, offset = header.number, HEADER_BYTES
    hit = [bit // 8 - block * PAGE_BYTES for bit in bits]
    chunks = []
    while found := chunk_at(page.data, offset, header.crc):
        kind, payload = found
        cursor = Cursor(payload)
        if kind == 5:
            _, number, _ = cursor.varint(), cursor.varint(), cursor.varint()
        end = offset + 6 + len(payload)
        chunks.append((number, any(offset <= at < end for at in hit)))
        if kind in {4, 5}:
            number += cursor.unsigned(1) & 127
        offset = end
    while chunks and chunks[-1][1]:
        number, _ = chunks.pop()
    return number

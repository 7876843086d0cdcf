# SPDX-License-Identifier: MIT
"""Three views of the same logs: what was sampled, what a reader written from FORMAT.md alone finds,
and what the product's decoder finds. The logs are the firmware's own, written under MicroPython.
"""

from collections.abc import Iterator
from typing import Any

import format_reader
import pytest
from campaign import events
from format_reader import PAGE_BYTES

from tirta import ranges
from tirta.log import decode
from tirta_format import config as format_config
from tirta_format import page as format_page
from tirta_format import page_chunks

BLOCKS = 13
JOURNAL = 4  # of them; what lies there lies in the log, too
NAMES = ["normal", "one channel", "reboots", "torn", "wraps", "new config", "versions"]
# What the two call the same fields.
RENAMED = {"at_most": "lost"}


@pytest.fixture(scope="module")
def stories() -> dict[str, tuple[dict[str, Any], bytes]]:
    with events("import logs\nlogs.main()", BLOCKS * PAGE_BYTES) as told:
        return {event["name"]: (event, image[JOURNAL * PAGE_BYTES :]) for event, image in told}


@pytest.fixture(params=NAMES)
def story(
    request: pytest.FixtureRequest, stories: dict[str, tuple[dict[str, Any], bytes]]
) -> tuple[dict[str, Any], bytes]:
    return stories[request.param]


def product(image: bytes, log: format_reader.Log, *, numbers_only: bool = False) -> decode.Log:
    """The product's view, its pages handed over in the order of their sequence."""
    pages = []
    for header in log.pages:
        start = header.index * PAGE_BYTES
        pages.append((header.sequence, image[start : start + PAGE_BYTES]))
    return decode.decode(pages, numbers_only=numbers_only)


def product_rows(decoded: decode.Log) -> Iterator[tuple[Any, ...]]:
    for batch in decoded.records:
        for i in range(len(batch.number)):
            flags = tuple(batch.flags[i].tolist())
            values = batch.values[i].tolist()
            shown = tuple(v if f != 9 else None for v, f in zip(values, flags, strict=True))
            yield int(batch.boot[i]), int(batch.number[i]), int(batch.slot[i]), shown, flags


def test_the_reader_finds_what_was_sampled(story: tuple[dict[str, Any], bytes]) -> None:
    event, image = story
    log = format_reader.read_log(image)
    truth = dict(event["acks"])
    # Behind a torn chunk numbers go on beyond all that it may have held.
    assert len(truth) < event["next"] if event["damaged"] else len(truth) == event["next"]
    numbers = [record.number for record in log.records]
    assert numbers == [number for number in sorted(truth) if number >= numbers[0]]
    assert (numbers[0] > 0) == (event["name"] == "wraps")
    for record in log.records:
        found = [record.boot, record.slot, list(record.values), list(record.flags)]
        assert found == truth[record.number]
        assert record.epoch == log.epoch
    assert bool(log.damage) == event["damaged"]


def test_pages_of_both_versions(stories: dict[str, tuple[dict[str, Any], bytes]]) -> None:
    """Each is resumed by a writer of its own version, and only the new one has long chunks."""
    event, image = stories["versions"]
    log = format_reader.read_log(image)
    ours = [header.version for header in log.pages]
    turns = [a for a, b in zip(ours, [*ours[1:], 0], strict=True) if a != b]
    assert turns == [1, 2, 1, 2]
    assert log.pages[-2].boot == 1, "the second boot goes on in the page of its version"
    assert {record.boot for record in log.records} == {1, 2, 3}
    assert event["boots"] == 3
    kinds: dict[int, set[int]] = {1: set(), 2: set()}
    longest = 0
    for header in log.pages:
        page = image[header.index * PAGE_BYTES : (header.index + 1) * PAGE_BYTES]
        for kind, at, _ in page_chunks.chunks(page, header.crc):
            kinds[header.version].add(kind)
            if kind == format_page.SUMMED:
                longest = max(longest, page[at])
    old, new = {format_page.PACKED, format_page.PACKED_AT}, {format_page.SUMMED}
    assert old & kinds[1] <= kinds[1] - {format_page.META} <= old
    assert new <= kinds[2] - {format_page.META} <= {*new, format_page.SUMMED_AT}
    assert longest > 127


def test_numbers_alone_are_those_of_the_records(story: tuple[dict[str, Any], bytes]) -> None:
    """Also where a bit of a page has flipped, and all that follows in it has lost its place."""
    image = bytearray(story[1])
    log = format_reader.read_log(bytes(image))
    for at in (0, 100, 2100, 5 * PAGE_BYTES + 700):
        image[at] ^= 4
        whole, alone = (product(bytes(image), log, numbers_only=n) for n in (False, True))
        numbers = {int(n) for batch in whole.records for n in batch.number}
        assert ranges.merged(r for one in alone.records for r in one.ranges()) == ranges.merged(
            (n, n) for n in numbers
        )
        told = [[(v.first_record, bool(v.problems)) for v in x.verdicts] for x in (alone, whole)]
        assert told[0] == told[1]
        assert [v.records for v in alone.verdicts] == [v.records for v in whole.verdicts]
        image[at] ^= 4


def test_the_reader_finds_configs_boots_and_totals(story: tuple[dict[str, Any], bytes]) -> None:
    event, image = story
    log = format_reader.read_log(image)
    texts = format_reader.configs(log)
    for header in log.pages:
        assert texts[header.config].decode() in event["configs"]
        assert format_config.config_hash(texts[header.config]) == header.config
    if event["name"] != "wraps":
        boots = [m.fields["boot"] for m in log.of(1)]
        assert len(boots) == event["boots"]
        assert boots == (sorted(set(boots)) if event["damaged"] else list(range(1, len(boots) + 1)))
        # Totals: the last checkpoint, and the records behind it, of which there may be some.
        sums = dict.fromkeys(event["totals"], 0)
        for record in log.records:
            sums["channel_0" if len(record.values) == 32 else "flow"] += record.values[0] or 0
        assert sums == event["totals"]
    found = log.of(5)[-1].fields["totals"]
    assert all(0 <= found.get(name, 0) <= total for name, total in event["totals"].items())


def test_the_product_finds_the_same_records(story: tuple[dict[str, Any], bytes]) -> None:
    _, image = story
    log = format_reader.read_log(image)
    ours = [(r.boot, r.number, r.slot, r.values, r.flags) for r in log.records]
    assert list(product_rows(product(image, log))) == ours


def test_the_product_finds_the_same_meta_records(story: tuple[dict[str, Any], bytes]) -> None:
    _, image = story
    log = format_reader.read_log(image)
    ours = [(m.boot, m.uptime_ms, m.type, m.fields) for m in log.metas if m.type != 3]
    theirs = []
    for e in product(image, log).events:
        fields = {RENAMED.get(name, name): value for name, value in e.fields.items()}
        if "totals" in fields:
            fields["totals"] = dict(fields["totals"])
        theirs.append((e.boot, e.uptime_ms, e.kind, fields))
    assert theirs == ours


def test_the_product_reports_the_same_damage(story: tuple[dict[str, Any], bytes]) -> None:
    event, image = story
    log = format_reader.read_log(image)
    damaged = {
        header.sequence for header in log.pages for d in log.damage if d.page == header.index
    }
    verdicts = product(image, log).verdicts
    assert {verdict.page for verdict in verdicts if verdict.problems} == damaged
    assert bool(damaged) == event["damaged"]


def test_flipped_bits_are_the_same_to_both(
    stories: dict[str, tuple[dict[str, Any], bytes]],
) -> None:
    """Wherever a bit flips, both views give the same records, all of them true."""
    event, image = stories["reboots"]
    truth = dict(event["acks"])
    page = format_reader.read_log(image).pages[0].index
    for bit in range(0, PAGE_BYTES * 8, 97):
        hurt = bytearray(image)
        hurt[page * PAGE_BYTES + bit // 8] ^= 1 << bit % 8
        log = format_reader.read_log(bytes(hurt))
        ours = [(r.boot, r.number, r.slot, r.values, r.flags) for r in log.records]
        assert log.damage, bit
        for boot, number, slot, values, flags in ours:
            assert [boot, slot, list(values), list(flags)] == truth[number], bit
        if log.pages and set(format_reader.configs(log)) >= {h.config for h in log.pages}:
            assert list(product_rows(product(bytes(hurt), log))) == ours, bit

# SPDX-License-Identifier: MIT
"""Flash that lies or refuses, and rings that are filled again and again: what a bad page may cost,
what wear costs, and that the configs of all pages stay in the log.
"""

from typing import Any

import flips
import out_of_order
import pytest
from campaign import events
from format_reader import PAGE_BYTES
from oracle import Image, Sample, Truth, check_configs, check_image
from page_cache import Pages

CONFIG = 3
RECORDS = 2400
BLOCKS = 9
JOURNAL = 4
FAULTS = 5
ROUNDS = 100
FLIPS = 300
RING = 8  # a journal of 4 pages and a log of 4


def truth_of(event: dict[str, Any]) -> list[Sample]:
    assert [number for number, _ in event["acks"]] == list(range(len(event["acks"])))
    return [sample for _, sample in event["acks"]]


def test_a_bad_page_costs_no_more_than_itself() -> None:
    pages = Pages()
    gone: set[int] = set()
    ended = []
    code = f"import media_faults\nmedia_faults.main(7, {RECORDS})"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        for event, data in told:
            image = Image(pages, data)
            if "begin" in event:
                gone = set()
            elif "gone" in event:
                gone |= image.numbers(event["gone"])
            else:
                truth = truth_of(event)
                assert len(truth) == RECORDS, event["end"]
                check_image(image, truth, gone, event["end"])
                check_configs(image, event["end"])
                records = sum(len(page.records) for _, _, page in image.pages)
                assert records >= 780, event["end"]  # three pages and more, behind a cut
                ended.append(event)
    assert len(ended) == BLOCKS * FAULTS
    # An erase that fails is noticed when the ring comes back to the page, at the latest.
    early = [e for e in ended if e["end"][2] <= RECORDS // 3 and e["end"][0] >= JOURNAL]
    programs = [e for e in early if e["end"][1].startswith("program")]
    assert all(event["bad_pages"] for event in programs)
    assert {e["end"][1] for e in early if e["bad_pages"]} >= {"erase-error", "erase-ignored"}
    journal = [e for e in ended if e["end"][0] < JOURNAL and e["end"][3] == 1]
    assert sum(event["bad_pages"] > 0 for event in journal) >= 3


@pytest.mark.parametrize(
    "seed", [*range(4), 32]
)  # one a commit regime; a page refused, its spare ready
def test_programs_that_the_flash_ignores_cost_nothing(seed: int) -> None:
    pages = Pages()
    gone: set[int] = set()
    code = f"import media_faults\nmedia_faults.ignored({seed}, 700, 9)"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        for event, data in told:
            image = Image(pages, data)
            if "gone" in event:
                gone |= image.numbers(event["gone"])
            else:
                assert event["ignored"] >= 3
                truth = truth_of(event)
                assert len(truth) >= 600
                check_image(image, truth, gone, "ignored")


def test_programs_out_of_order_cost_no_more_than_their_page() -> None:
    found = [out_of_order.judge(seed, 300, 2) for seed in range(4)]
    assert all(each.trials >= 5 for each in found)
    assert sum(each.hurt for each in found) >= 20


def test_flash_that_refuses_everything_loses_nothing() -> None:
    code = "import media_faults\nmedia_faults.refuse_all(9)"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        ((event, data),) = told
    assert event["refused"] == 3 * FAULTS
    assert event["problem"]
    assert event["left"] == 0
    truth = truth_of(event)
    assert len(truth) == 40 + 3 * FAULTS + 1
    image = Image(Pages(), data)
    there = check_image(image, truth, set(range(40)), event["end"])
    assert set(range(40, len(truth))) <= there


def test_without_a_journal_every_commit_goes_to_the_log() -> None:
    code = "import media_faults\nmedia_faults.journal_dies(5, 300)"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        ((event, data),) = told
    assert event["waited"] == 0
    assert "journal" in event["problem"]
    assert len(event["acks"]) == 300
    check_image(Image(Pages(), data), truth_of(event), set(), "journal")


def test_without_a_log_the_journal_goes_on_as_long_as_the_ring_lasts() -> None:
    code = "import media_faults\nmedia_faults.log_dies(6)"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        ((event, data),) = told
    assert event["refused"]
    truth = truth_of(event)
    assert event["start"] == len(truth)
    assert len(truth) == event["capacity"]
    check_image(Image(Pages(), data), truth, set(), "log")


def test_a_config_that_lies_twice_in_a_page_is_taken_along_once() -> None:
    with events(
        f"import media_faults\nmedia_faults.copies({RECORDS})", BLOCKS * PAGE_BYTES
    ) as told:
        for event, data in told:
            assert event["pages"] > BLOCKS - JOURNAL, "the ring never came round"
            for header, _, page in Image(Pages(), data).pages:
                parts = [meta.fields["offset"] for meta in page.metas if meta.type == CONFIG]
                assert len(parts) == len(set(parts)), header.sequence


def test_many_rounds_wear_evenly_and_forget_no_config() -> None:
    pages = Pages()
    truth = Truth()
    rounds = 0
    lost_before = 0
    code = f"import wraps\nwraps.main(11, {ROUNDS})"
    with events(code, RING * PAGE_BYTES) as told:
        for event, data in told:
            image = Image(pages, data)
            assert event["start"] == len(truth)
            truth.add([sample for _, sample in event["acks"]])
            assert event["acks"][-1][0] == len(truth) - 1
            starts = [header.number for header, _, _ in image.pages]
            assert len(starts) >= RING - JOURNAL - 1
            check_image(image, truth.samples, set(range(starts[0])), event["round"])
            check_configs(image, event["round"])
            assert image.damage() == 0
            assert image.checkpoint() == event["totals"] == truth.totals
            erases = event["erases"]
            for ring in (erases[:JOURNAL], erases[JOURNAL:]):
                assert max(ring) - min(ring) <= 1
            # What goes with the next erase is noted one page ahead.
            if rounds < ROUNDS // 2:
                assert starts[0] <= event["lost"] <= starts[2]
            elif event["pulls"] and rounds > ROUNDS // 2:
                assert event["lost"] == lost_before
            lost_before = event["lost"]
            rounds += 1
    assert rounds == ROUNDS


def test_flipped_bits_cost_no_more_than_their_pages(capsys: pytest.CaptureFixture[str]) -> None:
    flips.judge(11, 20)  # found by the campaign: header and first chunk of the newest page at once
    found = flips.judge(3, FLIPS)
    assert found.hurt >= FLIPS // 4
    assert found.again <= FLIPS // 3  # a third of the trials hurt the newest page only
    with capsys.disabled():
        print(f"\n{found}")

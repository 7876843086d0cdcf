# SPDX-License-Identifier: MIT
"""Flash that lies or refuses, and a ring that is filled again and again: what a bad page may cost,
what wear costs, and that the configs of all pages stay in the log.
"""

from typing import Any

from campaign import events
from format_reader import PAGE_BYTES
from oracle import Pages, Sample, check_configs, check_image

RECORDS = 1100
BLOCKS = 5
FAULTS = 5
ROUNDS = 100
RING = 6


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
            image = pages.read(data)
            if "begin" in event:
                gone = set()
            elif "gone" in event:
                gone |= image.by_block.get(event["gone"], set())
            else:
                truth = truth_of(event)
                assert len(truth) == RECORDS, event["end"]
                check_image(image, truth, gone, event["end"])
                check_configs(image, event["end"])
                assert len(image.records) >= 150, event["end"]  # three pages and more
                ended.append(event)
    assert len(ended) == BLOCKS * FAULTS * 3
    early = [event for event in ended if event["end"][2] <= RECORDS // 3]
    assert all(event["bad_pages"] for event in early)


def test_flash_that_refuses_everything_loses_nothing() -> None:
    code = "import media_faults\nmedia_faults.refuse_all(9)"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        ((event, data),) = told
    assert event["refused"] >= 3
    assert event["left"] == 0
    truth = truth_of(event)
    assert len(truth) == 40 + FAULTS
    image = Pages().read(data)
    numbers = {record.number for record in image.records}
    assert set(range(40, len(truth))) <= numbers
    check_image(image, truth, set(range(40)), event["end"])


def test_many_rounds_wear_evenly_and_forget_no_config() -> None:
    pages = Pages()
    truth: list[Sample] = []
    rounds = 0
    lost_before = 0
    code = f"import wraps\nwraps.main(11, {ROUNDS})"
    with events(code, RING * PAGE_BYTES) as told:
        for event, data in told:
            image = pages.read(data)
            for number, sample in event["acks"]:
                assert number == len(truth)
                truth.append(sample)
            starts = [header.number for header, _ in image.pages]
            assert len(starts) >= RING - 1
            check_image(image, truth, set(range(starts[0])), event["round"])
            check_configs(image, event["round"])
            assert max(event["erases"]) - min(event["erases"]) <= 1
            # What goes with the next erase is noted one page ahead.
            if rounds < ROUNDS // 2:
                assert starts[0] <= event["lost"] <= starts[2]
            elif event["pulls"] and rounds > ROUNDS // 2:
                assert event["lost"] == lost_before
            lost_before = event["lost"]
            rounds += 1
    assert rounds == ROUNDS

# SPDX-License-Identifier: MIT
"""A power cut at every flash operation, in every torn shape, and again in every restart.

The firmware's log and journal run under MicroPython (tests/micropython/power_cuts.py); the oracle
here decides: no acknowledged record lost or altered, none invented, numbers and totals go on.
"""

import pytest
from campaign import events, keep_counts
from format_reader import PAGE_BYTES
from oracle import PowerOracle

RECORDS = 500  # a multiple of 100: the parts of a run are so many percent of it
BLOCKS = 7
LEAST_CUTS = 10000


@pytest.mark.parametrize("seed", [20260101])
def test_every_cut(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    oracle = PowerOracle()
    end = {}
    code = f"import power_cuts\npower_cuts.main({seed}, {RECORDS})"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        for event, image in told:
            oracle.take(event, image)
            end = event
    assert end.get("end"), "the campaign ended before its end"
    assert len(oracle.truth) == RECORDS
    assert end["cuts"] >= LEAST_CUTS
    assert oracle.gone, "the ring never wrapped"
    assert oracle.losses >= 100, "the cuts took nothing that was to be reported"
    keep_counts(end["cuts"])
    with capsys.disabled():
        print(f"\n{end['cuts']} power cuts, {oracle.judged} images judged (seed {seed})")

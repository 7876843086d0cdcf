# SPDX-License-Identifier: MIT
"""Starts that die after k flash operations, 50 times each (tests/micropython/brown_out.py)."""

import json

import pytest
from interpreters import FIRMWARE, ON_NODE, run, unix_command

PAGES = 5  # of the log, for 50 starts in a row: behind a cut some of a page is left out


@pytest.mark.parametrize(("seed", "records"), [(1, 200), (6, 2500), (7, 3333)])
def test_starts_that_die_cost_no_record_and_hardly_a_page(seed: int, records: int) -> None:
    code = f"import brown_out\nbrown_out.main({seed}, {records})"
    told = json.loads(run(unix_command(code, [ON_NODE, FIRMWARE], heap="32m")))
    assert told["operations"] >= 5, "a start has that many"
    assert told["starts"] == 16 * 50
    assert told["most_erases"] <= 1
    assert told["pages"] <= PAGES

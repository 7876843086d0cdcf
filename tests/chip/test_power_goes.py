# SPDX-License-Identifier: MIT
"""Power cuts of a node on the genuine image: the emulator is killed at random moments, while the
node starts and while it samples, and the flash that is left is judged from outside.
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulated import Chip, Record, chip, flash_of, inlet
from outside import look, must_be_true, must_be_whole, must_follow
from patience import wait_for

pytestmark = pytest.mark.quick
INTERVAL_S = 2
CUTS = int(os.environ.get("TIRTA_CHIP_CUTS", "10"))
SEED = int(os.environ.get("TIRTA_CHIP_SEED", "20261129"))
_COUNT = "SELECT count(DISTINCT number) AS n FROM records"
_STARTS_S = 60  # a cut while the node starts comes within so long


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chip]:
    with chip(tmp_path_factory.mktemp("cuts"), flash_of(inlet(INTERVAL_S))) as found:
        yield found


def records(node: Chip) -> int:
    return len(look(node.flash("log")).records)


def test_no_cut_takes_what_was_kept(node: Chip, tmp_path: Path, record_property: Record) -> None:
    """Every other cut comes while the node samples, the others wherever they come."""
    chance = random.Random(SEED)
    before = look(node.flash("log"))
    lasted = 0
    for cut in range(CUTS):
        had = len(before.records)
        if cut % 2:
            time.sleep(chance.uniform(1, _STARTS_S))
        else:
            wait_for(lambda had=had: records(node) > had, told=node.said)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 5 * INTERVAL_S))
        node.off()
        after = look(node.flash("log"))
        must_follow(before, after)
        if after.records:
            must_be_whole(after)
            must_be_true(after, INTERVAL_S)
        lasted += len(after.records) > had
        before = after
        node.on()
    assert lasted >= CUTS // 2
    status = node.sampled(4)
    assert status["alarms"] == []
    assert status["boot"] >= CUTS // 2 + 1
    node.tirta("pull", node.port, "--archive", tmp_path)
    now = look(node.flash("log"))
    must_follow(before, now)
    must_be_whole(now)
    must_be_true(now, INTERVAL_S)
    found = node.tirta(
        "query", tmp_path, "SELECT count(DISTINCT number) AS n FROM records", "--json"
    )
    assert 0 < found.json[0]["n"] <= len(now.records)
    told = f"{CUTS} cuts, {len(now.records)} records of {status['boot']} boots, none lost"
    record_property("measured", told)

# SPDX-License-Identifier: MIT
"""The node's own log and sender under MicroPython; network, archives and power fail."""

import json
from collections import Counter

import pytest
from interpreters import BOTH, FIRMWARE, ON_NODE, run, unix_command
from run_uplink_campaign import block


def test_nothing_is_lost_doubled_or_altered() -> None:
    """Whatever fails, and for 72 h: what was acknowledged is in both archives in the end, or they
    know that it was overwritten.
    """
    told = block(seed=100_000, faults=320)
    assert told.faults >= 320
    assert told.records > 2_000
    assert told.kinds["cut in a flash operation"] > 5
    assert (told.lost, told.doubled, told.wrong, told.bad) == (0, 0, 0, [])


@pytest.mark.parametrize("is_up", [False, True])
def test_a_radio_that_joins_no_more_is_switched_off_and_on(is_up: bool) -> None:
    code = f"import uplink_faults\nuplink_faults.joins_again({is_up})"
    assert json.loads(run(unix_command(code, [ON_NODE, FIRMWARE])))


@pytest.mark.parametrize("period_ms", [100, 1000, 10000])
def test_a_node_sends_beside_samples_of_a_second(period_ms: int) -> None:
    """No pause between them is ever as long as between two records: it never began to connect."""
    code = f"import uplink_faults\nuplink_faults.sends_beside({period_ms})"
    assert json.loads(run(unix_command(code, [ON_NODE, FIRMWARE])))


def test_a_town_of_nodes_does_not_come_back_in_one_second() -> None:
    """Nor does it push in one second, after it got its power back."""
    nodes, most = 80, 25
    code = f"import uplink_faults\nuplink_faults.comes_back({nodes})"
    told = json.loads(run(unix_command(code, [FIRMWARE, ON_NODE, BOTH])))
    for moments in zip(*told, strict=True):
        seconds = Counter(ms // 1000 for ms in moments)
        assert max(seconds.values()) < most, seconds
    assert max(back for back, _ in told) < 12_000

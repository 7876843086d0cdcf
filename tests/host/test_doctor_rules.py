# SPDX-License-Identifier: MIT
"""Rules of the doctor on facts that are hard to bring about."""

import pytest
from peer import CONFIG_TEXT

from tirta.answers import Hello, filled
from tirta.doctor import judge
from tirta.doctor.facts import Facts
from tirta_format import config as format_config

HASH = format_config.config_hash(CONFIG_TEXT)


def findings(alarm: str) -> dict[str, str]:
    """What the doctor says, by the id of the finding, of a node that samples and has this alarm."""
    told = {"node": "02fb6be3ee96", "config": HASH, "clock": "synchronised", "alarms": [alarm]}
    facts = Facts(
        "/dev/ttyUSB0",
        hello=Hello("02fb6be3ee96", "virtual", "0.1.0", "open", ""),
        status=filled(told),
        config=format_config.parse(CONFIG_TEXT),
    )
    return {f.id: f.what for f in judge(facts).findings if f.id.startswith("config")}


@pytest.mark.parametrize("why", ["not confirmed in 120 s", "restarted before it was confirmed"])
def test_a_first_config_that_nobody_confirmed_is_in_force(why: str) -> None:
    """It was flashed with the board, so there is no other one to go back to."""
    (what,) = findings(f"config: {HASH:08x} given up: {why}").values()
    assert "samples with its first config" in what
    assert why in what


def test_a_config_that_was_given_up_leaves_the_one_before() -> None:
    told = findings(f"config: {HASH ^ 1:08x} given up: ValueError: no such pin")
    assert list(told) == ["config.given-up"]
    assert "samples with the one before" in told["config.given-up"]


def test_a_config_that_cannot_be_used_samples_nothing() -> None:
    assert "samples nothing" in findings("config: channels is missing")["config.refused"]

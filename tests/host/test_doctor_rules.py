# SPDX-License-Identifier: MIT
"""Rules of the doctor on facts that are hard to bring about."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from peer import CONFIG_TEXT

from tirta.doctor import judge, sensor_rules
from tirta.doctor.facts import NodeFacts
from tirta.link.answers import Hello, filled
from tirta.log.decode import Log
from tirta_format import config as format_config

HASH = format_config.config_hash(CONFIG_TEXT)


def findings(alarm: str) -> dict[str, str]:
    """What the doctor says, by the id of the finding, of a node that samples and has this alarm."""
    told = {"node": "02fb6be3ee96", "config": HASH, "clock": "synchronised", "alarms": [alarm]}
    facts = NodeFacts(
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


def sick(
    told: Mapping[str, Sequence[float | None]],
    loops_ma: dict[str, float] | None = None,
    status: dict[str, Any] | None = None,
) -> dict[str, tuple[str, str]]:
    """(id, what) by channel, of a node that logged these values, one a minute; None is missing."""
    kinds: dict[str, dict[str, object]] = {
        "flow": {"sensor": "pulse", "unit": "pulses", "ml": 10_000, "scale": 1},
        "p": {"sensor": "current", "unit": "m", "scale": 10, "low": 0, "high": 1600,
              "shunt_mohm": 100_000},
        "ph": {"sensor": "ph", "unit": "pH", "scale": 100},
        "t": {"sensor": "ds18b20", "unit": "degC", "scale": 100},
    }  # fmt: skip
    names = list(told)
    channels = [{"name": name, **kinds[name]} for name in names]
    settings = {"channels": channels, "interval_ms": 60_000}
    count = len(told[names[0]])
    scales = [int(str(kinds[name]["scale"])) for name in names]
    values = [
        [round((v or 0) * s) for v, s in zip(row, scales, strict=True)]
        for row in zip(*told.values(), strict=True)
    ]
    flags = [[9 if v is None else 1 for v in row] for row in zip(*told.values(), strict=True)]
    batch = SimpleNamespace(
        config=settings, slot=np.arange(count), values=np.array(values), flags=np.array(flags)
    )
    log = SimpleNamespace(records=[batch], events=[], verdicts=[])
    facts = NodeFacts(
        "p", config=settings, log=cast("Log", log), loops_ma=loops_ma or {}, status=status or {}
    )
    return {f.channel: (f.id, f.what) for f in sensor_rules.sensors(facts)}


def test_no_pulse_under_pressure_is_told_after_hours_and_not_after_a_day() -> None:
    hours = 5 * 60
    found = sick({"flow": [7.0] * 9 + [0.0] * hours, "p": [40.0] * (hours + 9)})
    assert found["flow"][0] == "sensor.no-pulses"
    assert "nothing for 5 hours at 40 m of pressure" in found["flow"][1]
    assert sick({"flow": [7.0] * 9 + [0.0] * hours, "p": [0.3] * (hours + 9)}) == {}
    assert sick({"flow": [7.0] * 9 + [0.0] * 60, "p": [40.0] * 69}) == {}


def test_acid_is_told() -> None:
    assert sick({"ph": [3.5] * 40})["ph"][0] == "sensor.unusual"
    assert sick({"ph": [7.4] * 40}) == {}
    assert sick({"ph": [1.0] * 40})["ph"][0] == "sensor.range"


@pytest.mark.parametrize(
    ("ma", "name", "words"),
    [
        (0.0, "sensor.loop-broken", "no current flows"),
        (3.4, "sensor.loop-low", "carries 3.4 mA"),
        (22.0, "sensor.loop-high", "carries 22.0 mA"),
    ],
)
def test_a_loop_without_a_value_is_told_by_its_current(ma: float, name: str, words: str) -> None:
    (found,) = sick({"p": [None] * 9}, {"p": ma}).values()
    assert found[0] == name
    assert words in found[1]


@pytest.mark.parametrize(
    ("counts", "name", "words"),
    [
        ({}, "sensor.silent", "does not answer"),
        ({"one_wire": [40, 0]}, "sensor.silent", "does not answer"),
        (
            {"one_wire": [0, 40]},
            "sensor.power-on",
            "answers with the 85 degC of its power-on alone",
        ),
        (
            {"one_wire": [7, 40]},
            "sensor.power-on",
            "40 times with the 85 degC of its power-on, and 7",
        ),
    ],
)
def test_a_thermometer_that_powers_on_is_not_a_silent_one(
    counts: dict[str, object], name: str, words: str
) -> None:
    (found,) = sick({"t": [None] * 9}, None, counts).values()
    assert found[0] == name
    assert words in found[1]
    assert ("85" in found[1]) == (name == "sensor.power-on")

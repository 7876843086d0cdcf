# SPDX-License-Identifier: MIT
"""`tirta calibrate` with a probe that moves: a scenario puts it into a buffer, and the node's time
runs faster than ours. All waiting is on the node's clock, so a slow computer only reads less often.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from locked import awake
from nodes import FAST_BAUD, Nodes

from tirta import config
from tirta.calibrate import visit
from tirta.calibrate.coefficients import NERNST_UV_PER_K
from tirta.cli import main
from tirta.node import Node
from tirta_format import calibration

SPEED = 40
BUFFER_UV = 1_500_000 + 36_000  # at pH 7: 12 mV of the electrode's own, amplified by 3
CONFIG = """
board = "virtual"
interval_s = 1
[[channel]]
name = "ph"
sensor = "ph"
pin = "analog_1"
zero_v = 1.5
gain = 3
temperature = 25.0
[[channel]]
name = "level"
sensor = "4-20mA"
pin = "analog_2"
unit = "m"
at_4ma = 0
at_20ma = 10
"""
WIRES = """
row_s = 1
[channels.ph_v]
kind = "volts"
pin = "analog_1"
[channels.level_m]
kind = "4-20ma"
pin = "analog_2"
high = 10.0
"""
Volts = Callable[[np.ndarray], np.ndarray]


def drifting(t: np.ndarray) -> np.ndarray:
    """An electrode that needs 20 s, from pH 4 to pH 7."""
    return BUFFER_UV / 1e6 + 0.5 * np.exp(-t / 20)


def restless(t: np.ndarray) -> np.ndarray:
    """A loose contact: for ever another value."""
    return BUFFER_UV / 1e6 + 0.05 * (t // 7 % 2) + 0.000_4 * t


def noisy(t: np.ndarray) -> np.ndarray:
    return BUFFER_UV / 1e6 + np.random.default_rng(3).normal(0, 0.001, len(t))


def start(nodes: Nodes, folder: Path, volts: Volts, seconds: int = 1200) -> str:
    rows = [f"{v:.6f},broken" for v in volts(np.arange(seconds, dtype=float))]
    water = folder / "water.csv"
    water.write_text("\n".join(["ph_v,level_m", *rows]) + "\n")
    water.with_suffix(".toml").write_text(WIRES)
    path = folder / "node.toml"
    path.write_text(CONFIG)
    made = config.load(path)[0]
    port = nodes.up(app=True, config=made, scenario=water, speed=SPEED, talk_s=0).port
    awake(port, "open")
    return port


def tirta(port: str, channel: str, *words: str) -> int:
    line = ["calibrate", port, channel, "--method", "1-point", "--baud", str(FAST_BAUD), *words]
    return main(line)


@pytest.fixture(autouse=True)
def _read_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "EVERY_S", 1.0 / SPEED)


def offset_uv(port: str) -> tuple[Any, dict[str, Any]]:
    """What is in force, and all that the node keeps of calibrations."""
    with Node(port, FAST_BAUD) as node:
        kept = node.ask(calibration.CALIBRATIONS)
        return visit.channel_of(node, "ph")["offset_uv"], kept


def test_an_electrode_that_drifts_is_waited_for(
    nodes: Nodes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = start(nodes, tmp_path, drifting)
    words = ["--reference", "7", "--yes", "--json", "--patience", "1000"]
    assert tirta(port, "ph", *words) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["keys"]["slope"] == 10_000
    off_ph = (answer["keys"]["offset_uv"] - 12_000) / (NERNST_UV_PER_K * 298.15)
    assert abs(off_ph) < 0.02
    assert offset_uv(port)[0] == answer["keys"]["offset_uv"]


def test_one_that_never_settles_changes_nothing(
    nodes: Nodes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = start(nodes, tmp_path, restless)
    assert tirta(port, "ph", "--reference", "7", "--yes", "--patience", "100") == 1
    said = capsys.readouterr()
    *_, what, hint = said.err.splitlines()
    assert said.out == ""
    assert what.startswith("tirta: The reading of ph did not settle in 100 s: it ")
    assert " mV" in what
    assert "Nothing was changed." in hint
    assert "--patience" in hint
    assert offset_uv(port) == (0, {})


def test_noise_within_the_tolerance_is_accepted(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    port = start(nodes, tmp_path, noisy)
    answers = iter(["seven", "nan", "7", ""])
    monkeypatch.setattr("builtins.input", lambda: next(answers))
    assert tirta(port, "ph") == 0
    said = capsys.readouterr().err
    assert "'seven' is not a number" in said
    assert "'nan' is not a finite number" in said
    assert "Hold the probe into 7, then Enter: " in said
    assert abs(offset_uv(port)[0] - 12_000) < 400


def test_a_broken_loop_is_nobodys_zero(
    nodes: Nodes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = start(nodes, tmp_path, noisy)
    assert tirta(port, "level", "--reference", "0", "--yes", "--patience", "40") == 1
    what, hint = capsys.readouterr().err.splitlines()[-2:]
    assert what == "tirta: level gives no reading that can be used."
    assert "doctor" in hint
    assert offset_uv(port) == (0, {})

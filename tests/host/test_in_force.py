# SPDX-License-Identifier: MIT
"""A value means what the config of its own time says: pulse weight, unit, interval, statistics."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from district_archive import Channel, Under, write_node
from district_truth import DAY, START_S

from tirta.cli import main

LATER = "c0ffee02"
HALF_S = DAY * 60.0 / 2


def pulses(count: int, value: float, ml: int, name: str = "flow") -> Channel:
    return Channel(name, "flow", "pulses", np.full(count, value), ml=ml)


def then(root: Path, channel: Channel, interval_s: float = 60.0) -> None:
    """What the node recorded from noon on, under another config."""
    under = Under(LATER, 20755395, interval_s)
    write_node(root, "n1", [channel], start_s=START_S + HALF_S, under=under)


def figures(capsys: pytest.CaptureFixture[str], root: Path) -> dict[str, Any]:
    assert main(["district", str(root), "--json", "--all"]) == 0
    return {f["id"]: f for f in json.loads(capsys.readouterr().out)["figures"]}


@pytest.mark.parametrize(("ml", "interval_s"), [(100_000, 60.0), (10_000, 300.0), (2500, 10.0)])
def test_a_change_of_pulse_weight_and_interval_changes_no_volume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ml: int, interval_s: float
) -> None:
    write_node(tmp_path, "n1", [pulses(720, 6.0, 10_000)])  # 1 L/s until noon
    count = round(HALF_S / interval_s)
    then(tmp_path, pulses(count, 2 * interval_s / (ml / 1000), ml), interval_s)  # 2 L/s from then
    told = figures(capsys, tmp_path)
    assert told["n1/inflow"]["value"] == pytest.approx(HALF_S * 3 / 1000)
    assert told["n1/balance"]["value"] == pytest.approx(HALF_S * 3 / 1000)
    assert told["n1/completeness"]["value"] == 1
    assert told["n1/inflow/2025-03-03"]["why"] == ""


def test_a_renamed_channel_is_told_as_a_hole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two names are two meters: the one that measured for longest counts, and says what lacks."""
    write_node(tmp_path, "n1", [pulses(480, 6.0, 10_000)])
    under = Under(LATER, 20755395)
    later = [pulses(960, 12.0, 10_000, "inlet")]
    write_node(tmp_path, "n1", later, start_s=START_S + 480 * 60, under=under)
    told = figures(capsys, tmp_path)
    assert told["n1/inflow"]["value"] == pytest.approx(960 * 60 * 2 / 1000)
    assert told["n1/inflow"]["why"] == "not all of the period is there"


def test_a_change_of_unit_changes_no_volume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_node(tmp_path, "n1", [Channel("flow", "flow", "L/s", np.full(720, 1.0))])
    then(tmp_path, Channel("flow", "flow", "m3/h", np.full(720, 7.2)))
    assert figures(capsys, tmp_path)["n1/inflow"]["value"] == pytest.approx(HALF_S * 3 / 1000)


def test_a_night_goes_on_through_a_change_of_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The change lies at 01:00 in the lowest hours; the night is as low as it was."""
    change_s = DAY * 60.0 + 3600
    write_node(tmp_path, "n1", [pulses(round(change_s / 60), 6.0, 10_000)])
    under = Under(LATER, 20755395, 300.0)
    later = [pulses(12 * 20, 90.0, 5000)]  # 1.5 L/s
    write_node(tmp_path, "n1", later, start_s=START_S + change_s, under=under)
    told = figures(capsys, tmp_path)
    assert told["n1/night/2025-03-04"]["value"] == pytest.approx(1.0)
    assert told["n1/night/2025-03-04"]["why"] == ""


def test_what_is_now_kept_as_a_mean_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_node(tmp_path, "n1", [Channel("flow", "flow", "L/s", np.full(720, 1.0))])
    mean = Channel("flow_mean", "flow", "L/s", np.full(720, 2.0), of="flow", what="mean")
    then(tmp_path, mean)
    assert figures(capsys, tmp_path)["n1/inflow"]["value"] == pytest.approx(HALF_S * 3 / 1000)


def test_values_of_another_kind_of_unit_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_node(tmp_path, "n1", [Channel("flow", "other", "V", np.full(720, 3.0))])
    then(tmp_path, Channel("flow", "flow", "L/s", np.full(720, 2.0)))
    assert figures(capsys, tmp_path)["n1/inflow"]["value"] == pytest.approx(HALF_S * 2 / 1000)
    assert main(["report", str(tmp_path)]) == 0
    text = (tmp_path / "report.html").read_text()
    assert "720 values in another unit are left out of the figures." in text

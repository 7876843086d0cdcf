# SPDX-License-Identifier: MIT
"""The IWA water balance and leakage index, worked by hand; and a burst that is acknowledged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from district_archive import Channel, inlet_channels, write_node
from district_truth import DAY, START_S, district

from tirta.cli import main

Captured = pytest.CaptureFixture[str]
ZONE = """[[zone]]
id = "z"
in = ["n1/flow"]
connections = 4000
litres_per_connection_h = 1.8
mains_km = 20
private_pipe_m = 5
pressure_mean_m = 30
"""
BILL = """billed_m3 = { "2025-03" = 20000 }
unbilled_m3 = { "2025-03" = 300 }
unauthorised_share = 0.0025
customer_meter_error = 0.03
"""


def told(capsys: Captured, root: Path, text: str, *words: str) -> dict[str, Any]:
    (root / "district.toml").write_text(text)
    code = main(["district", str(root / "a"), "--district", str(root / "district.toml"),
                 "--month", "2025-03", "--json", *words])  # fmt: skip
    assert code == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document if words else {f["id"]: f for f in document["figures"]}


def write(root: Path) -> float:
    """A whole month at 10 L/s in pulses; its m3 within the days that are there."""
    rng = np.random.default_rng(3)
    pulses = rng.integers(50, 71, 29 * DAY).astype(float)
    write_node(root / "a", "n1", [Channel("flow", "flow", "pulses", pulses, ml=10_000)])
    return float(pulses.sum() / 100)


def test_each_line_of_the_balance_is_what_its_formula_says(
    tmp_path: Path, capsys: Captured
) -> None:
    entered = write(tmp_path)
    found = told(capsys, tmp_path, ZONE + BILL)
    apparent = 0.0025 * entered + 20_000 * 0.03 / 0.97
    wanted = {
        "system-input": entered, "billed": 20_000, "unbilled": 300, "authorised": 20_300,
        "losses": entered - 20_300, "apparent": apparent, "real": entered - 20_300 - apparent,
        "nrw": 1 - 20_000 / entered, "uarl": (18 * 20 + 0.8 * 4000 + 25 * 20) * 30 / 1000,
    }  # fmt: skip
    for name, value in wanted.items():
        assert found[f"z/{name}"]["value"] == pytest.approx(value), name
    assert found["z/carl"]["value"] == pytest.approx(wanted["real"] / 31)
    assert found["z/ili"]["value"] == pytest.approx(wanted["real"] / 31 / wanted["uarl"])
    assert found["z/real"]["low"] < found["z/real"]["value"] < found["z/real"]["high"]
    explained = told(capsys, tmp_path, ZONE + BILL, "--explain", "z/real")
    assert explained["parts"] == ["z/losses", "z/apparent"]
    assert explained["formula"] == "water losses - apparent losses"
    assert sum(r["last"] - r["first"] + 1 for r in explained["records"]) == 29 * DAY


def test_what_is_assumed_is_named_and_without_a_bill_the_night_stands_in(
    tmp_path: Path, capsys: Captured
) -> None:
    write(tmp_path)
    found = told(capsys, tmp_path, ZONE + BILL.splitlines()[0] + "\n")
    assert "customers' meters without error" in found["z/real"]["why"]
    found = told(capsys, tmp_path, ZONE.replace("4000", "400"))
    assert "z/real" not in found
    assert found["z/carl"]["value"] == pytest.approx(found["z/leakage"]["value"] * 86.4, rel=1e-6)
    assert "fewer than 3000 connections" in found["z/ili"]["why"]


def test_a_new_consumer_stops_being_a_burst(tmp_path: Path, capsys: Captured) -> None:
    made = district(40)
    write_node(tmp_path / "a", "n1", inlet_channels(made, 1))
    text = '[[zone]]\nid = "z"\nin = ["n1/flow"]\n'
    before = told(capsys, tmp_path, text)["z/burst/1"]
    assert abs(before["start_s"] - made.truth.burst_start_s) <= 3600
    assert before["start_range_s"][0] <= before["start_s"] <= before["start_range_s"][1]
    words = ["acknowledge", str(tmp_path / "a"), "--district", str(tmp_path / "district.toml"),
             "--month", "2025-03"]  # fmt: skip
    assert main([*words, "z/burst/1"]) == 1
    assert "Nothing says what it is" in capsys.readouterr().err
    assert main([*words, "z/inflow", "--what", "x"]) == 1
    assert "is no burst" in capsys.readouterr().err
    assert not (tmp_path / "a/acknowledged.json").exists()
    assert main([*words, "z/burst/1", "--what", "new laundry", "--by", "Sari"]) == 0
    assert "new laundry" in capsys.readouterr().out
    after = told(capsys, tmp_path, text)
    assert not any("/burst/" in name for name in after)
    assert after["z/change/1"]["why"] == "acknowledged: new laundry"
    assert main([*words, "z/change/1", "--withdraw"]) == 0
    capsys.readouterr()
    assert told(capsys, tmp_path, text)["z/burst/1"]["value"] == before["value"]
    assert before["start_s"] > START_S

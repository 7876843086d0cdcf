# SPDX-License-Identifier: MIT
"""Sick meters: found, told in both languages, and never a figure of loss; honest ones stay."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from district_archive import Channel, write_node
from district_truth import DAY, PULSE_L, START_S, District, district

from tirta.cli import main
from tirta.district.meter_health import Fault, Trouble, believed, faults
from tirta.district.signal import FAIL, Signal

MIDNIGHTS = [START_S + 60 * DAY * i for i in range(31)]
MARCH = "billed_m3 = { '2025-03' = 100 }"
ZONE = f'[[zone]]\nid = "z"\nin = ["n1/flow"]\nmax_lps = 60\nconnections = 1000\n{MARCH}\n'
Captured = pytest.CaptureFixture[str]


def quiet() -> District:
    return district(600, burst_lps=0.0, interruptions=0)


def troubles(flow: Signal, pressure: Signal | None = None, **more: Any) -> list[Fault]:
    return faults(flow, MIDNIGHTS, pressure, least_m=5.0, **more)


def with_pulses(made: District, pulses: Any) -> Signal:
    from dataclasses import replace  # noqa: PLC0415

    return replace(made.flow, value=np.asarray(pulses) * PULSE_L / 60)


@pytest.mark.parametrize("seed", range(700, 712))
def test_an_honest_meter_is_well(seed: int) -> None:
    """Bursts, supply that fails and tanks that fill are no fault of the meter."""
    made = district(seed)
    assert troubles(made.flow, made.pressure) == []


def test_a_meter_that_stands_still_is_found_by_day_or_for_ever() -> None:
    made = quiet()
    pulses = made.pulses.copy()
    pulses[20 * DAY : 20 * DAY + 8 * 60] = 0  # it never stood for long: eight hours are enough
    (one,) = troubles(with_pulses(made, pulses), made.pressure)
    assert one.trouble == Trouble.STUCK
    assert one.start_s == pytest.approx(START_S + 60 * 20 * DAY, abs=300)
    assert one.end_s == pytest.approx(START_S + 60 * (20 * DAY + 480), abs=300)
    (whole,) = troubles(with_pulses(made, 0 * pulses), made.pressure)
    assert (whole.trouble, whole.rows) == (Trouble.STUCK, slice(0, 30 * DAY))


def test_no_water_is_not_a_meter_that_stands_still() -> None:
    from dataclasses import replace  # noqa: PLC0415

    made = quiet()
    pulses, pressure = made.pulses.copy(), made.pressure.value.copy()
    pulses[20 * DAY : 22 * DAY] = 0
    pressure[20 * DAY : 22 * DAY] = 0.0
    assert troubles(with_pulses(made, pulses), replace(made.pressure, value=pressure)) == []


def test_a_loop_that_freezes_is_stuck_at_its_value() -> None:
    from dataclasses import replace  # noqa: PLC0415

    made = quiet()
    value = made.flow.value + np.random.default_rng(1).normal(0, 0.01, len(made.flow))
    value[10 * DAY : 12 * DAY] = value[10 * DAY]
    (one,) = troubles(replace(made.flow, value=value, quantum=0.0))
    assert (one.trouble, one.value) == (Trouble.STUCK, value[10 * DAY])


def test_fifty_thousand_pulses_in_a_minute_are_impossible() -> None:
    made = quiet()
    pulses = made.pulses.copy()
    pulses[5000] = 50_000
    flow = with_pulses(made, pulses)
    (one,) = troubles(flow)
    assert (one.trouble, one.rows) == (Trouble.IMPOSSIBLE, slice(5000, 5001))
    assert one.value == pytest.approx(8333.3, rel=1e-3)
    assert believed(flow, [one]).flag[5000] == FAIL
    assert troubles(made.flow, max_lps=float(made.flow.value.max())) == []
    assert {f.trouble for f in troubles(made.flow, max_lps=2.0)} == {Trouble.IMPOSSIBLE}


def test_bouncing_contacts_are_found_on_their_days() -> None:
    made = quiet()
    pulses = made.pulses.copy()
    pulses[15 * DAY : 19 * DAY] *= 2
    (one,) = troubles(with_pulses(made, pulses))
    assert (one.trouble, one.rows) == (Trouble.DOUBLED, slice(15 * DAY, 19 * DAY))


def test_a_meter_that_runs_backwards_is_reversed() -> None:
    made = quiet()
    pulses = made.pulses.copy()
    pulses[12 * DAY :] *= -1
    found = troubles(with_pulses(made, pulses))
    assert [f.trouble for f in found] == [Trouble.REVERSED]
    assert found[0].rows == slice(12 * DAY, 30 * DAY)


@pytest.mark.parametrize("times", [0.1, 0.4, 2.5, 10.0])
def test_another_pulse_weight_is_a_step_and_a_leak_is_none(times: float) -> None:
    made = quiet()
    pulses = made.pulses.astype(float)
    count = np.floor(np.concatenate([[0], np.cumsum(pulses[16 * DAY :] * times)]))
    pulses[16 * DAY :] = np.diff(count)
    (one,) = (f for f in troubles(with_pulses(made, pulses)) if f.trouble == Trouble.STEPPED)
    assert one.start_s == pytest.approx(START_S + 60 * 16 * DAY, abs=60 * DAY)
    assert one.value == pytest.approx(times, rel=0.25)
    leak = made.flow.value + np.where(np.arange(30 * DAY) >= 16 * DAY, 4.0, 0.0)
    assert troubles(with_pulses(made, leak * 60 / PULSE_L)) == []


def told(capsys: Captured, root: Path, *words: str) -> dict[str, Any]:
    (root / "district.toml").write_text(ZONE)
    code = main(["district", str(root / "a"), "--district", str(root / "district.toml"),
                 "--month", "2025-03", "--json", *words])  # fmt: skip
    assert code == 0
    return {f["id"]: f for f in json.loads(capsys.readouterr().out)["figures"]}


def test_a_meter_that_stands_still_is_no_figure_of_loss(tmp_path: Path, capsys: Captured) -> None:
    nothing = Channel("flow", "flow", "pulses", np.zeros(30 * DAY), ml=10_000)
    write_node(tmp_path / "a", "n1", [nothing])
    found = told(capsys, tmp_path)
    assert found["n1/flow/meter/1"]["value"] == "stuck"
    for name in ("z/inflow", "z/night-flow", "z/leakage", "z/balance", "z/not-billed"):
        assert found[name]["value"] is None, name
    out = tmp_path / "page.html"
    main(["report", str(tmp_path / "a"), "--district", str(tmp_path / "district.toml"),
          "--month", "2025-03", "--out", str(out)])  # fmt: skip
    text = out.read_text()
    assert "meter flow is not believed" in text
    assert "meter flow tidak dipercaya" in text
    assert "None new" not in text


def test_half_a_month_of_a_meter_is_not_set_against_a_whole_bill(
    tmp_path: Path, capsys: Captured
) -> None:
    pulses = quiet().pulses.astype(float)
    pulses[12 * DAY :] = 0
    write_node(tmp_path / "a", "n1", [Channel("flow", "flow", "pulses", pulses, ml=10_000)])
    found = told(capsys, tmp_path)
    assert found["z/not-billed"]["value"] is None
    assert "only a part" in found["z/not-billed"]["why"]
    assert found["z/inflow"]["value"] == pytest.approx(pulses.sum() * PULSE_L / 1000)


def test_doubled_pulses_are_no_burst(tmp_path: Path, capsys: Captured) -> None:
    pulses = quiet().pulses.astype(float)
    pulses[15 * DAY : 19 * DAY] *= 2
    write_node(tmp_path / "a", "n1", [Channel("flow", "flow", "pulses", pulses, ml=10_000)])
    found = told(capsys, tmp_path)
    assert found["n1/flow/meter/1"]["value"] == "doubled"
    assert not any("/burst/" in name for name in found)


def test_flow_without_a_usable_time_is_told_in_cubic_metres(
    tmp_path: Path, capsys: Captured
) -> None:
    flow = Channel("flow", "flow", "pulses", np.full(DAY, 12.0), ml=10_000)
    write_node(tmp_path / "a", "n1", [flow])
    from district_archive import Under  # noqa: PLC0415

    wrong = Under("c0ffee01", 20755395)
    write_node(tmp_path / "a", "n1", [flow], start_s=1_000_000_000.0, under=wrong)  # 2001
    unset = Under("c0ffee01", 20755396)
    write_node(tmp_path / "a", "n1", [flow], quality="unset", under=unset)
    found = told(capsys, tmp_path)
    assert found["n1/misdated"]["value"] == pytest.approx(2 * DAY * 12 * 10 / 1000)
    assert found["z/inflow"]["value"] == pytest.approx(DAY * 12 * 10 / 1000)

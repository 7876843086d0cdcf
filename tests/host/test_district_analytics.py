# SPDX-License-Identifier: MIT
"""Night flow, leakage, bursts, balance and quality against districts whose truth is known."""

import json
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from district_truth import DAY, START_S, District, district, signal
from support import CHECKOUT

from tirta.district import balance, leakage, quality, supply
from tirta.district.burst import bursts
from tirta.district.night import NightWindow, nights, reported
from tirta.district.signal import MISSING, Evidence, Signal
from tirta.water.limits import load

JAKARTA = NightWindow(ZoneInfo("Asia/Jakarta"))
WNTR = CHECKOUT.parent / "shared/data/wntr_dma"


def wntr() -> tuple[Signal, dict[str, float]]:
    """The inflow of a district that somebody else simulated, as a node would count it."""
    if not WNTR.exists():
        pytest.skip("needs ../shared/data/wntr_dma")
    table = np.genfromtxt(WNTR / "dma_dev.csv", delimiter=",", names=True)
    truth = json.loads((WNTR / "dma_dev.truth.json").read_text())
    return signal("flow", "L/s", table["pulses"] * truth["pulse_l"] / 60), truth


def test_the_burst_of_a_district_that_nobody_here_made() -> None:
    flow, truth = wntr()
    # Its clock is UTC; the days begin where the series does.
    found = bursts(flow, None, nights(flow, None, JAKARTA), JAKARTA)
    assert len(found) == 1
    begin_s = START_S + 60 * truth["burst_minute"]
    repair_s = START_S + 60 * truth["repair_minute"]
    assert abs(found[0].start_s - begin_s) <= 3600
    assert found[0].end_s is not None
    assert abs(found[0].end_s - repair_s) <= 3600
    assert found[0].size_lps == pytest.approx(truth["leak_lps_mean"], rel=0.2)
    assert found[0].low_lps < truth["leak_lps_mean"] < found[0].high_lps


def test_every_pulse_is_in_the_inflow() -> None:
    flow, truth = wntr()
    inflow = balance.volume(flow, START_S, START_S + 60 * truth["rows"])
    assert inflow.m3 == pytest.approx(truth["total_pulses"] / 100, abs=1e-6)
    assert inflow.coverage == 1


@pytest.mark.parametrize("seed", [101, 103, 108, 116])
def test_bursts_of_generated_districts(seed: int) -> None:
    made = district(seed)
    found = bursts(made.flow, made.pressure, nights(made.flow, made.pressure, JAKARTA), JAKARTA)
    assert len(found) == 1
    assert abs(found[0].start_s - made.truth.burst_start_s) <= 3600
    assert found[0].size_lps == pytest.approx(made.truth.burst_lps, rel=0.2)


def test_a_quiet_month_has_no_burst_and_its_leakage_is_in_range() -> None:
    made = district(600, burst_lps=0.0, interruptions=0)
    found = nights(made.flow, made.pressure, JAKARTA)
    assert bursts(made.flow, made.pressure, found, JAKARTA) == []
    last = reported(found)[-1]
    use = leakage.NightUse(made.truth.connections, made.truth.use_l_per_connection_h)
    result = leakage.leakage([n.flow_lps for n in last.nights], use, quantum_l=10)
    assert result.low_lps <= made.truth.leak_lps <= result.high_lps
    assert set(result.causes_lps) == {"counting", "nights", "meter", "night_use"}


def quiet() -> District:
    return district(600, burst_lps=0.0, interruptions=0)


def test_a_night_without_pressure_does_not_count() -> None:
    made = quiet()
    pressure = made.pressure.value.copy()
    night = 5 * DAY  # midnight
    pressure[night + 60 : night + 90] = 0.0
    pressure[7 * DAY - 120] = 0.0  # two hours before another night: tanks fill
    states = [n.state for n in nights(made.flow, replace(made.pressure, value=pressure), JAKARTA)]
    assert [i for i, state in enumerate(states) if state != "counted"] == [5, 7]
    assert states[5] == "pressure_lost"


def test_the_lowest_hour_is_complete_and_its_records_are_named() -> None:
    made = quiet()
    flags = made.flow.flag.copy()
    flags[3 * DAY : 3 * DAY + 300 : 15] = MISSING  # every hour of that night lacks four of sixty
    flags[5 * DAY : 5 * DAY + 300 : 20] = MISSING  # three are no more than 5 %
    found = nights(replace(made.flow, flag=flags), made.pressure, JAKARTA)
    assert found[3].state == "no_complete_hour"
    assert np.isnan(found[3].flow_lps)
    assert found[5].counts
    night = found[4]
    assert night.day == date(2025, 3, 7)
    rows = made.flow.evidence(night.rows)
    start_s = night.start_s
    first = rows[0].first
    assert rows == [Evidence("n1", 7, "flow", first, first + 59, start_s, start_s + 3600)]
    inside = made.flow.value[rows[0].first : rows[0].last + 1]
    assert night.flow_lps == pytest.approx(inside.mean())
    hours = np.convolve(made.flow.value[4 * DAY : 4 * DAY + 300], np.full(60, 1 / 60), "valid")
    assert night.flow_lps == pytest.approx(hours.min())


def test_the_reported_figure_is_the_20th_percentile_of_seven_nights() -> None:
    found = nights(quiet().flow, None, JAKARTA)
    week = reported(found)[10]
    assert len(week.nights) == 7
    assert week.nights[-1].day == week.day
    assert week.flow_lps == np.percentile([n.flow_lps for n in week.nights], 20)
    assert not any(n.pressure_known for n in found)


def test_the_causes_of_doubt_are_those_that_theory_says() -> None:
    use = leakage.NightUse(1000, 1.8, relative_uncertainty=0.2)
    same = leakage.leakage([3.0] * 7, use, quantum_l=10, meter_accuracy=0.02)
    assert same.causes_lps["nights"] == 0
    assert same.causes_lps["counting"] == pytest.approx(10 / 3600 / 6**0.5)
    assert same.causes_lps["meter"] == pytest.approx(3 * 0.02 / 3**0.5)
    assert same.causes_lps["night_use"] == pytest.approx(0.1)
    assert same.night_lps == pytest.approx(2.5)
    assert same.day_m3 == pytest.approx(2.5 * 86.4)
    assert leakage.leakage([0.1, 0.1], use).night_lps == 0


def test_leaks_follow_pressure_through_the_day() -> None:
    day = np.array([40.0] * 8 + [20.0] * 16)
    assert leakage.hour_day_factor(day, 40.0) == pytest.approx(8 + 8)
    assert leakage.hour_day_factor(np.array([np.nan]), 40.0) == 24


def test_a_balance_leaves_out_the_hours_that_one_meter_missed() -> None:
    inlet = signal("flow", "L/s", np.full(DAY, 10.0))
    below = signal("flow", "L/s", np.full(DAY, 4.0), node="n2")
    rows = slice(0, DAY - 90)  # it stopped an hour and a half before the end
    below = below.cut(rows)
    result = balance.balance([inlet], [below], [], START_S, START_S + 60 * DAY)
    assert (result.hours, result.of_hours) == (22, 24)
    assert result.own_m3 == pytest.approx(22 * 3.6 * 6)
    assert not result.impossible
    wrong = balance.balance([below], [inlet], [], START_S, START_S + 60 * DAY)
    assert wrong.impossible


def test_backflow_is_negative_flow_or_reverse_pulses_for_two_minutes() -> None:
    flow = np.full(DAY, 3.0)
    flow[100:105] = -0.5
    flow[200] = -9.0  # one record only
    reverse = np.zeros(DAY)
    reverse[300:302] = 0.2
    found = supply.backflow(signal("flow", "L/s", flow), [signal("reverse", "L/s", reverse)])
    assert [(one.channel, span.rows) for one, span in found] == [
        ("flow", slice(100, 105)), ("reverse", slice(300, 302)),
    ]  # fmt: skip
    assert found[0][1].value == -0.5


def test_holes_and_completeness_are_what_is_not_there() -> None:
    whole = signal("flow", "L/s", np.ones(DAY))
    kept = np.r_[0:100, 130:DAY]
    part = Signal(
        "n1", "flow", "L/s", 60.0, whole.time_s[kept], whole.value[kept], whole.flag[kept],
        whole.epoch[kept], whole.number[kept],
    )  # fmt: skip
    assert supply.holes(part, START_S, START_S + 60 * DAY) == [
        supply.TimeGap(START_S + 6000, START_S + 7800)
    ]
    half = START_S + 30 * DAY
    assert supply.completeness(part, [START_S, half, START_S + 60 * DAY]) == [690 / 720, 1.0]
    assert part.evidence(slice(90, 110)) == [
        Evidence("n1", 7, "flow", 90, 99, START_S + 90 * 60, START_S + 100 * 60),
        Evidence("n1", 7, "flow", 130, 139, START_S + 130 * 60, START_S + 140 * 60),
    ]


def test_quality_counts_what_is_valid_and_names_what_is_outside() -> None:
    turbidity = np.full(DAY, 0.4)
    turbidity[600:660] = 5.0
    turbidity[690] = 4.0  # within the hour: the same event
    turbidity[5] = 99.0
    flags = np.ones(DAY, np.uint8)
    flags[5] = 4
    flags[6] = MISSING
    one = replace(signal("turbidity", "NTU", turbidity), flag=flags)
    first, second = quality.judge(one, load().of("turbidity", "NTU"))
    assert (first.valid, first.within) == (DAY - 2, DAY - 2 - 61)
    assert (first.doubted, first.missing) == (1, 1)
    assert (first.low, first.high) == (0.4, 5.0)
    assert [(e.rows, e.worst) for e in first.events] == [(slice(600, 691), 5.0)]
    assert second.limit.source == "who_gdwq"


def test_a_relative_limit_needs_the_channel_beside() -> None:
    water = signal("temperature", "degC", np.full(DAY, 27.0))
    (limit,) = load().of("temperature", "degC")
    assert quality.compliance(water, limit) is None
    air = signal("air_temperature", "degC", np.where(np.arange(DAY) < 720, 26.0, 31.0))
    judged = quality.compliance(water, limit, air)
    assert judged is not None
    assert judged.share == 0.5

# SPDX-License-Identifier: MIT
"""What to do next: zones by the water that can be won back, and what is open at the end."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from district_archive import Channel, write_district, write_node
from district_truth import DAY, PULSE_L, START_S, district

from tirta.cli import main
from tirta.district import priorities, tree
from tirta.district.priorities import Matter
from tirta.district.survey import Survey, survey
from tirta.report import large, network
from tirta.report.language import Language
from tirta.report.office import office

MONTH_MIN = 30 * DAY


def words(found: Survey, code: str = "en") -> Language:
    return Language(code, found.period.zone)


def flow(pulses: Any) -> Channel:
    return Channel("flow", "flow", "pulses", np.asarray(pulses, float), ml=round(PULSE_L * 1000))


def pressure(value: Any) -> Channel:
    return Channel("p_critical", "pressure", "m", np.asarray(value, float))


def a_survey(root: Path, text: str = "") -> Survey:
    path = root / "district.toml"
    path.write_text(text)
    return survey(root / "a", tree.load(path))


def steady(lps: float) -> Channel:
    """A zone whose flow is the same day and night."""
    return flow(np.full(MONTH_MIN, lps * 60 / PULSE_L))


def zone(number: int, connections: int = 10) -> str:
    return (
        f'[[zone]]\nid = "z{number}"\nname = "Zona {number}"\nin = ["n{number}/flow"]\n'
        f"connections = {connections}\nlitres_per_connection_h = 1.8\n"
    )


def test_zones_stand_in_the_order_of_what_can_be_won_back(tmp_path: Path) -> None:
    flows = {1: 2.0, 2: 5.0, 3: 0.5}
    for number, lps in flows.items():
        write_node(tmp_path / "a", f"n{number}", [steady(lps)])
    text = "price_per_m3 = 5000\n" + "".join(zone(n) for n in flows)
    found = a_survey(tmp_path, text)
    ranked = priorities.ranks(found)
    assert [r.zone.title for r in ranked] == ["Zona 2", "Zona 1", "Zona 3"]
    for rank, lps in zip(ranked, (5.0, 2.0, 0.5), strict=True):
        lost = (lps - 10 * 1.8 / 3600) * 86.4 * 30  # everything but the use of ten connections
        assert rank.m3 == pytest.approx(lost, rel=1e-3)
        assert rank.low_m3 <= lost <= rank.high_m3
        assert rank.money == pytest.approx(lost * 5000, rel=1e-3)
        assert rank.share == pytest.approx((lps - 0.005) / lps, rel=1e-3)
        figure = found.figures[f"{rank.zone.zone.id}/recoverable"]
        assert figure.value == rank.m3
        assert found.figures.records(figure.id)
    total = priorities.total(found, ranked)
    assert total.m3 == pytest.approx(sum(r.m3 for r in ranked))
    assert total.low_m3 < total.m3 < total.high_m3
    told = office(found, words(found))
    assert "m³ can be won back" in told.headline
    assert any("Rp 5,000" in sentence for sentence in told.detail)
    assert told.lines[0].bar == 1.0


def test_what_no_utility_can_avoid_is_not_to_be_won_back(tmp_path: Path) -> None:
    """UARL of Lambert: (18 km + 0.8 connections + 25 km of private pipe) litres a day and metre."""
    write_node(tmp_path / "a", "n1", [steady(5.0), pressure(np.full(MONTH_MIN, 40.0))])
    known = zone(1, 4000) + "mains_km = 30\nprivate_pipe_m = 0\n"
    found = a_survey(tmp_path, known)
    (rank,) = priorities.ranks(found)
    leaking = (5.0 - 4000 * 1.8 / 3600) * 86.4 * 30
    unavoidable = (18 * 30 + 0.8 * 4000) * 40 / 1000 * 30
    assert rank.m3 == pytest.approx(max(0.0, leaking - unavoidable), rel=2e-3)
    assert found.figures["z1/recoverable"].parts == ("z1/leakage", "z1/uarl")


def test_what_is_not_billed_is_of_the_zones_whose_billing_is_known(tmp_path: Path) -> None:
    made = district(40)
    for number in (1, 2):
        write_node(tmp_path / "a", f"n{number}", [flow(made.pulses)])
    entered = made.pulses.sum() * PULSE_L / 1000
    text = zone(1) + f"billed_m3 = {{ '2025-03' = {entered * 0.6:.1f} }}\n" + zone(2)
    path = tmp_path / "district.toml"
    path.write_text(text)
    found = survey(tmp_path / "a", tree.load(path), month="2025-03")
    total = priorities.total(found, priorities.ranks(found))
    balance = found.zones["z1"].balance
    assert balance is not None
    assert total.billed_zones == 1
    assert total.non_revenue == pytest.approx(1 - entered * 0.6 / balance.own_m3, abs=1e-3)
    told = " ".join(office(found, words(found)).detail)
    assert "of the 1 zone whose billing is known" in told


def test_nothing_is_ranked_without_night_use(tmp_path: Path) -> None:
    write_node(tmp_path / "a", "n1", [steady(2.0)])
    found = a_survey(tmp_path)
    assert priorities.ranks(found) == []
    assert office(found, words(found)).headline == "Not known"


def test_what_is_open_is_told_with_what_to_do(tmp_path: Path) -> None:
    end_s = START_S + MONTH_MIN * 60
    dry = np.full(MONTH_MIN, 20.0)
    dry[-300:] = 1.0  # five hours without pressure, to the end
    dry[DAY : DAY + 300] = 1.0  # and once before, which is over
    alarm = [
        (end_s - 7200, "alarm", "", {"name": "low battery", "raised": True}),
        (end_s - 9000, "alarm", "", {"name": "tamper", "raised": True}),
        (end_s - 8000, "alarm", "", {"name": "tamper", "raised": False}),
    ]
    write_node(
        tmp_path / "a", "n1", [steady(2.0), pressure(dry)], name="Pasar", events=tuple(alarm)
    )
    gone = np.ones(MONTH_MIN, bool)
    gone[-3 * DAY :] = False
    write_node(tmp_path / "a", "n2", [steady(1.0)], name="Bukit", keep=gone)
    found = a_survey(tmp_path, zone(1) + zone(2))
    opened = priorities.open_matters(found)
    assert [(m.matter, m.where, m.name) for m in opened] == [
        (Matter.DRY, "Zona 1", ""),
        (Matter.SILENT, "Bukit", ""),
        (Matter.ALARM, "Pasar", "low battery"),
    ]
    assert opened[0].since_s == pytest.approx(end_s - 300 * 60, abs=60)
    assert opened[1].since_s == pytest.approx(end_s - 3 * DAY * 60)
    for code in ("en", "id"):
        for task in office(found, words(found, code)).tasks:
            assert "%(" not in task.what + task.do + task.since
            assert task.do.endswith(".")


def test_the_map_is_not_green_where_there_was_no_water(tmp_path: Path) -> None:
    dry = np.full(MONTH_MIN, 20.0)
    dry[2 * DAY : 2 * DAY + 750] = 0.5  # twelve and a half hours
    write_node(tmp_path / "a", "n1", [steady(2.0), pressure(dry)])
    write_node(tmp_path / "a", "n2", [steady(2.0), pressure(np.full(MONTH_MIN, 20.0))])
    found = a_survey(tmp_path, zone(1) + zone(2))
    states = {d.node: (d.state, d.text) for d in network.picture(found, words(found)).dots}
    assert states == {"n1": (network.DRY, "no water for 12.5 hours"), "n2": ("good", "in order")}


def test_dots_of_many_nodes_do_not_overlap(tmp_path: Path) -> None:
    text = ""
    for number in range(30):
        write_node(tmp_path / "a", f"n{number}", [flow(np.full(DAY, 2.0))])
        text += zone(number) + (
            f'[[node]]\nid = "n{number}"\nzone = "z{number}"\n'
            f"lat = {-6.914 - 0.004 * (number % 4) - 0.001 * (number // 4):.4f}\n"
            f"lon = {107.609 + 0.005 * (number % 3) + 0.003 * (number // 3):.4f}\n"
        )
    found = a_survey(tmp_path, text)
    picture = network.picture(found, words(found))
    assert len(picture.dots) == 30
    at = np.array([(d.x, d.y) for d in picture.dots])
    apart = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    overlapping = (apart.min(axis=1) < 2 * picture.radius - 1e-9).mean()
    assert overlapping <= 0.1
    assert picture.numbered == (picture.radius >= 11)


def test_a_large_page_draws_coarser_and_stays_small() -> None:
    assert large.scale(60, 60, 480) == large.Scale(False, 1500, 720, 16)
    for nodes in (61, 100, 200, 500):
        found = large.scale(nodes, nodes, 8 * nodes)
        assert found.packed
        lines = 3 * nodes * found.flow_columns + 16 * nodes * found.other_columns
        assert lines <= 2_000_000
    assert large.scale(500, 500, 4000).flow_columns > large.scale(500, 500, 4000).other_columns


def test_the_command_writes_what_to_do_first(tmp_path: Path) -> None:
    write_district(tmp_path / "a", 3)
    assert main(["report", str(tmp_path / "a"), "--district", str(tmp_path / "district.toml")]) == 0
    text = (tmp_path / "a/report.html").read_text()
    views = re.findall(r'data-set-view="(\w+)"', text)
    assert views[:3] == ["office", "citizen", "engineer"]
    json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]

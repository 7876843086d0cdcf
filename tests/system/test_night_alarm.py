# SPDX-License-Identifier: MIT
"""A night-flow alarm on a running node, against what the laptop finds in the records it pulled."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from nodes import FAST_BAUD, Nodes
from patience import scenario_ended

from tirta import config
from tirta.district.night import NightWindow, nights
from tirta.district.reading import Tables
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.tables.landing import land_all
from tirta.water.definitions import DAY_S

CONFIG = """
board = "virtual"
interval_s = 60
[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
[[alarm]]
name = "leak"
kind = "night_flow"
channel = "flow"
limit = 0.5
"""
DAYS = 7  # the clock is set in the first ones, as soon as the node answers


def test_a_leak_at_night_is_told_with_its_flow(nodes: Nodes, tmp_path: Path) -> None:
    """1 or 2 L/s flow all the time. It is raised when a night ends that the laptop counts too."""
    water = tmp_path / "leak.csv"
    lines = [f"{m},{6 if m % 1440 < 720 else 12}" for m in range(DAYS * 1440)]
    water.write_text("minute,pulses\n" + "\n".join(lines) + "\n")
    settings = tmp_path / "node.toml"
    settings.write_text(CONFIG)
    text = config.load(settings)[0]
    port = nodes.up("leak", app=True, config=text, scenario=water, speed="max").port
    with Node(port, FAST_BAUD) as node:
        node.set_clock()
    scenario_ended("leak")
    with Node(port, FAST_BAUD) as node:
        assert node.status()["alarms"] == ["leak"]
        pull(node, tmp_path / "archive")
    land_all(tmp_path / "archive")
    happened = pq.read_table(tmp_path / "archive/events").to_pylist()
    (row,) = [row for row in happened if row["kind"] == "alarm"]
    assert (row["channel"], row["unit"]) == ("flow", "L/s")
    assert row["value"] in {1.0, 2.0}
    raised_s = row["time_utc"].timestamp()
    tables = Tables(tmp_path / "archive")
    (name,) = tables.nodes()
    flow = tables.read(name, raised_s - 9 * DAY_S, raised_s + DAY_S).signals["flow"]
    window = NightWindow(ZoneInfo("Asia/Jakarta"))
    before = [n for n in nights(flow, None, window) if window.bounds_s(n.day)[1] < raised_s]
    assert before[-1].counts
    assert before[-1].flow_lps >= 0.5
    assert raised_s - window.bounds_s(before[-1].day)[1] < 2 * 60  # with the record behind it

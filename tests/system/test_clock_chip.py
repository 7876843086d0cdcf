# SPDX-License-Identifier: MIT
"""A DS3231 through the whole chain: which boots have a time, how sure it is, and what it keeps."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from nodes import FAST_BAUD, Nodes
from patience import wait_for

from tirta import config, virtual
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.tables.landing import land_all

CONFIG = """
board = "virtual"
interval_s = 1
commit_seconds = 1
clock = "ds3231"
[[channel]]
name = "heap"
sensor = "free_heap"
unit = "bytes"
"""
SIDECAR = """
[channels.clock]
kind = "ds3231"
set = 2026-03-01T06:00:00Z
"""
SET = datetime(2026, 3, 1, 6, tzinfo=UTC)


def has_records(nodes: Nodes, wanted: int) -> None:
    """Let the node run until it has programmed so many times more."""
    ops = nodes.status()["flash_ops"] + wanted
    wait_for(lambda: nodes.status()["flash_ops"] >= ops, every_s=0.05)


def power_fails_for(seconds: int) -> None:
    virtual.cut("bare")
    virtual.control("bare", {"do": "power_on", "after_s": seconds})


def seconds(moment: datetime) -> float:
    """Since the scenario began, by the clock."""
    return (moment - SET).total_seconds()


def records(node: Node, folder: Path) -> list[dict[str, Any]]:
    """Of the archive's tables, by number."""
    pull(node, folder)
    land_all(folder)
    found: list[dict[str, Any]] = []
    for path in folder.rglob("records/**/*.parquet"):
        found += pq.ParquetFile(path).read().to_pylist()
    return sorted(found, key=lambda row: int(row["number"]))


def test_three_boots_of_which_the_last_has_a_clock_and_then_a_set_one(
    nodes: Nodes, tmp_path: Path
) -> None:
    settings, water = tmp_path / "node.toml", tmp_path / "clock.csv"
    settings.write_text(CONFIG)
    water.write_text("clock\n" + "absent\n" * 20 + "1\n" * 200 + "absent\n")
    water.with_suffix(".toml").write_text(SIDECAR)
    text, _ = config.load(settings)
    port = nodes.up(app=True, config=text, scenario=water, speed=60).port
    for away_s in (300, 3600):
        has_records(nodes, 20)
        power_fails_for(away_s)
    began_s = nodes.status()["scenario"]["into_us"] / 1e6
    has_records(nodes, 20)
    with Node(port, FAST_BAUD) as node:
        rows = records(node, tmp_path / "archive")
        dated = [row for row in rows if row["time_quality"] != "unset"]
        before = rows[: len(rows) - len(dated)]
        assert {row["time_quality"] for row in before} == {"unset"}
        assert {row["time_utc"] for row in before} == {None}
        assert len(before) >= 6
        assert len(dated) >= 4
        # Set by somebody else, it may be two minutes off; that is told, and the truth is within.
        assert {row["time_quality"] for row in dated} == {"holdover"}
        assert all(120_000 <= row["time_uncertainty_ms"] < 121_000 for row in dated)
        first, last = (seconds(row["time_utc"]) for row in (dated[0], dated[-1]))
        now_s = nodes.status()["scenario"]["into_us"] / 1e6
        assert began_s - 1 < first < last < now_s + 1
        # What had no clock came before the boot that has one, an hour apart.
        assert all(row["time_latest"] for row in before)
        latest = max(seconds(row["time_latest"]) for row in before)
        assert latest < first
        state, refused_by = node.set_clock()
        assert (state, refused_by) == ("synchronised", "")
        set_s, at_us = time.time(), nodes.status()["time_us"]
    power_fails_for(7200)
    has_records(nodes, 12)
    with Node(port, FAST_BAUD) as node:
        status = node.status()
        away_s = (nodes.status()["time_us"] - at_us) / 1e6
        assert status["clock"] == "holdover"
        assert abs(status["unix"] - (set_s + away_s)) < 3
        rows = records(node, tmp_path / "archive")
    # The chip's drift is counted by days begun since it was set, and two hours may reach into one.
    days = (set_s + away_s) // 86400 - set_s // 86400 + 1
    expected_ms = 1000 + days * 303
    assert expected_ms <= rows[-1]["time_uncertainty_ms"] < expected_ms + 100
    power_fails_for(3600)  # now it is unplugged, and says so to who sets the time
    with Node(port, FAST_BAUD) as node:
        assert node.set_clock() == ("synchronised", "ds3231")

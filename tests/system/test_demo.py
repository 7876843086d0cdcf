# SPDX-License-Identifier: MIT
"""The demo as a user runs it: about a minute, last line exact, nothing left behind."""

import csv
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from patience import run

from tirta.exports.selection import SCHEMA
from tirta.virtual.demo_config import Water

RECORDS = 14 * 1440 + 1


@pytest.fixture(scope="module")
def demo(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    folder = tmp_path_factory.mktemp("demo")
    done = run([sys.executable, "-m", "tirta.demo"], cwd=folder, env=os.environ | {"NO_COLOR": "1"})
    assert done.returncode == 0, done.stderr
    return folder / "build" / "demo", done


Demo = tuple[Path, "subprocess.CompletedProcess[str]"]


def test_last_line_tells_that_everything_is_there(demo: Demo) -> None:
    *_, last = demo[1].stdout.splitlines()
    found = re.fullmatch(
        r"demo: ok: (\d+) records, (\d+) pulses in = (\d+) pulses out, 0 missing", last
    )
    assert found
    with (demo[0] / "scenario.csv").open() as file:
        truth = sum(int(row["pulses"]) for row in csv.DictReader(file))
    assert [int(n) for n in found.groups()] == [RECORDS, truth, truth]


def test_node_samples_while_it_is_read(demo: Demo) -> None:
    found = re.search(r"next record (\d+) when the pull began, (\d+) now", demo[1].stderr)
    assert found
    assert int(found[2]) > int(found[1])
    assert "its line at 921,600 baud (the default is 115,200)" in demo[1].stderr


def test_what_a_node_kept_while_it_was_out_of_reach_comes_over_the_network(demo: Demo) -> None:
    found = re.search(r"ledger of valve-2 tells of (\d+) records that were missing", demo[1].stderr)
    assert found
    assert int(found[1]) >= 2 * 1440
    with (demo[0] / "network-records.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["channel"] == "flow"]
    nodes = {row["node"] for row in rows}
    assert len(nodes) == 3
    with (demo[0] / "network.csv").open() as file:
        truth = sum(int(row["pulses"]) for row in csv.DictReader(file))
    for node in nodes:
        assert sum(int(row["value"]) for row in rows if row["node"] == node) == truth


def test_files_are_there_and_say_the_same(demo: Demo) -> None:
    table = pq.read_table(demo[0] / "records.parquet")
    assert table.schema.names == SCHEMA.names
    with (demo[0] / "records.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == "time_utc,time_quality,node,epoch,number,channel,value,unit,flag"
    assert len(rows) == table.num_rows == RECORDS * 8
    assert [r for r in rows if r["flag"] != "1"] == []
    assert [float(r["value"]) for r in rows] == table.column("value").to_pylist()
    assert {r["channel"] for r in rows} == {
        "flow", "p_inlet", "p_critical", "ph", "turbidity", "conductivity", "chlorine",
        "temperature",
    }  # fmt: skip
    picture = (demo[0] / "inlet.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000
    assert not list((demo[0]).rglob("*.tmp*"))


def test_the_page_finds_the_leak(demo: Demo) -> None:
    found = re.search(
        r"finds the leak: ([\d.]+) L/s \(in truth 5.00\).*\((\d+) minutes", demo[1].stderr
    )
    assert found
    assert abs(float(found[1]) / 5 - 1) < 0.2
    assert int(found[2]) <= 60
    text = (demo[0] / "report.html").read_text()
    assert "A new leak is suspected in District 7" in text
    assert "Diduga ada kebocoran baru di District 7" in text


@pytest.mark.parametrize("hour", range(24))
def test_nights_before_and_with_the_leak_suffice_at_any_hour(hour: int) -> None:
    """Night windows end at five: eight of them before the leak, four with all of it behind."""
    water = Water(datetime(2026, 3, 15, hour, 40, tzinfo=UTC))
    began = water.now - timedelta(minutes=water.minutes)
    burst = began + timedelta(minutes=water.burst.start_min)
    days = [began.date() + timedelta(days=i) for i in range(water.days + 1)]
    nights = [datetime(d.year, d.month, d.day, 2, tzinfo=UTC) for d in days]
    whole = [n for n in nights if began <= n and n + timedelta(hours=3) <= water.now]
    assert (burst.hour, burst.minute) == (2, 10)
    assert sum(n + timedelta(hours=3) <= burst for n in whole) >= 8
    assert sum(n >= burst for n in whole) >= 4


def test_values_are_those_of_the_scenario(demo: Demo) -> None:
    """Within some mV of the converter: 10 mV of 1.6 V is 1 m of 160 m."""
    with (demo[0] / "scenario.csv").open() as file:
        truth = list(csv.DictReader(file))
    columns = {
        "p_inlet": ("p_inlet_m", 0.15), "p_critical": ("p_critical_m", 0.15), "ph": ("ph", 0.03),
        "turbidity": ("turbidity_ntu", 0.02), "conductivity": ("conductivity_us_cm", 2.0),
        "chlorine": ("chlorine_mg_l", 0.005), "temperature": ("temperature_c", 0.07),
    }  # fmt: skip
    with (demo[0] / "records.csv").open() as file:
        for row in csv.DictReader(file):
            if row["channel"] != "flow" and int(row["number"]) % 100 == 7:
                column, most = columns[row["channel"]]
                # The sample at the end of a minute sees that row, the first instant of the next, or
                # some of its eight readings each.
                near = truth[int(row["number"]) : int(row["number"]) + 2]
                seen = [float(t[column]) for t in near]
                assert min(seen) - most <= float(row["value"]) <= max(seen) + most, (row, near)


def test_no_process_stays(demo: Demo) -> None:
    folder = str(demo[0] / "virtual")
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert folder not in process.read_bytes().decode(errors="replace")
        except OSError:
            continue  # it ended while we looked

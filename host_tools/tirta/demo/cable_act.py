# SPDX-License-Identifier: MIT
"""The demo's first act: the main job on a virtual node, from bare flash to its district's page,
checked to the pulse.

The truth is the scenario's file, which the node never sees: what its meter gave. The scenario ends
just before a sample falls due, so that the record numbers show the node sampling while it is read.
A leak begins in one of its nights; the page must find it.
"""

import csv
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from tirta import config, virtual
from tirta.boards import board_file
from tirta.district import tree
from tirta.district.survey import Survey, survey
from tirta.errors import TirtaError
from tirta.exports.export import export
from tirta.exports.plot import plot
from tirta.files import atomic
from tirta.install.deploy import deploy
from tirta.node import Node
from tirta.node.discover import list_ports
from tirta.progress import bar
from tirta.pull.pull import PullResult, pull
from tirta.report.build import page
from tirta.tables.landing import land_all
from tirta.virtual.demo_config import DEMO_CONFIG, Water, demo_district

FOLDER = Path("build/demo")
BAUD = 921_600
_NAME = "demo"
_TOWN = "Asia/Jakarta"
_START_OFF_S = 3600  # what docs/DISTRICT.md promises of a burst
_SIZE_OFF = 0.2
console = Console(stderr=True, highlight=False)


def run() -> tuple[list[str], str]:
    """Play the act in FOLDER; return what is not as it should be, and the line of one that is."""
    scenario = FOLDER / "scenario.csv"
    water = Water(datetime.now(ZoneInfo(_TOWN)))
    water.write(scenario)
    port = virtual.up(_NAME, scenario=scenario, speed="max", baud=BAUD).port
    step(f"a virtual node on {port}, its line at {BAUD:,} baud (the default is 115,200)")
    step(f"it is a bare board: {_bare_board()}")
    text, board = config.load(DEMO_CONFIG)
    began = time.monotonic()
    with bar("Writing") as progress:
        done = deploy(port, board_file.load(board.name), baud=BAUD, progress=progress)
    step(
        f"application {done.hello.firmware} on it: {done.written_bytes:,} bytes in"
        f" {time.monotonic() - began:.1f} s"
    )
    with Node(port, BAUD) as node:
        state = node.apply_config(text)
        step(f"config {DEMO_CONFIG.name} applied: {state.hash:08x}")
    _let_it_log(water.days)
    results = _pull_twice(port)
    archive = FOLDER / "archive"
    files = [export(archive, to, FOLDER / f"records.{to}") for to in ("csv", "parquet")]
    files.append(plot(archive, FOLDER / "inlet.png"))
    for file in files:
        step(f"wrote {file} ({file.stat().st_size:,} bytes)")
    missed = _report(archive, results[0].node, water)
    differs, line = _compare(scenario, files[0], results, water.minutes)
    return differs + missed, line


def _bare_board() -> str:
    """Which MicroPython answers; a new board formats its file system first."""
    while True:
        _still_on()
        for found in list_ports():
            if found.kind == "virtual" and found.firmware:
                return f"{found.firmware}, mode {found.mode}"


def _still_on() -> dict[str, Any]:
    """How the node is; a busy computer makes it slow, so only one that ended ends the demo."""
    told = virtual.control(_NAME, {"do": "status"})
    if told["power"] != "on":
        raise TirtaError("The virtual node ended.", f"See {FOLDER / 'virtual' / _NAME}/board.log.")
    return told


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _let_it_log(days: int) -> None:
    began = time.monotonic()
    with console.status("") as shown:
        while not (told := _still_on()["scenario"])["ended"]:
            day = (told["into_us"] or 0) / 86_400e6
            shown.update(f"logging: day {day:.1f} of {days}")
            time.sleep(0.2)
    step(f"{days} days of one-minute samples logged in {time.monotonic() - began:.1f} s")


def _pull_twice(port: str) -> list[PullResult]:
    """Read the log while the node samples on; then what it sampled meanwhile."""
    archive = FOLDER / "archive"
    with Node(port, BAUD) as node:
        with bar("Pulling") as progress:
            first = pull(node, archive, progress=progress)
        step(_told("pulled", first))
        after = _next_record_beyond(node, first.next_record)
        step(
            f"the node samples on: next record {first.next_record} when the pull began, {after} now"
        )
        second = pull(node, archive)
        step(_told("pulled again", second))
    land_all(archive)
    return [first, second]


def _told(what: str, result: PullResult) -> str:
    rate = result.wire_bytes / max(result.seconds, 1e-3) / 1000
    return (
        f"{what}: records {result.first} to {result.last}, {result.wire_bytes:,} bytes in"
        f" {result.seconds:.1f} s ({rate:.0f} kB/s)"
    )


def _next_record_beyond(node: Node, number: int) -> int:
    """The next record's number once there is one beyond `number`, or two were due by its clock."""
    status = node.status()
    until_s = status["uptime_s"] + 2 * status["interval_s"]
    while node.values()["number"] <= number and node.status()["uptime_s"] < until_s:
        time.sleep(0.2)
    return node.commit().next_record


def _report(archive: Path, node: str, water: Water) -> list[str]:
    """Write the district's page; what it does not say of the leak."""
    file, html = FOLDER / "district.toml", FOLDER / "report.html"
    demo_district(file, node, _TOWN)
    found = survey(archive, tree.load(file))
    atomic.write(html, page(found, ()).encode())
    step(f"wrote {html} ({html.stat().st_size:,} bytes): open it in a browser")
    step(f"again, by hand: tirta report {archive} --district {file}")
    return leak_mistakes(found, water)


def leak_mistakes(found: Survey, water: Water) -> list[str]:
    """Return what a survey does not say of the water's leak."""
    (zone,) = found.zones.values()
    if len(zone.bursts) != 1 or zone.net is None:
        return [f"the page tells of {len(zone.bursts)} leaks instead of one"]
    burst, truth = zone.bursts[0], water.burst
    began_s = float(zone.net.time_s[zone.net.number == truth.start_min][0])
    late_s = burst.start_s - began_s
    step(
        f"the page finds the leak: {burst.size_lps:.2f} L/s (in truth {truth.flow_l_s:.2f}), begun"
        f" {datetime.fromtimestamp(burst.start_s, ZoneInfo(_TOWN)):%d %B %H:%M}"
        f" ({abs(late_s) / 60:.0f} minutes off)"
    )
    if abs(late_s) > _START_OFF_S or abs(burst.size_lps / truth.flow_l_s - 1) > _SIZE_OFF:
        return ["the leak's start or size is not what it was"]
    return []


def _compare(
    scenario: Path, exported: Path, results: list[PullResult], minutes: int
) -> tuple[list[str], str]:
    """What differs between what the meter gave and what the laptop's file says."""
    pulses_in = sum(int(row["pulses"]) for row in _rows(scenario))
    pulses_out = 0
    numbers: set[int] = set()
    for row in _rows(exported):
        numbers.add(int(row["number"]))
        if row["channel"] == "flow":
            pulses_out += int(row["value"])
    records = minutes + 1
    missing = len(set(range(max(records, len(numbers)))) - numbers)
    differs = []
    if pulses_in != pulses_out:
        differs.append(f"{pulses_in} pulses in, but {pulses_out} pulses out")
    if missing:
        differs.append(f"{missing} records are missing")
    if not results[1].records:
        differs.append("the node did not sample while it was read")
    differs += [f"records {h.first} to {h.last} are {h.state}" for h in results[1].holes]
    return differs, (
        f"demo: ok: {len(numbers)} records, {pulses_in} pulses in = {pulses_out} pulses out,"
        f" {missing} missing"
    )


def step(message: str) -> None:
    """Tell what was done."""
    console.print(f"demo: {message}", soft_wrap=True)

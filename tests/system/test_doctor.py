# SPDX-License-Identifier: MIT
"""`tirta doctor`: faults that are put into virtual nodes are named, and a healthy node has none.

What cannot be made on a virtual board (a worn flash, a brown-out) is put into the facts of a real
node, just before they are judged.
"""

import csv
import json
import math
import os
import pty
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import serial
from nodes import FAST_BAUD, Nodes
from patience import run, scenario_ended

from tirta import config, doctor, virtual
from tirta.doctor.facts import NodeFacts, gather
from tirta.doctor.finding import Report
from tirta.log.decode import Event, Verdict
from tirta.node import Node
from tirta.virtual.demo_config import demo_text
from tirta_format import meta

DAYS = 2
CHANNELS = """
board = "virtual"
name = "Broken chamber"
[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
"""
LOOP = """
[[channel]]
name = "{name}"
sensor = "4-20mA"
pin = "{pin}"
unit = "{unit}"
at_4ma = {low}
at_20ma = {high}
"""
LOOPS = [
    ("p_broken", "analog_1", "m", 0, 160),
    ("p_stuck", "analog_2", "m", 0, 160),
    ("p_noisy", "analog_3", "m", 0, 160),
    ("turb_edge", "analog_4", "NTU", 0, 10),
    ("ph_absurd", "analog_5", "pH", 0, 14),
    ("p_loose", "analog_6", "m", 0, 160),
]
PROBE = """
[[channel]]
name = "t_silent"
sensor = "ds18b20"
pin = "onewire"
[[channel]]
name = "battery"
sensor = "voltage"
pin = "battery"
unit = "V"
points = [[0.0, 0.0], [2.4, 14.4]]
"""
NAMED = {
    "flow": "sensor.no-pulses",
    "p_broken": "sensor.loop-broken",
    "p_stuck": "sensor.stuck",
    "p_noisy": "sensor.noisy",
    "turb_edge": "sensor.suspect",
    "ph_absurd": "sensor.range",
    "p_loose": "sensor.intermittent",
    "t_silent": "sensor.silent",
    "battery": "battery.low",
}


def milliamps(value: float) -> float:
    return value / 10  # volts at the pin, over the board's 100 ohm


def broken_day(path: Path) -> None:
    """Two days of a chamber in which every sensor has another fault."""
    dice = random.Random(7)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["pulses", *(name for name, *_ in LOOPS), "battery_v"])
        for minute in range(DAYS * 1440):
            wave = math.sin(minute / 230)
            rows.writerow([
                0,
                milliamps(0.0),  # the wire is cut
                milliamps(8.0),
                milliamps(12.0 + dice.uniform(-4, 4)),
                milliamps(3.7 + 0.01 * wave),
                milliamps(4.4 + 0.2 * wave),  # about pH 0.4
                milliamps(0.0 if dice.random() < 0.3 and minute % 4 else 8.0 + wave),
                10.9 + 0.05 * wave,
            ])  # fmt: skip
    kinds = "\n".join(
        f'[channels.{name}]\nkind = "volts"\npin = "{pin}"' for name, pin, *_ in LOOPS
    )
    path.with_suffix(".toml").write_text(
        f'[channels.pulses]\nkind = "pulses"\npin = "flow"\n{kinds}\n'
        '[channels.battery_v]\nkind = "battery"\npin = "battery"\n'
    )


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


@pytest.fixture
def healthy(nodes: Nodes) -> NodeFacts:
    """A node in its week of water."""
    node = nodes.up("well", app=True, config=demo_text("virtual"))
    with Node(node.port, FAST_BAUD) as asked:
        asked.set_clock()
    return gather(node.port, FAST_BAUD)


def test_every_broken_sensor_is_named(nodes: Nodes, tmp_path: Path) -> None:
    scenario = tmp_path / "broken.csv"
    broken_day(scenario)
    settings = tmp_path / "config.toml"
    loops = [
        LOOP.format(name=name, pin=pin, unit=unit, low=low, high=high)
        for name, pin, unit, low, high in LOOPS
    ]
    settings.write_text(CHANNELS + "".join(loops) + PROBE)
    text, _ = config.load(settings)
    node = nodes.up("sick", app=True, config=text, scenario=scenario, speed="max")
    scenario_ended("sick")
    report = doctor.examine(node.port, FAST_BAUD, node="02ffffffffff")
    found = {f.channel: f.id for f in report.findings if f.channel}
    assert found == NAMED
    assert ids(report) - set(NAMED.values()) == {"node.other"}
    assert all(
        f.what.endswith(".") and f.next.endswith((".", "?", "meter.")) for f in report.findings
    )


def test_a_healthy_node_has_no_finding(nodes: Nodes) -> None:
    fresh = nodes.up("fresh", app=True, config=demo_text("virtual"))
    assert doctor.examine(fresh.port, FAST_BAUD).findings == []
    done = run_doctor(fresh.port)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert told["findings"] == []
    assert {note["id"] for note in told["notes"]} == {"mode.open", "clock.unset"}


def run_doctor(*arguments: str) -> "subprocess.CompletedProcess[str]":
    code = "import sys; from tirta.cli import main; sys.exit(main())"
    words = ["doctor", *arguments, "--json", "--baud", str(FAST_BAUD)]
    return run([sys.executable, "-c", code, *words])


def test_a_port_that_fails_is_a_finding(nodes: Nodes, tmp_path: Path) -> None:
    done = run_doctor(str(tmp_path / "absent"))
    assert done.returncode == 1
    assert [f["id"] for f in json.loads(done.stdout)["findings"]] == ["port.missing"]
    master, slave = pty.openpty()
    try:
        assert ids(doctor.examine(os.ttyname(slave))) == {"port.silent"}
    finally:
        os.close(master)
        os.close(slave)
    bare = nodes.up("bare")
    assert ids(doctor.examine(bare.port, FAST_BAUD)) == {"board.prompt"}
    with serial.Serial(bare.port, exclusive=True):
        assert ids(doctor.examine(bare.port, FAST_BAUD)) == {"port.busy"}


def test_a_node_without_a_usable_config_is_named(nodes: Nodes, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(CHANNELS)
    node = nodes.up("set", app=True, config=demo_text("virtual"))
    assert ids(doctor.examine(node.port, FAST_BAUD, config=other)) == {"config.differs"}
    empty = nodes.up("unset", app=True, config=b"")
    assert ids(doctor.examine(empty.port, FAST_BAUD)) == {"config.none"}
    wrong = nodes.up("wrong", app=True, config=b'{"board":"virtual","channels":[]}')
    assert ids(doctor.examine(wrong.port, FAST_BAUD)) == {"config.refused"}


def test_pages_from_before_a_new_config_are_not_damaged(nodes: Nodes, tmp_path: Path) -> None:
    rng = random.Random(5)
    noise = tmp_path / "noise.csv"  # more pages than the doctor reads; the first has the config
    rows = [
        f"{rng.randrange(999)},{rng.uniform(1, 159)},{rng.uniform(1, 159)},{rng.uniform(1, 9)}\n"
        for _ in range(4500)
    ]
    noise.write_text("".join(["pulses,p_inlet_m,p_critical_m,turbidity_ntu\n", *rows]))
    text = demo_text("virtual")
    node = nodes.up("changed", app=True, config=text, scenario=noise, speed="max")
    scenario_ended("changed")
    with Node(node.port, FAST_BAUD) as asked:
        asked.apply_config(text.replace(b'"interval_ms":60000', b'"interval_ms":5000'))
    facts = gather(node.port, FAST_BAUD)
    assert facts.log is not None
    assert any(v.foreign for v in facts.log.verdicts)  # else this proves nothing
    assert "log.damage" not in ids(doctor.judge(facts))


def test_power_that_fails_and_a_clock_that_is_wrong(nodes: Nodes) -> None:
    text = demo_text("virtual").replace(b'"interval_ms":60000', b'"interval_ms":1000')
    node = nodes.up("cut", app=True, config=text.replace(b'"commit_ms":60000', b'"commit_ms":1000'))
    for _ in range(4):
        with Node(node.port, FAST_BAUD) as asked:
            asked.commit()
        virtual.cut("cut")
        nodes.up("cut")
        Node(node.port, FAST_BAUD).line.close()  # it is back
    with Node(node.port, FAST_BAUD) as asked:
        asked.link.request(0x0A, (946_684_800_000).to_bytes(8, "little") + bytes(4))
    found = ids(doctor.examine(node.port, FAST_BAUD))
    assert found == {"power.cuts", "clock.off", "flash.wear"}  # eight columns, each second durable


def boots(facts: NodeFacts, cause: int) -> NodeFacts:
    assert facts.log is not None
    fields = {"boot": 9, "cause": cause, "firmware": "1", "board": "b"}
    event = Event(1, 9, 0, meta.BOOT, fields)
    return replace(facts, log=replace(facts.log, events=[*facts.log.events, event]))


def loss(facts: NodeFacts, reason: int) -> NodeFacts:
    assert facts.log is not None
    fields = {"reason": reason, "number": 7, "at_most": 7, "duration_ms": 0}
    event = Event(1, 1, 0, meta.LOSS, fields)
    return replace(facts, log=replace(facts.log, events=[*facts.log.events, event]))


def told(**changes: Any) -> Callable[[NodeFacts], NodeFacts]:
    return lambda facts: replace(facts, status=facts.status | changes)


def damaged(facts: NodeFacts) -> NodeFacts:
    assert facts.log is not None
    verdicts = [*facts.log.verdicts, Verdict(9, 0, 0, ["bytes 40 to 99 are damaged"])]
    return replace(facts, log=replace(facts.log, verdicts=verdicts))


def firmware(version: str) -> Callable[[NodeFacts], NodeFacts]:
    def change(facts: NodeFacts) -> NodeFacts:
        assert facts.hello is not None
        return replace(facts, hello=replace(facts.hello, firmware=version))

    return change


FACTS: list[tuple[str, Callable[[NodeFacts], NodeFacts]]] = [
    ("power.brown-out", lambda facts: boots(facts, 6)),
    ("restart.watchdog", lambda facts: boots(facts, 3)),
    ("log.ring-full", lambda facts: loss(facts, meta.LOSS_RING)),
    ("log.flash-lost", lambda facts: loss(facts, meta.LOSS_FLASH)),
    ("log.overwritten", lambda facts: loss(facts, meta.LOSS_OVERWRITTEN)),
    ("log.torn", lambda facts: loss(facts, meta.LOSS_TORN)),
    ("log.damage", damaged),
    ("flash.refuses", told(alarms=["flash: no page of the log can be written"])),
    ("log.not-found", told(alarms=["flash: the end of the log is not found: EIO"])),
    ("flash.bad-pages", told(bad_pages=3)),
    ("flash.wear", told(erases=[20 * 99_900, 0])),
    ("flash.wear", told(erases=[0, 296 * 99_990])),
    ("heap.low", told(heap_free=9_000)),
    ("heap.network", told(network_heap=900)),
    ("loop.late", told(overruns=500)),
    ("line.noisy", told(dropped_frames=400)),
    ("pull.urgent", told(next_record=200_000, oldest_record=0, log_used=0.97)),
    ("pull.long-ago", told(next_record=190_000, oldest_record=0, log_used=0.4)),
    ("clock.unset", told(clock="unset", uptime_s=90 * 86_400)),
    ("sampling.stopped", lambda facts: replace(facts, watched_s=5.0, came=0)),
    ("alarm", told(alarms=["burst: flow 12.4 L/s since 02:10"])),
    ("firmware.old", firmware("0.0.9")),
    ("firmware.newer", firmware("9.0.0")),
    ("port.denied", lambda facts: NodeFacts(facts.port, denied=True)),
]


def test_faults_in_the_facts_of_a_healthy_node_are_named(healthy: NodeFacts) -> None:
    assert doctor.judge(healthy).findings == []
    for name, change in FACTS:
        assert ids(doctor.judge(change(healthy))) == {name}, name


def test_it_is_said_which_clock_is_ahead(healthy: NodeFacts) -> None:
    for off_s, words in ((7200, "ahead of this computer's: what"), (-7200, "behind this")):
        (found,) = doctor.judge(told(unix=healthy.asked_unix + off_s)(healthy)).findings
        assert found.id == "clock.off"
        assert words in found.what

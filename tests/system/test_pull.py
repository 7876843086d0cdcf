# SPDX-License-Identifier: MIT
"""Pulling from the real firmware: killed at any point and run again, it gives the same pages."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodes import Nodes
from patience import run, scenario_ended

from tirta import config, virtual
from tirta.archive.evidence import Archive
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta.virtual.inlet import write

TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]
MINUTES = 3000
BAUD = 230_400


@pytest.fixture(name="port")
def port_fixture(nodes: Nodes, tmp_path: Path) -> str:
    """A node with two days in its log."""
    scenario = tmp_path / "inlet.csv"
    write(scenario, MINUTES)
    text, _ = config.load(DEMO_CONFIG)
    port = nodes.up(scenario=scenario, speed="max", app=True, config=text, baud=BAUD).port
    scenario_ended("bare")
    return port


def pages(archive: Path) -> dict[int, bytes]:
    (epoch,) = Archive(archive).epochs()
    return {seq: page.read() for seq, page in epoch.pages().items()}


def test_killed_and_repeated_pull_gives_the_same(port: str, tmp_path: Path) -> None:
    with Node(port, BAUD) as node:
        whole = pull(node, tmp_path / "whole")
    chance = random.Random(7)
    for _ in range(6):
        process = subprocess.Popen(
            [*TIRTA, "pull", port, "--baud", str(BAUD), "--archive", str(tmp_path / "killed")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.9, 2.5))
        process.kill()
        process.wait()
    with Node(port, BAUD) as node:
        rest = pull(node, tmp_path / "killed")
        again = pull(node, tmp_path / "whole")
    assert rest.holes == again.holes == []
    assert rest.total == again.total >= whole.total >= MINUTES - 1
    ours, theirs = pages(tmp_path / "killed"), pages(tmp_path / "whole")
    assert ours.keys() == theirs.keys()
    for seq in sorted(ours)[:-1]:
        assert ours[seq] == theirs[seq]
    shorter, longer = sorted((ours[max(ours)], theirs[max(ours)]), key=len)
    assert longer.startswith(shorter)


def test_pull_since_brings_the_end(port: str, tmp_path: Path) -> None:
    words = ["pull", "bare", "--since", "2900", "--json", "--archive", str(tmp_path / "a")]
    done = run([*TIRTA, *words], check=True)
    result = json.loads(done.stdout)
    assert set(result) >= {"records", "first", "last", "epoch", "holes", "wire_bytes", "seconds"}
    assert result["first"] <= 2900
    assert result["last"] >= MINUTES - 2
    assert result["holes"] == []
    assert result["wire_bytes"] < 16_000
    assert not [line for line in done.stderr.splitlines() if not line.startswith("Waiting for")]
    assert Path(port).exists()


def test_pull_after_a_power_cut_has_every_acknowledged_record(
    port: str, nodes: Nodes, tmp_path: Path
) -> None:
    with Node(port, BAUD) as node:
        acknowledged = node.commit().next_record
    virtual.cut("bare")
    nodes.up()
    time.sleep(1)
    with Node(port, BAUD) as node:
        result = pull(node, tmp_path)
        assert node.status()["boot"] == 2
    assert result.total >= acknowledged
    assert result.holes == []
    log = decode_epoch(Archive(tmp_path).epochs()[0])
    assert not [v for v in log.verdicts if v.problems]


def test_noise_before_and_after_costs_nothing(port: str, tmp_path: Path) -> None:
    with Node(port, BAUD) as node:
        before = node.commit().next_record
        for _ in range(40):
            node.line.write(random.Random(9).randbytes(200))
            time.sleep(0.03)
        result = pull(node, tmp_path)
    assert result.total >= before
    assert result.holes == []

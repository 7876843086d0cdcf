# SPDX-License-Identifier: MIT
"""A month of a simulated district through the whole chain: not one pulse more or less."""

import csv
import json
import time
from pathlib import Path

import pytest
from nodes import Nodes
from patience import scenario_ended

from tirta import config
from tirta.exports.export import export
from tirta.node import Node
from tirta.pull.pull import pull

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "wntr_dma"
CONFIG = """
board = "virtual"
name = "DMA replay"
commit_seconds = 1800
[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
[[channel]]
name = "p_inlet"
sensor = "4-20mA"
pin = "analog_1"
unit = "m"
at_4ma = 0
at_20ma = 160
[[channel]]
name = "p_critical"
sensor = "4-20mA"
pin = "analog_2"
unit = "m"
at_4ma = 0
at_20ma = 160
"""


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")
def test_month_of_pulses_arrives_exactly(nodes: Nodes, tmp_path: Path) -> None:
    truth = json.loads((DATA / "dma_dev.truth.json").read_text())
    lines = (DATA / "dma_dev.csv").read_text().splitlines()
    minutes = len(lines) - 1
    assert minutes == truth["rows"] == 43_200
    # A closing minute without pulses: what the meter gave in the last one is then in a record.
    closing = lines[-1].split(",")
    closing[:3] = [str(minutes), "0", "0"]
    scenario = tmp_path / "dma.csv"
    scenario.write_text("\n".join([*lines, ",".join(closing)]) + "\n")
    (tmp_path / "config").mkdir()
    settings = tmp_path / "config" / "dma.toml"
    settings.write_text(CONFIG)
    text, _ = config.load(settings)
    port = nodes.up("dma", scenario=scenario, speed="max", app=True, config=text).port
    scenario_ended("dma")
    time.sleep(6)  # the last seconds run in real time
    with Node(port, 3_000_000) as node:
        result = pull(node, tmp_path / "archive")
        status = node.status()
    assert result.holes == []
    assert result.total == minutes + 1
    assert (status["lost"], status["overruns"]) == (0, 0)
    with export(tmp_path / "archive", "csv").open() as file:
        pulses = sum(int(r["value"]) for r in csv.DictReader(file) if r["channel"] == "flow")
    assert pulses == 3_311_899

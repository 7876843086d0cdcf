# SPDX-License-Identifier: MIT
"""The RAM of a node with many kinds of sensors: what `config check` says, and what is left."""

import json
from pathlib import Path

import pytest
from nodes import FAST_BAUD, Nodes

from tirta import config, virtual
from tirta.config import memory
from tirta.node import Node
from tirta.pull.pull import pull

SPARE = 4000  # bytes of heap that a node with nine channels of eight kinds can do without
FLOW = """
[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
"""
INLET = """\
[[channel]]
name = "p_inlet"
sensor = "4-20mA"
pin = "analog_1"
unit = "m"
at_4ma = 0
at_20ma = 160
"""
MIXED = (
    FLOW
    + INLET
    + """\
[[channel]]
name = "level"
sensor = "4-20mA"
ads1115 = {input = 0}
unit = "m"
at_4ma = 0
at_20ma = 10
[[channel]]
name = "ph"
sensor = "ph"
pin = "analog_3"
temperature = "water"
zero_v = 1.3
gain = 2.0
[[channel]]
name = "water"
sensor = "ds18b20"
pin = "onewire"
[[channel]]
name = "meter"
sensor = "modbus"
slave = 3
register = 4
type = "f32"
unit = "m3/h"
[[channel]]
name = "stage"
sensor = "sdi12"
address = "0"
command = "CC"
unit = "m"
"""
)
RATES = (
    INLET
    + """\
period_s = 1
stats = ["mean", "min", "max"]
qc_suspect = [5, 100]
[[channel]]
name = "conductivity"
sensor = "conductivity"
pin = "analog_5"
unit = "uS/cm"
temperature = 27
points = [[0.4, 0], [2.0, 1000]]
[[alarm]]
name = "low"
kind = "below"
channel = "p_inlet"
limit = 5
"""
)


NIGHTS = (
    FLOW
    + INLET
    + "".join(
        f"""[[alarm]]
name = "{kind}_{limit}"
kind = "{kind}"
channel = "flow"
pressure = "p_inlet"
pressure_min = 5
limit = {limit}
"""
        for kind in ("burst", "night_flow")
        for limit in (1, 2)
    )
)


@pytest.mark.parametrize("channels", [MIXED, RATES, NIGHTS], ids=["mixed", "rates", "nights"])
def test_a_node_has_the_ram_that_the_check_says(
    channels: str, nodes: Nodes, tmp_path: Path
) -> None:
    """The estimate is below what is left, by a tenth at most; start and pull have room to spare."""
    path = tmp_path / "node.toml"
    path.write_text('board = "virtual"\ninterval_s = 5\n' + channels)
    text = config.load(path)[0]
    port = nodes.up(app=True, config=text, heap_less=SPARE).port
    with Node(port, FAST_BAUD) as node:
        free = SPARE + max(int(node.status()["heap_free"]) for _ in range(4))
        pull(node, tmp_path / "archive")
        node.values()
    virtual.cut("bare")  # then a start has the journal's records to bring into the log
    with Node(nodes.up().port, FAST_BAUD) as node:
        assert node.status()["boot"] == 2
    estimate = memory.estimate(json.loads(text))
    assert estimate <= free <= 1.1 * estimate, (estimate, free)


UPLINK = """
[uplink]
broker = "broker.example"
ssid = "valves"
wifi_password = "in the shed"
"""


@pytest.mark.parametrize(
    ("channels", "told"),
    [(FLOW + INLET, ""), (NIGHTS, "may be refused"), (MIXED, "The uplink is one too many")],
    ids=["two", "nights", "mixed"],
)
def test_a_config_with_an_uplink_tells_what_it_leaves(
    channels: str, told: str, tmp_path: Path
) -> None:
    """No room for the uplink at all, or too little for all that is asked over it."""
    path = tmp_path / "node.toml"
    path.write_text('board = "virtual"\n' + channels + UPLINK)
    checked = config.check(path)
    said = " ".join(problem.what for problem in checked.problems + checked.warnings)
    assert told in said
    assert bool(told) == bool(said)

# SPDX-License-Identifier: MIT
"""A calibration on a running node: in force at once and after a restart, in the log, refused."""

import json
from pathlib import Path

import pytest
from nodes import FAST_BAUD, Nodes

from tirta import config
from tirta.calibrate.coefficients import Point
from tirta.calibrate.visit import calibrate, channel_of, history
from tirta.errors import TirtaError
from tirta.link.failures import RefusedError
from tirta.node import Node
from tirta.pull.pull import pull
from tirta_format import calibration

CONFIG = """
board = "virtual"
interval_s = 1
[[channel]]
name = "heap"
sensor = "free_heap"
unit = "bytes"
[[channel]]
name = "level"
sensor = "voltage"
pin = "analog_2"
unit = "m"
points = [[0.0, 0.0], [2.0, 10.0]]
[[channel]]
name = "ph"
sensor = "ph"
pin = "analog_1"
zero_v = 1.5
gain = 3
temperature = 25.0
"""


def test_a_calibration_lasts_and_is_logged(nodes: Nodes, tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(CONFIG)
    port = nodes.up(app=True, config=config.load(path)[0]).port
    points = [Point(100_000, 1.0), Point(1_100_000, 5.5)]
    with Node(port, FAST_BAUD) as node:
        for name in ("level", "ph"):
            assert set(node.ask(calibration.PROBE, name.encode())) == {"raw", "flag", "centi", "ms"}
        with pytest.raises(RefusedError):
            node.ask(calibration.PROBE, b"heap")
        asked = {"c": "ph", "k": {"offset_uv": 0, "slope": 8000}, "m": "2-point", "p": [], "t": 1}
        with pytest.raises((RefusedError, TirtaError), match="Nernst"):
            node.ask(calibration.CALIBRATE, json.dumps(asked | {"w": ""}).encode())
        keys = calibrate(node, "level", "2-point", points, "Sari")
        assert channel_of(node, "level")["value0"] == keys["value0"] == 55
        node.restart()
        assert channel_of(node, "level")["value1"] == 955
        pull(node, tmp_path / "archive")
    (visit,) = history(tmp_path / "archive")
    assert (visit.channel, visit.method, visit.who) == ("level", "2-point", "Sari")
    assert (visit.old["value0"], visit.new["value0"]) == (0, 55)
    assert visit.points == [[100000, 1.0], [1100000, 5.5]]

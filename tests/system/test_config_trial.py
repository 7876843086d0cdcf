# SPDX-License-Identifier: MIT
"""A config on trial on a running node: confirmed, refused, and left alone by its laptop."""

import struct
import time
from pathlib import Path

import pytest
from nodes import FAST_BAUD, Nodes
from patience import wait_for

from tirta import config
from tirta.errors import TirtaError
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta.virtual.inlet import write
from tirta_format import staging
from tirta_format import state as format_state


def changed(tmp_path: Path, old: str, new: str) -> bytes:
    path = tmp_path / "changed.toml"
    text = DEMO_CONFIG.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return config.load(path)[0]


def test_a_sensor_that_reads_nothing_any_more_keeps_the_old_config(
    nodes: Nodes, tmp_path: Path
) -> None:
    scenario = tmp_path / "hour.csv"
    write(scenario, 60)
    text = changed(tmp_path, "interval_s = 60", "interval_s = 1")
    port = nodes.up(app=True, config=text, scenario=scenario).port
    with Node(port, FAST_BAUD) as node:
        wait_for(
            lambda: ["p_inlet", 1] in [[name, flag] for name, _, flag in node.values()["values"]]
        )
        bad = text.replace(b'"pin":36', b'"pin":38')  # nothing is wired to analog_7
        assert bad != text
        with pytest.raises(TirtaError, match="p_inlet would read nothing") as error:
            node.apply_config(bad)
        assert "old config" in error.value.what
        assert node.config() == text
        assert "given up" in node.status()["alarms"][0]
        assert node.apply_config(bad, accept_missing=True).state == "active"
        assert node.status()["alarms"] == []
        assert pull(node, tmp_path / "archive").holes == []


def test_a_laptop_that_vanishes_leaves_the_old_config(nodes: Nodes, tmp_path: Path) -> None:
    text, _ = config.load(DEMO_CONFIG)
    port = nodes.up(app=True, config=text, speed="20").port
    other = changed(tmp_path, "interval_s = 60", "interval_s = 5")
    with Node(port, FAST_BAUD) as node:
        node.put_config(other)
        wanted = format_state.config_hash(other)
        node.ask(staging.STAGE, struct.pack("<IH", wanted, 10), think_s=6)
        node.wait_until_back()
        assert node.ask(staging.TRIAL)["state"] == "trial"
        assert node.config() == other
    time.sleep(8)
    with Node(port, FAST_BAUD) as node:
        assert node.config() == text
        (alarm,) = node.status()["alarms"]
        assert "not confirmed in 10 s" in alarm
        assert node.ask(staging.TRIAL)["state"] == "active"
        node.set_identity({"district": "7", "latitude": -6.9, "longitude": 107.6})
        assert node.identity() == {"district": "7", "latitude": -6.9, "longitude": 107.6}

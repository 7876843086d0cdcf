# SPDX-License-Identifier: MIT
"""What a node wants for another config: RAM for its rules, beside sensors that leave little, and
time between samples.
"""

import json
from pathlib import Path

from bus_nodes import HEAD, channel
from commands import TIRTA
from nodes import FAST_BAUD, Nodes
from patience import run

from tirta import config
from tirta.config import memory
from tirta.install import update
from tirta.node import Node
from tirta_format import updates

SLOWER = HEAD.replace("interval_s = 1", "interval_s = 5")
FULL = (
    channel("flow", "pulse", pin="flow", litres_per_pulse=10)
    + channel("p_inlet", "4-20mA", pin="analog_1", unit="m", at_4ma=0, at_20ma=160)
    + channel("ph", "ph", pin="analog_3", temperature="water", zero_v=1.3, gain=2.0)
    + channel("water", "ds18b20", pin="onewire")
    + channel("meter", "modbus", slave=3, register=4, type="f32", unit="m3/h")
    + channel("stage", "sdi12", address="0", command="CC", unit="m")
)
PRESSURE = channel(
    "p_inlet", "4-20mA", pin="analog_1", unit="m", at_4ma=0, at_20ma=160, period_s=0.4,
    stats=["mean"],
)  # fmt: skip


def apply(port: str, path: Path) -> None:
    """The config of a file, on trial and then for good."""
    words = ["config", "apply", port, str(path), "--baud", str(FAST_BAUD), "--accept-missing"]
    done = run([*TIRTA, *words])
    assert done.returncode == 0, done.stderr
    with Node(port, FAST_BAUD) as node:
        assert node.config() == config.load(path)[0]


def test_a_full_node_takes_another_config(nodes: Nodes, tmp_path: Path) -> None:
    """Its rules are loaded a part at a time: of keys, of channels, of wiring, of alarms."""
    path = tmp_path / "node.toml"
    path.write_text(HEAD + FULL)
    text = config.load(path)[0]
    spare = memory.estimate(json.loads(text)) - memory.ANOTHER
    port = nodes.up(app=True, config=text, heap_less=spare).port
    path.write_text(SLOWER + FULL)
    apply(port, path)


def test_who_leaves_too_little_is_told(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    more = channel("oxygen", "oxygen", pin="analog_4", saturated_v=1, temperature=25)
    many = more + channel("chlorine", "ezo", address=99, unit="mg/L")
    for channels, told in (
        (PRESSURE, ""),
        (FULL, "A locked node may"),
        (FULL + many, "The node may"),
    ):
        path.write_text(SLOWER + channels)
        checked = config.check(path)
        assert checked.problems == []
        said = [warning.what for warning in checked.warnings if "another config" in warning.what]
        assert len(said) == bool(told)
        assert all(what.startswith(told) for what in said)


def test_fast_samples_leave_time_for_a_config_and_an_update(nodes: Nodes, tmp_path: Path) -> None:
    """What waits for a pause asks how long one ever is: that goes by the fastest channel, not by
    the records. A config with such a channel was never confirmed, and a slot never erased.
    """
    path = tmp_path / "node.toml"
    path.write_text(HEAD.replace("interval_s = 1", "interval_s = 60") + PRESSURE)
    text = config.load(path)[0]
    port = nodes.up(app=True, config=text).port
    path.write_text(path.read_text().replace("at_20ma = 160", "at_20ma = 100"))
    apply(port, path)
    with Node(port, FAST_BAUD) as node:
        assert update.slots(node)["running"] == "a"
        node.link.request(updates.BEGIN)
        for block in range(3):
            update._erase(node, block)  # as `tirta update` asks
        assert node.status()["overruns"] == 0

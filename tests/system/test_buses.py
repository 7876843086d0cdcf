# SPDX-License-Identifier: MIT
"""Every bus of one node at once, the firmware as it is: values as the devices have them, faults as
missing, and nobody held up by somebody else's silence.
"""

import struct
import time
from pathlib import Path

from bus_nodes import HEAD, MODBUS, ORDERS, channel, logged, register, start, swapped, until, values
from modbus_peer import Slave, slave
from nodes import FAST_BAUD, Nodes
from patience import scenario_ended

from tirta.node import Node


def test_modbus_against_pymodbus(nodes: Nodes, tmp_path: Path) -> None:
    """Each kind and order of number; a slave that is silent, late, or heard wrong; one that never
    was there.
    """
    words = [-1, 0xFFFB]
    text = HEAD + MODBUS + register("count", 0, "u16") + register("s16", 1, "s16", table="input")
    wanted = {"s16": -5}
    for order in ORDERS:
        text += register(f"f32_{order}", len(words), "f32", order=order, decimals=3)
        wanted[f"f32_{order}"] = -12_375
        words += swapped(struct.pack(">f", -12.375), order)
    for kind, order, integer in (("u32", "cdab", 300_000_000), ("s32", "dcba", -70_000)):
        text += register(kind, len(words), kind, order=order)
        wanted[kind] = integer
        words += swapped(struct.pack(">i", integer), order)
    text += register("dead", 0, "u16", slave=2)
    port, uart1 = start(nodes, tmp_path, text, speed=2)
    with Node(port, FAST_BAUD) as node:
        assert set(values(node).values()) <= {None}  # nobody is there yet
        with slave(uart1, words) as peer:
            for fault in ("none", "leading 00", "echo", "glued"):
                peer.fault = fault
                comes(node, peer)
                seen = values(node)
                assert {name: seen[name] for name in wanted} == wanted, fault
            for fault in ("wrong crc", "silent"):
                peer.fault = fault
                until(node, lambda v: v["count"] is v["s16"] is v["u32"] is None)
                peer.fault = "none"
                comes(node, peer)
            peer.late_s = 0.35  # behind the timeout of 0.3 s: the answer to the question before
            asked = len(peer.asked)
            while len(peer.asked) < asked + 6:
                time.sleep(0.1)
            peer.late_s = 0.0
            comes(node, peer)
        until(node, lambda v: v["count"] is None)
        status = node.status()
        found = logged(node, tmp_path / "archive")
    assert status["lost"] == 0
    assert set(found.pop("dead")) == {None}
    counts = [count for count in found.pop("count") if count is not None]
    assert counts == sorted(counts)  # never an old answer for a new one
    assert len(set(counts)) > 5
    assert {name: set(seen) - {None} for name, seen in found.items()} == {
        name: {value} for name, value in wanted.items()
    }


WIRES = """
[channels.level]
kind = "ads1115"
[channels.ph]
kind = "ezo"
[channels.well]
kind = "ds18b20"
rom = "28dc6674050000b9"
[channels.tank]
kind = "ds18b20"
rom = "28b143fe04000073"
[channels.stage]
kind = "sdi12"
address = "0"
"""
# What each column says in a row of three minutes, and what the node makes of it.
ROWS = (
    (("1.2", "7.356", "20.5", "21.5", "1.234"), (5000, 7356, 2050, 2150, 1234)),
    (("absent", "error", "zero", "power-on", "crc"), (None,) * 5),
    (("1.2", "-1.5", "-0.5", "125", "-2.5"), (5000, -1500, -50, 12500, -2500)),
    (("stuck", "7.0", "absent", "22", "absent"), (None, None, None, 2200, None)),
    (("0", "busy", "crc", "22", "0"), (None, None, None, 2200, 0)),
)


def test_i2c_1_wire_and_sdi12_tell_what_the_scenario_says(nodes: Nodes, tmp_path: Path) -> None:
    """Devices of the scenario are asked in the node's time, so a day of them takes seconds."""
    text = HEAD.replace("interval_s = 1", "interval_s = 10")
    text += channel("level", "4-20mA", unit="m", decimals=3, at_4ma=0, at_20ma=10).replace(
        "unit", "ads1115 = {input = 0}\nshunt_ohm = 100\nunit"
    )
    text += channel("ph", "ezo", address=99, unit="pH", decimals=3, poll_s=10)
    text += channel("well", "ds18b20", pin="onewire", rom="28dc6674050000b9")
    text += channel("tank", "ds18b20", pin="onewire", rom="28b143fe04000073")
    text += channel(
        "stage", "sdi12", address="0", command="CC", value=1, unit="m", decimals=3, poll_s=10
    )
    water = tmp_path / "water.csv"
    names = "level,ph,well,tank,stage"
    rows = [",".join(cells) for cells, _ in ROWS for _ in range(3)]
    water.write_text("\n".join([names, *rows, rows[-1]]) + "\n")
    water.with_suffix(".toml").write_text(WIRES)
    port, _ = start(nodes, tmp_path, text, scenario=water, speed="max")
    scenario_ended("bare")
    with Node(port, FAST_BAUD) as node:
        status = node.status()
        found = logged(node, tmp_path / "archive")
    assert status["lost"] == 0
    for i, name in enumerate(names.split(",")):
        assert len(found[name]) >= 18 * len(ROWS)
        for k, (_, wanted) in enumerate(ROWS):
            settled = found[name][18 * k + 8 : 18 * k + 16]  # older answers have aged by then
            assert set(settled) == {wanted[i]}, (name, k, settled)


def comes(node: Node, peer: Slave) -> None:
    """Wait for values that were asked for from now on."""
    asked = len(peer.asked)
    until(node, lambda v: (v["count"] or 0) > asked + 3)

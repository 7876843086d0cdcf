# SPDX-License-Identifier: MIT
"""A Modbus line of six pymodbus slaves, of which one dies, one answers late and one garbage: the
others go on as if nothing were, fast channels too, and the sick ones are taken back.

Exact latenesses are in tests/micropython/check_modbus_sick.py; here the computer's load counts as
well, so bounds are what a master without these cares would be far beyond.
"""

import time
from pathlib import Path

from bus_nodes import HEAD, channel, logged, register, start, until
from modbus_peer import slaves
from nodes import FAST_BAUD, Nodes

from tirta import doctor
from tirta.node import Node

MODBUS = "[bus.modbus]\ntimeout_ms = 300\nretries = 2\n"
HEALTHY = {1: 0.5, 2: 1.0, 3: 2.0}  # seconds between polls
SICK = (11, 12, 13)
LATE = 12  # what it says is of use all the same
ILL_S = 20.0


def overruns(node: Node) -> int:
    """Of the channel that is read every 100 ms."""
    (fast,) = [g for g in node.timing()["groups"] if "pressure" in g["channels"]]
    return int(fast["overruns"])


def test_sick_slaves_hold_up_nobody(nodes: Nodes, tmp_path: Path) -> None:
    text = HEAD + MODBUS
    for address, poll_s in (HEALTHY | dict.fromkeys(SICK, 0.5)).items():
        keys = {"slave": address, "poll_s": poll_s, "max_age_s": 3 * poll_s}
        text += register(f"s{address}", 0, "u16", **keys)
    text += register("beyond", 1000, "u16", slave=1)  # that slave has no such register
    text += channel("pressure", "4-20mA", pin="analog_1", unit="m", at_4ma=0, at_20ma=10)
    text += "period_s = 0.1\nstats = ['mean']\n"
    port, uart1 = start(nodes, tmp_path, text)
    names = {address: f"s{address}" for address in (*HEALTHY, *SICK)}
    with slaves(uart1, {address: [-1] for address in names}) as on:
        with Node(port, FAST_BAUD) as node:
            until(node, lambda v: all(v[name] for name in names.values()))
            node.commit()
            begin, before = node.status(), overruns(node)
            asked = {address: len(peer.asked) for address, peer in on.items()}
            on[11].fault, on[12].late_s, on[13].fault = "silent", 0.35, "garbage"
            time.sleep(ILL_S)
            node.commit()
            end, after = node.status(), overruns(node)
            asked = {address: len(peer.asked) - asked[address] for address, peer in on.items()}
        findings = doctor.examine(port, FAST_BAUD).findings
        told = {f.channel: f for f in findings}
        on[11].fault, on[12].late_s, on[13].fault = "none", 0.0, "none"
        with Node(port, FAST_BAUD) as node:
            until(node, lambda v: all(v[name] for name in names.values()))
            found = logged(node, tmp_path / "archive")
    passed_s = end["uptime_s"] - begin["uptime_s"]
    for address, poll_s in HEALTHY.items():
        assert asked[address] >= 0.7 * passed_s / poll_s, (address, asked, passed_s)
    tries = sum(asked[address] for address in SICK)
    assert tries - asked[LATE] < 0.3 * 2 * passed_s / 0.5
    assert after - before < 2 * tries  # a master that waits would cost three each
    first, last = begin["next_record"], end["next_record"]
    for address, name in names.items():
        counts = [count for count in found[name] if count is not None]
        assert counts == sorted(counts)  # never an old answer for a new one
        ill = found[name][first:last]
        assert len(ill) > ILL_S / 2
        if address == LATE:
            continue
        if address in SICK:
            assert ill[-1] is None
        else:
            assert sum(count is None for count in ill) < 0.3 * len(ill)
    assert "Modbus slave 11 is silent" in told["s11"].what
    assert "wait 70 s" in told["s11"].next
    assert told["beyond"].id == "sensor.register"
    assert not {"s1", "s2", "s3"} & set(told)
    answers, timeouts, _, late, _ = end["modbus"]
    assert answers > sum(ILL_S / poll_s for poll_s in HEALTHY.values()) / 2
    assert timeouts > begin["modbus"][1]
    assert late > begin["modbus"][3]
    assert "modbus.late" in {f.id for f in findings}

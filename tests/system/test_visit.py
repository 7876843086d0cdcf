# SPDX-License-Identifier: MIT
"""A laptop with nothing but mpremote visits a running node; noise does not."""

import random
import time
from typing import Any

import pytest
import serial
from node_configs import VISIT_S, config
from nodes import Mpremote, Nodes
from patience import wait_for

from tirta.cli import main
from tirta.link.failures import NoAnswerError
from tirta.node import Node
from tirta.node.discover import list_ports

NOISE_BYTES = 1_000_000


def running(nodes: Nodes, **changes: Any) -> str:
    """A node that has committed a few records; its port."""
    port = nodes.up("visited", app=True, config=config(**changes)).port
    time.sleep(3)
    return port


def status(port: str) -> dict[str, Any]:
    with Node(port) as node:
        return node.status()


def test_mpremote_interrupts_and_every_committed_record_stays(nodes: Nodes) -> None:
    port = running(nodes, visit_s=600)
    with Node(port) as node:
        committed = node.commit().next_record
        epoch = node.status()["epoch"]
    mpremote = Mpremote(port)
    assert committed > 0
    assert mpremote.run("print(6 * 7)").strip() == "42"
    assert "app.mpy" in mpremote("fs", "ls", ":/app")
    mpremote("reset")
    time.sleep(2)
    after = status(port)
    assert after["epoch"] == epoch
    assert after["next_record"] >= committed
    assert after["boot"] == 2
    assert after["cause"] == "hard reset"


def test_a_paused_node_is_called_so(nodes: Nodes, capsys: pytest.CaptureFixture[str]) -> None:
    """By every command, with when it goes on; a bare board is called what it is."""
    port = running(nodes, visit_s=1800)
    with Node(port) as node:
        name = node.hello.node
    Mpremote(port).run("print('here')")
    with pytest.raises(NoAnswerError, match=f"Node {name} on {port} is paused") as error:
        Node(port)
    assert error.value.hint.startswith("It goes on by itself within 30 minutes")
    assert f"mpremote connect {port} reset" in error.value.hint
    bare = nodes.up("bare").port
    with pytest.raises(NoAnswerError, match="no Tirta application") as error:
        Node(bare)
    assert "tirta flash" in error.value.hint
    found = {p.name: (p.mode, p.node) for p in list_ports()}
    assert found == {"visited": ("paused", name), "bare": ("repl", "")}
    assert main(["doctor", port]) == 1
    assert f"Node {name} is paused" in capsys.readouterr().out
    assert main(["pull", "--all", "--archive", "a"]) == 1
    said = capsys.readouterr().err
    assert f"Node {name} on {port} is paused" in said
    assert main(["deploy", port]) == 1
    assert f"Node {name} on {port} is paused" in capsys.readouterr().err
    assert "Left out: bare, a board without Tirta's application." in said
    Mpremote(port)("reset")
    wait_for(lambda: {p.mode for p in list_ports()} == {"open", "repl"})


def test_abandoned_visit_ends_by_itself(nodes: Nodes) -> None:
    port = running(nodes)
    before = status(port)
    # The raw REPL's soft reset disarms every timer and skips main.py: boot.py arms it again.
    assert Mpremote(port).run("print('here')").strip() == "here"
    time.sleep(VISIT_S + 3)
    after = status(port)
    assert after["boot"] == before["boot"] + 1
    assert after["next_record"] >= before["next_record"]
    time.sleep(2)
    assert status(port)["next_record"] > after["next_record"], "sampling did not resume"


def test_noise_stops_nothing(nodes: Nodes) -> None:
    port = running(nodes)
    before = status(port)
    noise = random.Random(20261124).randbytes(NOISE_BYTES)
    with serial.Serial(port, write_timeout=60) as line:
        for start in range(0, NOISE_BYTES, 4096):
            line.write(noise[start : start + 4096])
            line.reset_input_buffer()
        line.flush()
    after = status(port)
    assert after["boot"] == before["boot"]
    assert after["overruns"] == 0
    assert after["next_record"] > before["next_record"]
    assert after["dropped_frames"] > 100, "the noise did not reach the node"

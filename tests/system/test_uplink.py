# SPDX-License-Identifier: MIT
"""A locked node over a network, through a real broker to the real centre: its pages as they lie."""

import json
import time
from pathlib import Path

import brokers
import locked
import pytest
import uplinks
from commands import TIRTA
from nodes import FAST_BAUD, Nodes
from patience import run, wait_for
from receivers import Receiver

from tirta import config, virtual
from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.link.failures import RefusedError
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta_format import access, frame

FAULT_S = 25  # longer than an uplink rests after a visit, and than it waits for an answer

pytest.importorskip("paho.mqtt.client", reason="tirta[receive] is not installed")


@pytest.fixture(autouse=True)
def office(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIRTA_PASSPHRASE", "of this test")
    uplinks.office_has_the_key()


def flash_of(name: str = "locked") -> Path:
    return Path(next(n["flash"] for n in virtual.list_nodes() if n["name"] == name))


def network(*without: str, after_bytes: int = 0) -> None:
    asked = {"do": "network", "without": list(without), "after_bytes": after_bytes}
    virtual.control("locked", asked)


def test_pages_arrive_as_they_lie(nodes: Nodes, tmp_path: Path) -> None:
    """And the node gets the time; no password is in config, log, answers or archive."""
    archive = tmp_path / "archive"
    with brokers.broker(tmp_path) as port, Receiver(port, archive) as receiver:
        path = uplinks.config_file(tmp_path, port)
        line, node = uplinks.up(nodes, path)
        uplinks.wait_until_archived(archive, node, flash_of(), beyond=300)
        wait_for(lambda: is_dated(archive, node))
        status = uplinks.status(line, node)
        assert status["uplink"][:2] == ["up", ""]
        assert (status["clock"], status["overruns"]) == ("synchronised", 0)
        with Node(line, FAST_BAUD) as there:
            made = locked.credential(node, access.ADMINISTRATOR)
            text = locked.guarded(there, made).config()
        stored, said = receiver.end()
    assert {one["node"] for one in stored} == {node}
    assert f"Node {node}: 0 pages are missing." in said
    assert b'"broker":"127.0.0.1"' in text
    shown = tmp_path / "shown.toml"
    shown.write_text(config.to_toml(text))
    assert config.load(shown)[0] == text
    hidden = uplinks.SECRET.encode()
    log = flash_of().read_bytes()[0x2D8000:]
    files = [each.read_bytes() for each in archive.rglob("*") if each.is_file()]
    assert not any(hidden in each for each in [text, shown.read_bytes(), log, *files])
    assert list((archive / "events").rglob("*.parquet"))


@pytest.mark.campaign
def test_the_network_goes_and_comes(nodes: Nodes, tmp_path: Path) -> None:
    """In the middle of a packet, as a whole, without names or an address: nothing is lost, nothing
    is altered, no sample is missed.
    """
    archive = tmp_path / "archive"
    with brokers.broker(tmp_path) as port, Receiver(port, archive):
        line, node = uplinks.up(nodes, uplinks.config_file(tmp_path, port))
        uplinks.wait_until_archived(archive, node, flash_of())
        size = archived_bytes(archive)
        for lack, after in (("way", 150), ("access-point", 0), ("address", 0), ("way", 0)):
            if after:
                network(after_bytes=after)
            else:
                network(lack)
            uplinks.status(line, node)  # a login is a record in the log; then the uplink goes on
            time.sleep(FAULT_S)
            network()
            uplinks.wait_until_archived(archive, node, flash_of(), beyond=size)
            size = archived_bytes(archive)
        status = uplinks.status(line, node)
        assert (status["overruns"], status["lost"]) == (0, 0)


@pytest.mark.campaign
def test_a_driver_that_passes_nothing_on(nodes: Nodes, tmp_path: Path) -> None:
    """It calls itself connected, and begins anew after some tries in vain."""
    archive = tmp_path / "archive"
    with brokers.broker(tmp_path) as port, Receiver(port, archive):
        line, node = uplinks.up(nodes, uplinks.config_file(tmp_path, port))
        uplinks.wait_until_archived(archive, node, flash_of())
        size = archived_bytes(archive)
        network("driver")
        uplinks.status(line, node)  # a login is a record in the log; then the uplink goes on
        uplinks.wait_until_archived(archive, node, flash_of(), beyond=size)
        status = uplinks.status(line, node)
        assert (status["overruns"], status["lost"]) == (0, 0)


@pytest.mark.campaign
@pytest.mark.skipif(brokers.MOSQUITTO is None, reason="no Mosquitto: apt-get install mosquitto")
def test_a_broker_that_is_killed_and_wiped(nodes: Nodes, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    made = brokers.Mosquitto(tmp_path, brokers.free_port())
    made.start()
    with Receiver(made.port, archive):
        line, node = uplinks.up(nodes, uplinks.config_file(tmp_path, made.port))
        uplinks.wait_until_archived(archive, node, flash_of())
        size = archived_bytes(archive)
        made.kill()
        uplinks.status(line, node)  # a login is a record in the log; then the uplink goes on
        time.sleep(FAULT_S)
        made.start()
        uplinks.wait_until_archived(archive, node, flash_of(), beyond=size)
        assert uplinks.status(line, node)["overruns"] == 0
    made.kill()


@pytest.mark.campaign
def test_a_centre_that_is_killed_at_any_instant(nodes: Nodes, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    with brokers.broker(tmp_path) as port:
        receiver = Receiver(port, archive)
        line, node = uplinks.up(nodes, uplinks.config_file(tmp_path, port))
        size = 0
        for _ in range(4):
            uplinks.status(line, node)  # a login is a record in the log
            with receiver:
                wait_for(lambda s=size: archived_bytes(archive) > s)  # type: ignore[misc]
            size = archived_bytes(archive)
        uplinks.status(line, node)
        with receiver:
            uplinks.wait_until_archived(archive, node, flash_of(), beyond=size)


def is_dated(archive: Path, node: str) -> bool:
    """Whether the archive has the anchor that says that the node got its time."""
    for epoch in Archive(archive).epochs():
        if epoch.node == node and decode_epoch(epoch).anchors:
            return True
    return False


def archived_bytes(archive: Path) -> int:
    return sum(s.size for e in Archive(archive).epochs() for s in e.pages().values())


def test_an_open_node_refuses_an_uplink(nodes: Nodes, tmp_path: Path) -> None:
    path = uplinks.config_file(tmp_path, 1883)
    text, hidden = config.load(path)[0], config.secrets(path)
    plain = tmp_path / "plain.toml"
    plain.write_text('board = "virtual"\ninterval_s = 1\n' + uplinks.FLOW)
    port = nodes.up("bench", app=True, config=config.load(plain)[0], network=True).port
    with Node(port, FAST_BAUD) as node:
        with pytest.raises(TirtaError, match="open node has no uplink"):
            node.set_secrets(hidden)
        with pytest.raises(RefusedError, match="an open node has none") as refused:
            node.apply_config(text)
        assert refused.value.code == frame.CONFIG_REFUSED
        assert "uplink" not in json.loads(node.config())


def test_an_open_node_with_an_uplink_in_its_config_begins_none(
    nodes: Nodes, tmp_path: Path
) -> None:
    text = config.load(uplinks.config_file(tmp_path, 1883))[0]
    port = nodes.up("bench", app=True, config=text, network=True).port
    with Node(port, FAST_BAUD) as node:
        status = node.status()
        assert status.get("uplink") is None
        assert any(alarm.startswith("uplink:") for alarm in status["alarms"])


def test_config_apply_brings_an_uplink_and_its_passwords(nodes: Nodes, tmp_path: Path) -> None:
    """As `tirta config apply` does it: passwords first, sealed and encrypted, then the config."""
    plain = tmp_path / "plain.toml"
    plain.write_text('board = "virtual"\ninterval_s = 1\ncommit_seconds = 2\n' + uplinks.FLOW)
    archive = tmp_path / "archive"
    with brokers.broker(tmp_path) as port, Receiver(port, archive):
        line, node = locked.up(nodes, config=config.load(plain)[0], network=True)
        path = uplinks.config_file(tmp_path, port)
        done = run([*TIRTA, "config", "apply", line, str(path), "--baud", str(FAST_BAUD)])
        assert done.returncode == 0, done.stderr
        uplinks.wait_until_archived(archive, node, flash_of(), beyond=300)

# SPDX-License-Identifier: MIT
"""A laptop talks to a node over a real broker: the same commands, roles and sessions."""

import contextlib
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import brokers
import locked
import pytest
import uplinks
from commands import TIRTA
from nodes import Nodes
from patience import run, wait_for

from tirta import config
from tirta.errors import TirtaError
from tirta.node import Node
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta_format import access

pytest.importorskip("paho.mqtt.client", reason="tirta[receive] is not installed")
NODE = "02fb6be3ee96"
SILENT_S = 45
SLOT_BYTES = 280_000  # what lies in it, at least


@pytest.fixture(autouse=True)
def office(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIRTA_PASSPHRASE", "of this test")
    uplinks.office_has_the_key()


def up(nodes: Nodes, path: Path, port: int) -> str:
    """Start a node with the config of a file, that nobody visits at its port; the way to it."""
    text, hidden = config.load(path)[0], config.secrets(path)
    nodes.up(
        "locked", app=True, config=text, secrets=hidden, network=True,
        fleet=locked.FLEET, chip_id=NODE,
    )  # fmt: skip
    return f"mqtt://127.0.0.1:{port}/{NODE}"


def tirta(*words: str | Path) -> str:
    """Run a command that ends well; what it says."""
    done = run([*TIRTA, *map(str, words)])
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def changed(path: Path, old: str, new: str) -> Path:
    """Another config than that of a file, beside it."""
    other = path.with_name("other.toml")
    text = path.read_text()
    assert old in text
    other.write_text(text.replace(old, new))
    return other


def test_status_values_and_another_config(nodes: Nodes, tmp_path: Path) -> None:
    with brokers.broker(tmp_path) as port:
        path = uplinks.config_file(tmp_path, port)
        url = up(nodes, path, port)
        with Node(url) as there:
            assert there.hello.node == NODE
            assert there.whole_status()["overruns"] == 0
            assert there.values()["values"]
            assert there.config() == config.load(path)[0]
        other = changed(path, "litres_per_pulse = 10", "litres_per_pulse = 20")
        assert "runs with config" in tirta("config", "apply", url, other)
        with Node(url) as there:
            assert there.config() == config.load(other)[0]


def test_eight_channels_are_calibrated_and_configured(nodes: Nodes, tmp_path: Path) -> None:
    """The rules of a config have no room beside a talk then: it is put aside for them, and goes
    on.
    """
    with brokers.broker(tmp_path) as port:
        path = uplinks.config_file(tmp_path, port)
        channels = re.sub(r"(?s).*?(\[\[channel\]\])", r"\1", DEMO_CONFIG.read_text(), count=1)
        path.write_text(path.read_text().replace(uplinks.FLOW, "") + channels)
        url = up(nodes, path, port)
        points = ["--reference", "4", "--reading", "860000", "--reference", "7"]
        tirta("calibrate", url, "ph", *points, "--reading", "1200000", "--who", "Sari", "--yes")
        assert "value1=1406" in tirta("calibrate", "--history", url)
        other = changed(path, "litres_per_pulse = 10", "litres_per_pulse = 20")
        assert "runs with config" in tirta("config", "apply", url, other, "--accept-missing")
        with Node(url) as there:
            assert there.config() == config.load(other)[0]
            assert there.whole_status()["overruns"] == 0


@pytest.mark.campaign
def test_a_config_whose_uplink_does_not_come_back(nodes: Nodes, tmp_path: Path) -> None:
    """It is given up after its trial, and the node is there again."""
    with brokers.broker(tmp_path) as port:
        path = uplinks.config_file(tmp_path, port)
        url = up(nodes, path, port)
        lost = changed(path, f"port = {port}", f"port = {brokers.free_port()}")
        done = run([*TIRTA, "config", "apply", url, str(lost), "--trial-seconds", "15"])
        assert done.returncode == 1
        assert "kept its old config" in done.stderr
        assert "not confirmed in 15 s" in done.stderr
        assert f"port = {port}" in tirta("config", "get", url)


@contextlib.contextmanager
def dropping(broker: brokers.Mosquitto, every_s: float) -> Iterator[list[float]]:
    """Kill a broker so often, for two seconds each time, that every connection breaks; the list
    grows by one each time.
    """
    over = threading.Event()
    drops: list[float] = []

    def drop() -> None:
        while not over.wait(every_s):
            broker.kill()
            drops.append(every_s)
            over.wait(2)
            broker.start()

    thread = threading.Thread(target=drop)
    thread.start()
    try:
        yield drops
    finally:
        over.set()
        thread.join()


@pytest.mark.campaign
@pytest.mark.skipif(not brokers.MOSQUITTO, reason="Mosquitto is not installed")
def test_an_update_over_a_link_that_drops_and_the_way_back(nodes: Nodes, tmp_path: Path) -> None:
    """Every 30 s, and once the laptop goes without a goodbye: what was brought need not come again,
    and the node's own hash of the slot decides what it starts.
    """
    broker = brokers.Mosquitto(tmp_path, brokers.free_port())
    broker.start()
    try:
        url = up(nodes, uplinks.config_file(tmp_path, broker.port), broker.port)
        with dropping(broker, 30) as drops:
            laptop = subprocess.Popen([*TIRTA, "update", url])
            wait_for(lambda: len(drops) == 2)
            assert laptop.poll() is None
            laptop.kill()
            laptop.wait()
            wait_for(lambda: brokers.answers(broker.port))
            said = tirta("update", url)
        brought = re.search(r"\((\d+) bytes", said)
        assert brought
        assert int(brought[1]) < 250_000 < SLOT_BYTES
        assert "has confirmed it" in tirta("rollback", url)
        with Node(url) as there:
            assert there.whole_status()["overruns"] == 0
    finally:
        broker.kill()


@pytest.mark.campaign
def test_the_log_and_the_doctor_over_the_broker(nodes: Nodes, tmp_path: Path) -> None:
    """What `doctor` says of a node with an uplink stands for its status as a whole, too."""
    with brokers.broker(tmp_path) as port:
        line, node = uplinks.up(nodes, uplinks.config_file(tmp_path, port))
        url = f"mqtt://127.0.0.1:{port}/{node}"
        done = run([*TIRTA, "pull", url, "--archive", str(tmp_path / "archive")])
        assert done.returncode == 0, done.stderr
        assert "new records" in done.stdout
        done = run([*TIRTA, "doctor", url, "--json"])
        assert done.returncode == 0, done.stdout
        done = run([*TIRTA, "tail", url, "--count", "2"])
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr
        with Node(url) as there, pytest.raises(TirtaError, match="not to be had over a network"):
            there.unlock()
        assert uplinks.status(line, node)["overruns"] == 0


@pytest.mark.campaign
def test_two_laptops_at_one_node(nodes: Nodes, tmp_path: Path) -> None:
    """A session outlives silence that nobody uses; another laptop takes the place of one that is
    silent. The first is answered again when it begins anew.
    """
    with brokers.broker(tmp_path) as port:
        url = up(nodes, uplinks.config_file(tmp_path, port), port)
        with Node(url) as first:
            first.whole_status()
            time.sleep(SILENT_S)
            first.whole_status()
            with Node(url) as second:
                second.whole_status()
            with pytest.raises(TirtaError, match="No node answers"):
                first.status()
        with Node(url) as first:
            assert first.whole_status()["overruns"] == 0


@pytest.mark.campaign
def test_guesses_over_the_network_silence_nobody(nodes: Nodes, tmp_path: Path) -> None:
    """Neither there, where a lock-out would be a stranger's to trigger, nor at the cable."""
    with brokers.broker(tmp_path) as port:
        line, node = uplinks.up(nodes, uplinks.config_file(tmp_path, port))
        url = f"mqtt://127.0.0.1:{port}/{node}"
        wrong = locked.credential(node, access.ADMINISTRATOR, fleet=locked.OTHER_FLEET)
        for _ in range(4):  # three would silence a cable
            with Node(url) as there, pytest.raises(TirtaError, match="the key is wrong"):
                locked.guarded(there, wrong).status()
        with Node(url) as there:
            assert there.whole_status()["overruns"] == 0
        assert uplinks.status(line, node)["mode"] == "locked"


def test_a_url_of_nobody(tmp_path: Path) -> None:
    with pytest.raises(TirtaError, match="names no node"):
        Node("mqtt://127.0.0.1/office")
    with pytest.raises(TirtaError, match="No broker answers"):
        Node(f"mqtt://127.0.0.1:{brokers.free_port()}/02fb6be3ee96")

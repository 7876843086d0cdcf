# SPDX-License-Identifier: MIT
"""An uplink by cable: a board whose file has an Ethernet chip, and a config that names no Wi-Fi."""

import re
from pathlib import Path

import brokers
import locked
import pytest
import uplinks
from nodes import FAST_BAUD, Nodes
from patience import wait_for
from receivers import Receiver

from tirta import config, virtual
from tirta.boards import board_file
from tirta.config import writing
from tirta.files.paths import boards_dir
from tirta.node import Node
from tirta_format import access

pytest.importorskip("paho.mqtt.client", reason="tirta[receive] is not installed")
NAME = "pump_house"
REST_S = 15  # longer than an uplink rests after a visit: one that is asked sooner tells nothing new
ETHERNET = """
[ethernet]
phy = "LAN8720"
address = 1
mdc = 23
mdio = 18
power = 16
"""


@pytest.fixture(autouse=True)
def _board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board of the user's: the virtual one with what Ethernet takes away, and an office."""
    monkeypatch.setenv("TIRTA_PASSPHRASE", "of this test")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    uplinks.office_has_the_key()
    text = (boards_dir() / "virtual.toml").read_text()
    for old, new in (
        (r"\[pins\.(?:flow_reverse|i2c_\w+|rs485_\w+|alarm)\]\n(?:.+\n)+", ""),
        (r"\[pins\.flow\]\ngpio = 27", "[pins.flow]\ngpio = 5"),
        (r"strapping = .*", "strapping = [0, 2, 12, 15]"),
        (r"onboard = \[\]", "onboard = [18, 19, 21, 22, 23, 25, 26, 27]"),
        (r"\n\[pins\.flow\]", f"{ETHERNET}\n[pins.flow]"),
    ):
        text, times = re.subn(old, new, text)
        assert times, old
    board_file.own_dir().mkdir(parents=True)
    (board_file.own_dir() / f"{NAME}.toml").write_text(text)


def by_cable(folder: Path, port: int) -> Path:
    path = uplinks.config_file(folder, port)
    text = path.read_text().replace('"virtual"', f'"{NAME}"')
    path.write_text(re.sub(r"ssid = .*\nwifi_password = .*\n", "", text))
    return path


def problem(port: str, node: str) -> str:
    """What the node says of its uplink."""
    return str(uplinks.status(port, node)["uplink"][1])


def test_pages_arrive_and_a_cable_may_be_pulled(nodes: Nodes, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    with brokers.broker(tmp_path) as port, Receiver(port, archive) as receiver:
        path = by_cable(tmp_path, port)
        line, node = uplinks.up(nodes, path, board=NAME)
        flash = next(Path(n["flash"]) for n in virtual.list_nodes())
        uplinks.wait_until_archived(archive, node, flash, beyond=20)
        virtual.control("locked", {"do": "network", "without": ["cable"]})
        wait_for(lambda: problem(line, node) == "no Ethernet cable", every_s=REST_S)
        virtual.control("locked", {"do": "network", "without": []})
        uplinks.wait_until_archived(archive, node, flash, beyond=40)
        with Node(line, FAST_BAUD) as there:
            got = locked.guarded(there, locked.credential(node, access.ADMINISTRATOR)).config()
        receiver.end()
    assert "ssid" not in writing.to_toml(got)
    assert config.load(path)[0] == got


def test_a_broken_chip_of_ethernet_stops_no_sample(nodes: Nodes, tmp_path: Path) -> None:
    line, node = uplinks.up(nodes, by_cable(tmp_path, 1), board=NAME)
    virtual.control("locked", {"do": "network", "without": ["phy"]})
    locked.power_cycle(line)
    wait_for(lambda: "does not answer" in problem(line, node), every_s=REST_S)
    before = uplinks.status(line, node)["next_record"]
    wait_for(lambda: uplinks.status(line, node)["next_record"] > before)

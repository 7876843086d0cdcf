# SPDX-License-Identifier: MIT
"""The uplink on the genuine image: the chip's own Wi-Fi and lwIP, an address by DHCP, a name by
DNS, the real Mosquitto, the centre as a user runs it, and a laptop that talks over the broker.

The emulator's Wi-Fi brings nothing more some 55 s after it has joined, whatever runs on the chip
(measured at the prompt): the node finds out and joins anew, and a laptop may have to ask again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import access_point
import pytest
from access_point import Network
from emulated import MAC, Chip, Record, chip, inlet, locked_flash
from outside import look, must_be_whole, must_follow
from patience import wait_for
from receivers import Receiver
from support import PASSPHRASE, keep_keys

from tirta.archive.evidence import Archive
from tirta_format import page

pytest.importorskip("paho.mqtt.client", reason="tirta[receive] is not installed")
INTERVAL_S, PUSH_S = 5, 10
_EVERY_S = 2


@dataclass
class Town:
    """One node, its network, and the office with its archive."""

    node: Chip
    network: Network
    archive: Path

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.network.port}/{MAC}"

    def arrived(self) -> dict[int, bytes]:
        """Pages in the archive, by sequence."""
        epochs = [each for each in Archive(self.archive).epochs() if each.node == MAC]
        return {seq: stored.read() for each in epochs for seq, stored in each.pages().items()}

    def lying(self) -> dict[int, bytes]:
        """Pages on the chip's flash, of log and journal alike, by sequence."""
        data = self.node.flash("log")
        blocks = [data[at : at + page.SIZE] for at in range(0, len(data), page.SIZE)]
        found = [(page.header(each[: page.HEADER_SIZE]), each) for each in blocks]
        return {head.seq: each for head, each in found if head is not None}

    def archived(self, more: int) -> int:
        """How many bytes the archive has, once they are `more` than now; each as it lies there."""
        first = self._bytes()
        return wait_for(
            lambda: now if (now := self._bytes()) >= first + more else 0,
            told=lambda: f"nothing more arrives: {self.node.status()}",
            every_s=_EVERY_S,
        )

    def _bytes(self) -> int:
        lying = self.lying()
        there = self.arrived()
        for sequence, data in there.items():
            assert lying[sequence].startswith(data), sequence
        return sum(map(len, there.values()))


def uplink(network: Network) -> str:
    """An open network has no password."""
    return (
        f'{inlet(INTERVAL_S, visit_s=30)}\n[uplink]\nbroker = "{access_point.NAME}"\n'
        f'port = {network.port}\nssid = "{access_point.SSID}"\npush_s = {PUSH_S}\n'
    )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("wifi")
    with access_point.network(folder) as network:
        image = locked_flash(uplink(network))
        with chip(folder / "node", image, net=network.tap) as node:
            keep_keys(node.home / "keys")
            yield Town(node, network, folder / "archive")


@pytest.fixture(autouse=True)
def centre(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """`tirta receive` beside each test, ended as a power cut does."""
    monkeypatch.setenv("TIRTA_KEYS", str(town.node.home / "keys"))
    monkeypatch.setenv("TIRTA_PASSPHRASE", PASSPHRASE)
    with Receiver(town.network.port, town.archive) as receiver:
        yield receiver


def test_its_pages_come_to_the_archive_as_they_lie(town: Town, record_property: Record) -> None:
    """And the archive's ledger and its time come to the node."""
    town.archived(more=page.HEADER_SIZE + 500)
    status = wait_for(lambda: found if (found := town.node.status())["uplink"][2] >= 0 else {})
    assert status["alarms"] == []
    assert status["clock"] == "synchronised"
    must_be_whole(look(town.node.flash("log")))
    assert 8_000 < status["network_heap"] < 25_000, "Python's heap has another area"
    told = (
        "uplink at work: {heap_free:,} bytes of heap free, {network_heap:,} of them the network's"
    )
    record_property("measured", told.format(**status))


def test_a_laptop_talks_over_the_broker(town: Town, record_property: Record) -> None:
    """Its login and two answers; until the emulator's Wi-Fi lets both through."""
    status: dict[str, Any] = wait_for(
        lambda: (
            {} if (asked := town.node.command("status", town.url, "--json")).code else asked.json
        )
    )
    assert (status["node"], status["mode"]) == (MAC, "locked")
    told = "in a talk over the broker: {heap_free:,} and {network_heap:,}"
    record_property("measured", told.format(**status))


def test_neither_power_nor_broker_loses_anything(town: Town, centre: Receiver) -> None:
    """The broker goes, then the node's power; both come back, and what was kept arrives."""
    town.archived(more=1)
    town.network.broker.kill()
    before = look(town.node.flash("log"))
    town.node.off()
    town.node.on()
    after = town.node.sampled(6)
    assert after["boot"] == 2
    centre.kill()
    town.network.broker.start()
    centre.start()
    town.archived(more=500)
    now = look(town.node.flash("log"))
    must_follow(before, now)
    must_be_whole(now)

# SPDX-License-Identifier: MIT
"""Several `tirta receive` at one archive, each with its part of the nodes; any is killed at any
instant: nothing is lost, and nobody's page is written by two.
"""

import random
import time
from collections import Counter
from pathlib import Path

import brokers
import pytest
from patience import wait_for
from peer import FakeLog
from sending_node import EPOCH, SendingNode, logged_node, make_node

pytest.importorskip("paho.mqtt.client", reason="tirta[receive] is not installed")
pytest.importorskip("deltalake", reason="tirta[lake] is not installed")

from receivers import Client, Receiver, keep_fleet

from tirta.archive.evidence import Archive
from tirta.cli import main
from tirta.errors import TirtaError
from tirta.receive.centre import Part
from tirta.tables import lake

NODES = 12
PARTS = 3


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_fleet(monkeypatch)


def archived(archive: Path, node: str) -> dict[int, bytes]:
    return {s: p.read() for s, p in Archive(archive).epoch(node, EPOCH).pages().items()}


def send(nodes: dict[str, SendingNode], client: Client) -> int:
    """Hellos and what ledgers lack, of all; how many pieces there were."""
    for topic, message in client.drain():
        nodes[topic.split("/")[1]].hear(message)
    pieces = 0
    for node in nodes.values():
        lacking = node.lacking()
        pieces += len(lacking)
        for topic, payload in [node.hello(), *lacking]:
            client.publish(topic, payload)
    return pieces


CAMPAIGN = pytest.mark.campaign


@pytest.mark.parametrize(("kills", "into_lake"), [
    (2, True),
    pytest.param(60, False, marks=CAMPAIGN), pytest.param(60, True, marks=CAMPAIGN),
])  # fmt: skip
def test_any_of_them_is_killed_at_any_instant(kills: int, into_lake: bool, tmp_path: Path) -> None:
    """In a lake each record of each node is there once, besides."""
    chance = random.Random(19)
    archive, written = tmp_path / "archive", tmp_path / "lake"
    ids = [f"02fb6be3{i:04x}" for i in range(NODES)]
    nodes = {name: make_node(chance, 4, name) for name in ids}
    more = ["--lake", str(written), "--every-s", "1"] if into_lake else []
    if into_lake:
        nodes = {name: readable(chance, name) for name in ids}
    with brokers.broker(tmp_path) as port, Client(port) as client:
        client.subscribe("tirta/+/l")
        receivers = [
            Receiver(port, archive, "", "", "--part", f"{i + 1}/{PARTS}", *more)
            for i in range(PARTS)
        ]
        try:
            for receiver in receivers:
                receiver.start()
            for _ in range(kills):
                send(nodes, client)
                time.sleep(chance.random())
                victim = chance.choice(receivers)
                victim.kill()
                send(nodes, client)
                victim.start()

            def done() -> bool:
                send(nodes, client)
                return all(archived(archive, name) == wanted(nodes[name]) for name in ids)

            wait_for(done, every_s=0.5)
            for node in nodes.values():
                node.start()
            wait_for(lambda: not send(nodes, client) and every_has_a_ledger(nodes), every_s=0.5)
            told: Counter[tuple[str, int, int]] = Counter()
            for at, receiver in enumerate(receivers):
                pages, _ = receiver.end()
                for one in pages:
                    assert Part(at, PARTS).takes(f"tirta/{one['node']}/p")
                    told[one["node"], one["page"], one["size"]] += 1
            assert set(told.values()) <= {1}, "a page was stored twice"
        finally:
            for receiver in receivers:
                receiver.kill()
    assert not list(archive.rglob("aside/*"))
    if into_lake:
        table = lake.table(written, "records")
        rows = table.to_pyarrow_table(columns=["node", "number", "channel"])
        counted = Counter(zip(*(column.to_pylist() for column in rows.columns), strict=True))
        assert counted == {
            (name, number, channel): 1
            for name, node in nodes.items()
            for number in range(node.next_number)
            for channel in ("flow", "p_inlet")
        }


def every_has_a_ledger(nodes: dict[str, SendingNode]) -> bool:
    """Of its new boot: so each process is up, also the one that was killed last."""
    return all(node.ledgers for node in nodes.values())


def readable(chance: random.Random, name: str) -> SendingNode:
    log = FakeLog()
    log.add(chance.randrange(200, 900))
    return logged_node(log, name)


def wanted(node: SendingNode) -> dict[int, bytes]:
    return {s: data[: node.size(s)] for s, data in node.pages.items()}


def test_each_node_has_one_part() -> None:
    chance = random.Random(1)
    found: Counter[int] = Counter()
    for _ in range(4000):
        topic = f"tirta/{chance.randrange(1 << 48):012x}/p"
        taking = [i for i in range(4) if Part(i, 4).takes(topic)]
        assert len(taking) == 1
        assert Part().takes(topic)
        found[taking[0]] += 1
    assert all(900 < count < 1100 for count in found.values())


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "a/b", "1/4/4", "-1/4", "1/999"])
def test_what_is_no_part_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TirtaError):
        Part.of(text)
    assert main(["receive", f"--part={text}"]) == 1
    assert "Write 1/4" in capsys.readouterr().err

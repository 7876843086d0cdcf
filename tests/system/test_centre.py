# SPDX-License-Identifier: MIT
"""`tirta receive` as a process, with a real broker: killed at any instant, lied to by whoever
reaches the broker, and under Mosquitto as docs/CENTRE.md sets it up.
"""

import getpass
import json
import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import brokers
import pytest
from patience import wait_for
from peer import FakeLog
from sending_node import EPOCH, NODE, SendingNode, make_node

pytest.importorskip("paho.mqtt.client", reason="tirta[receive] is not installed")

from receivers import Client, Receiver, exchange, keep_fleet

from tirta.archive import standings
from tirta.archive.evidence import Archive
from tirta.archive.standings import Standing
from tirta.cli import build_parser
from tirta.cli.catalogue import COMMANDS
from tirta_format import page, uplink_ledger

PAGE = (Path(__file__).parents[2] / "docs" / "CENTRE.md").read_text(encoding="utf-8")
OTHER = "02fb6be3ee97"
LEDGERS = f"tirta/{NODE}/l"
needs_mosquitto = pytest.mark.skipif(
    brokers.MOSQUITTO is None, reason="no Mosquitto: apt-get install mosquitto"
)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_fleet(monkeypatch)


def archived(archive: Path) -> dict[int, bytes]:
    return {s: p.read() for s, p in Archive(archive).epoch(NODE, EPOCH).pages().items()}


def wanted(node: SendingNode) -> dict[int, bytes]:
    return {s: data[: node.size(s)] for s, data in node.pages.items()}


def must_have_what_ledgers_name(node: SendingNode, archive: Path) -> None:
    there = archived(archive)
    for sequence, data in there.items():
        assert node.pages[sequence].startswith(data)
    for body in node.ledgers.values():
        for sequence in node.pages:
            assert uplink_ledger.known(body, sequence) <= len(there.get(sequence, b""))


def send_until_all_is_here(node: SendingNode, client: Client, archive: Path) -> None:
    def done() -> bool:
        exchange(node, client)
        return archived(archive) == wanted(node)

    wait_for(done, every_s=0.5)


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.campaign)])
def test_a_centre_that_is_killed_at_random_instants(kills: int, tmp_path: Path) -> None:
    """SIGKILL while pages come: what a ledger ever named is on the disk, the rest comes again."""
    chance = random.Random(18)
    archive = tmp_path / "archive"
    node = make_node(chance, 12)
    with brokers.broker(tmp_path) as port, Client(port) as client:
        client.subscribe(LEDGERS)
        receiver = Receiver(port, archive)
        for _ in range(kills):
            with receiver:
                exchange(node, client)
                wait_for(lambda: exchange(node, client, 2) == 0 or node.ledgers, every_s=0.5)
                for _ in range(chance.randrange(3)):
                    exchange(node, client, 4)
                time.sleep(chance.random() / 10)
            for _, message in client.drain():
                node.hear(message)
            must_have_what_ledgers_name(node, archive)
            node.end = min(page.SIZE, node.end + 100)
            node.start()
        with receiver:
            send_until_all_is_here(node, client, archive)
            receiver.end()
    must_have_what_ledgers_name(node, archive)


def lies(chance: random.Random, node: SendingNode) -> Iterator[tuple[str, bytes]]:
    """What somebody says who can write everything at the broker and has no key."""
    other = make_node(chance, 2)
    other.key = bytes(32)
    true = [node.hello(), node.piece(node.newest, 0, node.end)]
    for topic, payload in true * 8:
        letter = topic[-1]
        at = chance.randrange(len(payload))
        flipped = bytearray(payload)
        flipped[at] ^= 1 << chance.randrange(8)
        yield topic, bytes(flipped)
        yield topic, payload[: chance.randrange(len(payload))]
        yield topic, payload + chance.randbytes(1 + chance.randrange(40))
        yield f"tirta/{OTHER}/{letter}", payload
        yield f"tirta/{NODE}/{'h' if letter == 'p' else 'p'}", payload
        yield topic, chance.randbytes(chance.randrange(200))
        yield topic, b""
    for _ in range(8):
        yield other.hello()
        yield f"tirta/{chance.randbytes(6).hex()}/h", other.hello()[1]
    for name in ("..", "../..", "", "a" * 60_000, "\N{BELL}", "02FB6BE3EE96"):
        yield f"tirta/{name}/h", node.hello()[1]
        yield f"tirta/{name}/p", b"\0" * 100


def test_lies_over_the_broker_are_dropped(tmp_path: Path) -> None:
    """Forged, cut, long, another node's, large: no traceback, nothing believed, memory bounded."""
    chance = random.Random(7)
    archive = tmp_path / "archive"
    node = make_node(chance, 2)
    old = [node.hello(), node.piece(node.newest, 0, node.end)]
    node.start()
    with (
        brokers.broker(tmp_path) as port,
        Client(port) as client,
        Receiver(port, archive) as receiver,
    ):
        client.subscribe(LEDGERS)
        client.publish(*node.hello(), retain=True)
        wait_for(lambda: not client.came.empty())
        before = memory_kb(receiver.pid)
        for topic, payload in [*old, *lies(chance, node)]:
            client.publish(topic, payload)
        for _ in range(20):
            client.publish(f"tirta/{NODE}/p", bytes(1_000_000))
        assert archived(archive) == {}
        send_until_all_is_here(node, client, archive)
        assert memory_kb(receiver.pid) - before < 60_000
        assert {path.name for path in archive.iterdir() if path.is_dir()} <= {
            NODE, "records", "events", "holes", "pages", "channels",
        }  # fmt: skip
        stored, said = receiver.end()
    assert {one["node"] for one in stored} == {NODE}
    assert "Traceback" not in said
    assert f"Node {NODE}: 0 pages are missing." in said
    dropped = re.search("strangers that were dropped: (\\d+)", said)
    assert dropped is not None
    assert int(dropped[1]) > 100
    assert f"Somebody sends as node {NODE}, with a key that is not on this computer." in said


def memory_kb(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def block_behind(words: str) -> str:
    """The first block of the page behind these words."""
    return PAGE.split(words, 1)[1].split("```", 2)[1].split("\n", 1)[1]


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[int]:
    """Mosquitto with the files of docs/CENTRE.md; its port."""
    passwords, access = tmp_path / "tirta.passwords", tmp_path / "tirta.acl"
    passwords.touch()
    for account in ("centre", "office", NODE, OTHER):
        subprocess.run(
            ["mosquitto_passwd", "-b", passwords, account, f"of {account}"], check=True
        )  # fmt: skip
    access.write_text(block_behind("`/etc/mosquitto/tirta.acl`."))
    text = block_behind("`/etc/mosquitto/conf.d/tirta.conf`:")
    made = brokers.Mosquitto(tmp_path, brokers.free_port())
    for written, here in (
        ("listener 1883\n", f"listener {made.port} 127.0.0.1\nuser {getpass.getuser()}\n"),
        ("/etc/mosquitto/tirta.passwords", str(passwords)),
        ("/etc/mosquitto/tirta.acl", str(access)),
    ):
        assert written in text
        text = text.replace(written, here)
    made.configure(text)
    made.start()
    yield made.port
    made.kill()


@needs_mosquitto
def test_a_nodes_account_reaches_its_own_topics_only(mosquitto: int) -> None:
    mine, others = NODE, OTHER
    with (
        Client(mosquitto, "centre", "of centre") as centre,
        Client(mosquitto, mine, f"of {mine}") as node,
        Client(mosquitto, others, f"of {others}") as other,
        Client(mosquitto, "office", "of office") as laptop,
    ):
        laptop.subscribe("#")
        laptop.subscribe("tirta/+/a")
        node.subscribe(f"tirta/{mine}/q")
        for topic in ("tirta/+/h", "tirta/+/p", "tirta/+/l"):
            centre.subscribe(topic)
        for topic in ("#", "tirta/#", "tirta/+/+", f"tirta/{mine}/l", f"tirta/{mine}/p", "$SYS/#"):
            other.subscribe(topic)
        node.subscribe(LEDGERS)
        for letter in "hplqa":
            other.publish(f"tirta/{mine}/{letter}", b"forged", retain=True)
            node.publish(f"tirta/{mine}/{letter}", b"true")
            centre.publish(f"tirta/{mine}/{letter}", b"centre")
            laptop.publish(f"tirta/{mine}/{letter}", b"laptop")
        wait_for(lambda: node.came.qsize() >= 2)
        wait_for(lambda: centre.came.qsize() >= 2)
        wait_for(lambda: not laptop.came.empty())
        assert node.drain() == [(LEDGERS, b"centre"), (f"tirta/{mine}/q", b"laptop")]
        assert set(laptop.drain()) == {(f"tirta/{mine}/a", b"true")}
        assert centre.drain() == [(f"tirta/{mine}/{letter}", b"true") for letter in "hp"]
        assert other.drain() == []
    for account, password in (("", ""), (mine, "of centre"), ("nobody", "x")):
        with Client(mosquitto, account, password) as stranger:
            assert stranger.codes[0] >= 0x80


@needs_mosquitto
def test_a_centre_under_the_documented_broker(mosquitto: int, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    node = make_node(random.Random(3), 3)
    with (
        Client(mosquitto, NODE, f"of {NODE}") as client,
        Receiver(mosquitto, archive, "centre", "of centre") as receiver,
    ):
        client.subscribe(LEDGERS)
        send_until_all_is_here(node, client, archive)
        receiver.end()


def test_a_centre_with_a_broker_of_its_own(tmp_path: Path) -> None:
    """As a bench has it: nothing else is installed. Killed, it loses nothing, broker and all."""
    pytest.importorskip("amqtt.broker", reason="tirta[receive] is not installed")
    archive, port = tmp_path / "archive", brokers.free_port()
    node = make_node(random.Random(4), 5)
    with Receiver(port, archive, "", "", "--embedded") as receiver:
        wait_for(lambda: brokers.answers(port))
        with Client(port) as client:
            client.subscribe(LEDGERS)
            wait_for(lambda: exchange(node, client, 2) and archived(archive), every_s=0.5)
        receiver.kill()
        must_have_what_ledgers_name(node, archive)
        receiver.start()
        wait_for(lambda: brokers.answers(port))
        with Client(port) as client:
            client.subscribe(LEDGERS)
            send_until_all_is_here(node, client, archive)
        second = Receiver(port, tmp_path / "other", "", "", "--embedded")
        second.start()
        code, said = second.wait()
        assert code == 1
        assert f"No broker can listen at 127.0.0.1:{port}" in said
        assert "leave --embedded out" in said
        assert "Traceback" not in said
        stored, said = receiver.end()
    assert stored
    assert f"Node {NODE}: 0 pages are missing." in said
    assert archived(archive) == wanted(node)


@needs_mosquitto
def test_a_wrong_password_is_one_message(mosquitto: int, tmp_path: Path) -> None:
    receiver = Receiver(mosquitto, tmp_path / "archive", "centre", "wrong")
    receiver.start()
    code, said = receiver.wait()
    assert code == 1
    assert "refuses" in said
    assert "Traceback" not in said


def test_the_unit_of_the_page_runs_a_command_that_there_is() -> None:
    unit = block_behind("`/etc/systemd/system/tirta-receive.service`:")
    sections = re.findall(r"^\[(\w+)\]$", unit, re.MULTILINE)
    assert sections == ["Unit", "Service", "Install"]
    (command,) = re.findall(r"^ExecStart=\S+/tirta (.+)$", unit, re.MULTILINE)
    args = build_parser([c for c in COMMANDS if c.name == "receive"])[0].parse_args(command.split())
    assert (args.broker, str(args.archive)) == ("mqtt://centre@127.0.0.1", "/srv/tirta/archive")
    assert not args.embedded


def test_what_lacks_of_a_node_that_was_away_is_in_the_ledger_of_holes(tmp_path: Path) -> None:
    """Also where all of it comes at once."""
    archive = tmp_path / "archive"
    log = FakeLog()
    log.add(700)
    node = SendingNode({s: bytes(p) for s, p in log.pages.items()}, log.end, log.number)
    standings.save(archive, [Standing(NODE, int(time.time()) - 7 * 3600, EPOCH)])
    with brokers.broker(tmp_path) as port, Client(port) as client:
        client.subscribe(LEDGERS)
        with Receiver(port, archive) as receiver:
            send_until_all_is_here(node, client, archive)
            receiver.end()
    told = json.loads((archive / NODE / str(EPOCH) / "ledger.json").read_bytes())
    assert told["collected"] == [[0, 699]]
    assert [(h["first"], h["last"], h["state"]) for h in told["holes"]] == [(0, 699, "collected")]


@needs_mosquitto
def test_another_broker_of_a_cluster_is_asked_where_one_is_gone(tmp_path: Path) -> None:
    node = make_node(random.Random(4), 3)
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made.append(brokers.Mosquitto(tmp_path / name, brokers.free_port()))
        made[-1].start()
    first, second = made
    url = f"mqtt://127.0.0.1:{first.port},127.0.0.1:{second.port}"
    try:
        with (
            Receiver(first.port, tmp_path / "archive", "", "", "--broker", url) as receiver,
            Client(first.port) as before,
            Client(second.port) as after,
        ):
            before.subscribe(LEDGERS)
            after.subscribe(LEDGERS)
            wait_for(lambda: exchange(node, before, 1) and node.ledgers, every_s=0.5)
            first.kill()
            send_until_all_is_here(node, after, tmp_path / "archive")
            receiver.end()
    finally:
        first.kill()
        second.kill()

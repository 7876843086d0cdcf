# SPDX-License-Identifier: MIT
"""The centre without a broker: whatever happens to messages, the archive has the node's bytes or
none, a ledger names only what is on the disk, and what it lacks can be sent until nothing lacks.
"""

import random
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from durable_disk import DurableDisk, PowerCutError
from generated import given, settings
from hypothesis import strategies as st
from sending_node import EPOCH, KEYS, NODE, Message, SendingNode, make_node

from tirta.archive.evidence import Archive
from tirta.archive.pack import Pack
from tirta.archive.quarantine import Attested
from tirta.errors import TirtaError
from tirta.receive import inbox as inbox_module
from tirta.receive.inbox import Inbox
from tirta_format import page, uplink_ledger


def open_inbox(root: Path, name: bytes = b"archive1") -> Inbox:
    return Inbox(Archive(root), KEYS, name + secrets.token_bytes(8))


def archived(root: Path, *, sure: bool = True) -> dict[int, bytes]:
    """What is on the disk; all of it is confirmed, if `sure`."""
    epoch = Archive(root).epoch(NODE, EPOCH)
    known = Attested.of(epoch).pages
    found = {seq: stored.read() for seq, stored in epoch.pages().items()}
    if not sure:  # the power went between a page and its confirmation
        return found
    assert set(found) == set(known)
    assert all(known[seq].holds(data) for seq, data in found.items())
    return found


def must_be_true(node: SendingNode, root: Path) -> None:
    for sequence, data in archived(root).items():
        assert node.pages[sequence].startswith(data)


def must_be_named_truly(inbox: Inbox, root: Path, node: SendingNode) -> None:
    """Every ledger names exactly what is on the disk."""
    there = archived(root)
    for topic, message in inbox.ledgers():
        assert topic == f"tirta/{NODE}/l"
        if not node.hear(message):
            continue  # of a run that is over
        body = node.ledgers[message[1:9]]
        for sequence in node.pages:
            assert uplink_ledger.known(body, sequence) <= len(there.get(sequence, b""))


FAULTS = ("none", "none", "none", "drop", "double", "late", "flip", "cut", "replay", "restart",
          "killed", "boot", "truncate")  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 32), count=st.integers(1, 9), rounds=st.integers(1, 12))
def test_whatever_happens_to_messages(seed: int, count: int, rounds: int) -> None:
    chance = random.Random(seed)
    node = make_node(chance, count)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        if seed % 2:
            Pack.make(root)
        inbox = open_inbox(root)
        late: list[Message] = []
        past: list[Message] = []
        for _ in range(rounds):
            batch = [node.hello(), *node.lacking()]
            if chance.random() < 0.3:
                chance.shuffle(batch)
            for message in batch + late:
                inbox = meddle(chance, message, past, late, inbox, root)
            if chance.random() < 0.8:
                inbox.store()
                must_be_named_truly(inbox, root, node)
            if chance.choice(FAULTS) == "boot":
                node.start()
            if chance.random() < 0.3:
                node.end = min(page.SIZE, node.end + chance.randrange(300))
            must_be_true(node, root)
        for _ in range(2 * 4096 // 2048 + 2):  # the faults are over
            for message in [node.hello(), *node.lacking()]:
                inbox.take(*message)
            inbox.store()
            must_be_named_truly(inbox, root, node)
        assert archived(root) == {s: d[: node.size(s)] for s, d in node.pages.items()}
        assert inbox.missing(NODE) == 0


def meddle(
    chance: random.Random,
    message: Message,
    past: list[Message],
    late: list[Message],
    inbox: Inbox,
    root: Path,
) -> Inbox:
    """Let one thing happen to a message on its way, or to the archive."""
    topic, payload = message
    past.append(message)
    fault = chance.choice(FAULTS)
    if fault == "drop":
        return inbox
    if fault == "late":
        late.append(message)
        return inbox
    if fault == "flip":
        at = chance.randrange(len(payload))
        payload = (
            payload[:at] + bytes((payload[at] ^ 1 << chance.randrange(8),)) + payload[at + 1 :]
        )
    elif fault == "truncate":
        payload = payload[: chance.randrange(len(payload))]
    elif fault in ("replay", "double"):
        inbox.take(*(chance.choice(past) if fault == "replay" else message))
    elif fault == "restart":
        inbox.store()
        inbox = open_inbox(root)
    elif fault == "killed":  # what came is not on the disk
        inbox = open_inbox(root)
    inbox.take(topic, payload)
    return inbox


@pytest.mark.parametrize("seed", range(40))
def test_what_a_ledger_names_outlives_the_power(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The centre's power goes before or behind any flush; what a ledger ever named is there."""
    chance = random.Random(seed)
    node = make_node(chance, 4)
    root = tmp_path / "archive"
    root.mkdir()
    named: dict[int, int] = {}
    cuts = 0
    disk = DurableDisk(root, chance, cut_at=chance.randrange(1, 12))
    disk.install(monkeypatch)
    inbox = open_inbox(root)
    for _ in range(40):
        try:
            for message in [node.hello(), *node.lacking()]:
                if chance.random() < 0.9:
                    inbox.take(*message)
            inbox.store()
        except PowerCutError:
            cuts += 1
            disk.power_back()
            inbox = open_inbox(root)
            if cuts < 6:
                disk.cut_after(chance.randrange(1, 12))
        for _, ledger in inbox.ledgers():
            assert node.hear(ledger)
            (body,) = node.ledgers.values()
            for sequence in node.pages:
                known = uplink_ledger.known(body, sequence)
                named[sequence] = max(named.get(sequence, 0), known)
        there = archived(root, sure=False)
        for sequence, size in named.items():
            assert there.get(sequence, b"")[:size] == node.pages[sequence][:size]
    assert cuts > 0
    assert named == {sequence: node.size(sequence) for sequence in node.pages}


def test_two_archives_get_what_each_lacks(tmp_path: Path) -> None:
    chance = random.Random(5)
    node = make_node(chance, 5)
    roots = tmp_path / "one", tmp_path / "two"
    boxes = open_inbox(roots[0], b"archive1"), open_inbox(roots[1], b"archive2")
    for turn in range(12):
        for message in [node.hello(), *node.lacking()]:
            for i, box in enumerate(boxes):
                if chance.random() < 0.5 or turn >= 6 or i == 0:
                    box.take(*message)
        for box, root in zip(boxes, roots, strict=True):
            box.store()
            must_be_named_truly(box, root, node)
    assert archived(roots[0]) == archived(roots[1])
    assert not any(box.missing(NODE) for box in boxes)


def test_a_push_to_an_archive_that_lacks_nothing_makes_no_ledger(tmp_path: Path) -> None:
    """It would cost a third of an hourly push. What lacks is told at once."""
    node = make_node(random.Random(6), 3)
    node.end = 2000
    inbox = open_inbox(tmp_path)

    def came(*messages: Message) -> int:
        for message in messages:
            inbox.take(*message)
        assert inbox.due() == [NODE]
        inbox.store()
        return len(inbox.ledgers())

    assert came(node.hello()) == 1
    assert came(node.piece(node.newest, 0, 1000)) == 1, "two pages lack"
    whole = [node.piece(s, 0, page.SIZE) for s in node.pages if s != node.newest]
    assert came(*whole) == 1
    assert came(node.piece(node.newest, 1000, 2000)) == 1, "nothing lacks from now on"
    assert came(node.piece(node.newest, 1900, 2300)) == 0
    assert came(node.piece(node.newest, 2400, 2500)) == 1, "a piece before it was lost"
    assert came(node.piece(node.newest, 2300, 2500)) == 1
    assert came(node.hello()) == 1


@pytest.mark.parametrize("packed", [False, True])
def test_an_old_hello_sets_nothing_back(packed: bool, tmp_path: Path) -> None:
    if packed:
        Pack.make(tmp_path)
    node = make_node(random.Random(1), 2)
    old = node.hello()
    node.start()
    new = node.hello()
    for first in (open_inbox(tmp_path), open_inbox(tmp_path)):
        first.take(*new)
        first.take(*old)
        first.store()
        (made,) = first.ledgers()
        assert node.hear(made[1])
        assert first.counts.strange == 1


def test_strangers_are_counted_and_leave_nothing(tmp_path: Path) -> None:
    inbox = open_inbox(tmp_path)
    chance = random.Random(2)
    for topic in (f"tirta/{NODE}/h", f"tirta/{NODE}/p", "tirta/../h", "tirta/../../etc/h", "tirta",
                  "tirta/0123456789ab/h", f"tirta/{NODE}/h/more"):  # fmt: skip
        for n in (0, 1, 24, 25, 60, 3000):
            inbox.take(topic, chance.randbytes(n))
    other = make_node(chance, 1)
    other.key = bytes(32)  # of another fleet
    inbox.take(*other.hello())
    assert inbox.counts.strange == 43
    assert inbox.store() == []
    assert inbox.ledgers() == []
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_its_header_belies_is_not_kept(tmp_path: Path) -> None:
    node = make_node(random.Random(3), 2)
    node.pages[node.newest + 1] = node.pages[node.newest]
    inbox = open_inbox(tmp_path)
    inbox.take(*node.hello())
    inbox.take(*node.piece(node.newest, 0, 2048))
    inbox.take(*node.piece(min(node.pages), 2048, 4096))
    assert inbox.store() == []
    assert inbox.counts.misplaced == 2


def test_a_url_that_names_no_broker_is_told() -> None:
    centre = pytest.importorskip("tirta.receive.centre")
    made = centre.Broker.of("mqtt://office:p%40ss@broker.example:8883")
    assert made == centre.Broker("broker.example", 8883, "office", "p@ss")
    assert str(made) == "mqtt://broker.example:8883"
    three = centre.Broker.of("mqtt://office@a,b:18,c/")
    assert three.places == (("a", 1883), ("b", 18), ("c", 1883))
    assert (three.account, str(three)) == ("office", "mqtt://a:1883,b:18,c:1883")
    for url in (
        "broker",
        "http://broker",
        "mqtt://",
        "mqtt://host:port",
        "mqtt://host/topic",
        "mqtt://a,",
        "mqtt://a,b:x",
        "mqtt://,a",
        "mqtt://a/b,c",
        "mqtt://a?b",
    ):
        with pytest.raises(TirtaError, match="names no broker"):
            centre.Broker.of(url)


def test_a_node_that_was_forgotten_comes_back_with_its_next_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack remembers who said hello, so memory need not hold every node of a country."""
    monkeypatch.setattr(inbox_module, "_MOST_NODES", 1)
    Pack.make(tmp_path)
    nodes = [make_node(random.Random(i), 2, f"02fb6be3{i:04x}") for i in range(3)]
    inbox = open_inbox(tmp_path)
    for node in nodes:
        inbox.take(*node.hello())
        inbox.store()
        assert inbox.ledgers()
    assert inbox.names() == [nodes[-1].node]
    for node in nodes:
        inbox.take(*node.piece(node.newest, 0, node.end))
        assert [one.node for one in inbox.store()] == [node.node]
        (made,) = inbox.ledgers()
        assert node.hear(made[1])
        assert inbox.missing(node.node) == 1
    assert inbox.counts.strange == 0

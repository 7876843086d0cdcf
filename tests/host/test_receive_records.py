# SPDX-License-Identifier: MIT
"""Records that came over a network: the ledger of holes, how nodes stand, and that a laptop's pull
and the centre agree, whoever brings which page first.
"""

import json
import random
from pathlib import Path
from typing import Any

import lake
import pytest
from peer import CONFIG_TEXT, EPOCH, FakeLog, Peer, peer_fixture  # noqa: F401
from sending_node import KEYS, NODE, SendingNode

from tirta import ranges
from tirta.archive import holes, standings
from tirta.archive.evidence import Archive
from tirta.archive.pack import Pack
from tirta.archive.standings import SILENT_S, Standing
from tirta.cli import main
from tirta.keys import memory
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.receive.account import account
from tirta.receive.inbox import Inbox
from tirta.tables.landing import land_all


def sending(log: FakeLog) -> SendingNode:
    """The node that has this log."""
    pages = {sequence: bytes(page) for sequence, page in log.pages.items()}
    return SendingNode(pages, log.end, log.number)


def grow(node: SendingNode, log: FakeLog, count: int) -> None:
    log.add(count)
    node.pages = {sequence: bytes(page) for sequence, page in log.pages.items()}
    node.end, node.next_number = log.end, log.number


def exchange(node: SendingNode, inbox: Inbox, chance: random.Random, kept: float = 1.0) -> None:
    for message in [node.hello(), *node.lacking()]:
        if chance.random() < kept:
            inbox.take(*message)
    inbox.store()
    for _, ledger in inbox.ledgers():
        assert node.hear(ledger)


def account_of(inbox: Inbox) -> Any:
    told = inbox.told(NODE)
    assert told is not None
    return account(inbox.epoch(NODE, told.epoch), told)


def test_a_hole_is_detected_and_then_collected(tmp_path: Path) -> None:
    chance = random.Random(1)
    log = FakeLog()
    log.add(900)
    node = sending(log)
    inbox = Inbox(Archive(tmp_path), KEYS, bytes(16))
    inbox.take(*node.hello())
    newest = node.newest
    inbox.take(*node.piece(newest, 0, node.end))
    inbox.store()
    found = account_of(inbox)
    assert found.records == 0  # the newest page came first, and its config lies in the first one
    assert {hole.state for hole in found.holes} == {holes.MISSING}
    assert ranges.merged((h.first, h.last) for h in found.holes) == [(0, log.number - 1)]
    ledger = json.loads((tmp_path / NODE / str(EPOCH) / "ledger.json").read_bytes())
    assert [(e["first"], e["last"], e["state"]) for e in ledger["holes"]] == [
        (0, log.number - 1, "detected")
    ]
    for _ in range(3):
        exchange(node, inbox, chance)
    found = account_of(inbox)
    assert (found.records, found.missing, found.gone) == (log.number, 0, 0)
    ledger = json.loads((tmp_path / NODE / str(EPOCH) / "ledger.json").read_bytes())
    assert {e["state"] for e in ledger["holes"]} == {"collected"}


def test_what_the_node_overwrote_is_lost_and_told_with_its_reason(tmp_path: Path) -> None:
    log = FakeLog()
    log.add(900)
    node = sending(log)
    del node.pages[1]
    second = min(node.pages)
    inbox = Inbox(Archive(tmp_path), KEYS, bytes(16))
    epoch = inbox.epoch(NODE, EPOCH)
    epoch.store_config(log.config_hash, CONFIG_TEXT)  # it was logged in the page that is gone
    inventory = None
    for _ in range(4):
        exchange(node, inbox, random.Random(1))
        told = inbox.told(NODE)
        assert told is not None
        node.oldest_number = account_of(inbox).holes[0].last + 1
        inventory = told
    assert inventory is not None
    found = account_of(inbox)
    assert found.missing == 0
    assert [(h.first, h.state, h.reason) for h in found.holes] == [
        (0, holes.LOST, holes.OVERWRITTEN)
    ]
    assert epoch.pages().keys() == set(range(second, node.newest + 1))


@pytest.mark.parametrize("seed", range(4))
def test_a_laptop_and_the_centre_agree(seed: int, tmp_path: Path, peer: Peer) -> None:
    """Both write to one archive in turns, with drops, while the log grows. This laptop was told
    that the node may be open: what a locked one does with its digest is test_locked_pull's.
    """
    memory.remember(NODE, memory.OPEN, "this test")
    chance = random.Random(seed)
    peer.begin(NODE)
    node = sending(peer.log)
    root, alone = tmp_path / "both", tmp_path / "alone"
    if seed % 2:
        Pack.make(root)
    inbox = Inbox(Archive(root), KEYS, bytes(16))
    for _ in range(8):
        grow(node, peer.log, chance.randrange(1, 250))
        if chance.random() < 0.4:
            with Node(peer.port) as there:
                pull(there, root)
        else:
            exchange(node, inbox, chance, kept=0.7)
        if chance.random() < 0.2:
            inbox = Inbox(Archive(root), KEYS, bytes(16))
    for _ in range(4):
        exchange(node, inbox, chance)
    with Node(peer.port) as there:
        assert pull(there, root).holes == []
        pull(there, alone)
    land_all(root)
    land_all(alone)
    pages = {
        base: {s: p.read() for s, p in Archive(base).epoch(NODE, EPOCH).pages().items()}
        for base in (root, alone)
    }
    assert pages[root] == pages[alone]
    assert lake.bytes_of(root) == lake.bytes_of(alone)
    assert not list(root.rglob("aside/*"))
    assert inbox.missing(NODE) == 0


def test_status_tells_who_is_behind_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000
    monkeypatch.setattr("time.time", lambda: float(now))
    for node, heard, pages, missing in (
        ("0000000000aa", now - 60, 0, 0),
        ("0000000000bb", now - 60, 3, 40),
        ("0000000000cc", now - SILENT_S - 3600, 0, 0),
    ):
        standings.save(tmp_path, [Standing(node, heard, 7, 100, 100 + missing, pages, missing)])
    standings.assign(tmp_path, {"0000000000dd": standings.Home("z7", "Inlet 7")})
    words = ["receive", "--status", "--archive", str(tmp_path)]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["node"][-2:], one["state"], one["missing"]) for one in told] == [
        ("aa", "ok", 0), ("bb", "behind", 40), ("cc", "silent", 0),
        ("dd", "silent", 0),
    ]  # fmt: skip
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0][-2:] for line in lines[1:]] == ["cc", "dd", "bb", "aa"]
    assert "power and network" in lines[1]
    assert "never heard" in lines[2]
    assert "3 pages on the way" in lines[3]


def test_status_of_a_folder_that_no_centre_wrote_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["receive", "--status", "--archive", str(tmp_path)]) == 1
    assert "No node was ever heard" in capsys.readouterr().err

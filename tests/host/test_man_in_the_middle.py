# SPDX-License-Identifier: MIT
"""Somebody on the line, or in a node's place: nothing of what he says gets into tables, no key gets
out, and what was believed before the node could deny it is put right.
"""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from lake import records
from liar import FLEET, NODE, LiarNode, Lie, Reply, credential, shared
from peer import EPOCH, FakeLog

from tirta.archive.evidence import Archive, Epoch
from tirta.archive.quarantine import Attested, Quarantine
from tirta.cli import main
from tirta.keys import memory, vault
from tirta.keys.credential import node_key
from tirta.tables.check import check, rebuild
from tirta.tables.landing import land_all
from tirta_format import access, frame
from tirta_format import page as pages

RECORDS = 500  # four pages, the last one half full


def honest(count: int = RECORDS) -> LiarNode:
    node = LiarNode(locked=True)
    node.log.add(count)
    return node


def forged_log() -> FakeLog:
    """Whole pages with right CRCs, and other values."""
    log = FakeLog()
    log.values = lambda number: [number * 11 % 60, 9000 - number % 17]  # type: ignore[method-assign]
    log.add(RECORDS)
    return log


def forging(log: FakeLog) -> Lie:
    """Somebody sends his own pages in place of the node's."""
    other = LiarNode()
    other.log = log

    def lie(kind: int, replies: list[Reply]) -> list[Reply]:
        if kind != frame.READ:
            return replies
        out = []
        for what, content in replies:
            if what == frame.DATA:
                page, at, n = struct.unpack_from(frame.DATA_HEAD, content)
                head = struct.pack(frame.DATA_HEAD, page, at, n)
                out.append((what, head + bytes(log.pages[page][at : at + n]).rstrip(b"\xff")))
            else:
                out.append((what, content))
        return out

    return lie


def both(*lies: Lie) -> Lie:
    """One after the other."""

    def lie(kind: int, replies: list[Reply]) -> list[Reply]:
        for each in lies:
            replies = each(kind, replies)
        return replies

    return lie


def pull(node: LiarNode, folder: Path, *words: str) -> int:
    """`tirta pull` from this node; its exit code."""
    with shared(node):
        return main(["pull", "/dev/liar", "--archive", str(folder), *words])


def run_of(folder: Path) -> Epoch:
    return Archive(folder).epoch(NODE, EPOCH)


def evidence(folder: Path) -> dict[int, bytes]:
    return {seq: page.read() for seq, page in run_of(folder).pages().items()}


def is_true(folder: Path, log: FakeLog, *, whole: bool = True) -> bool:
    """All that is evidence, and all that is in the tables, is the node's."""
    have = evidence(folder)
    if any(not bytes(log.pages.get(s, b"")).startswith(data) for s, data in have.items()):
        return False
    land_all(folder)
    rows = [row for month in records(folder, NODE).values() for row in month]
    right = all(
        row["raw"] == log.values(row["number"])[row["channel"] == "p_inlet"] for row in rows
    )
    return right and (not whole or len(rows) == 2 * log.number)


def test_an_honest_locked_node_is_pulled_whole(tmp_path: Path) -> None:
    node = honest()
    assert pull(node, tmp_path) == 0
    assert is_true(tmp_path, node.log)
    assert not Quarantine(run_of(tmp_path)).pages()
    assert memory.recall(NODE) == memory.LOCKED
    node.log.add(200)
    assert pull(node, tmp_path) == 0
    assert is_true(tmp_path, node.log)
    assert check(tmp_path).ok


# What can keep the node's word from coming: the digest altered, refused, or cut out.
NO_WORD: dict[str, Callable[[list[Reply]], list[Reply]]] = {
    "another digest": lambda _: [(access.DIGEST + frame.ANSWER, bytes(32))],
    "refusal 2": lambda _: [(frame.REFUSAL, b"\x02a page is gone")],
    "refusal 6": lambda _: [(frame.REFUSAL, b"\x06no")],
    "silence": lambda _: [],
}


def spoiling(how: str) -> Lie:
    def lie(kind: int, replies: list[Reply]) -> list[Reply]:
        return NO_WORD[how](replies) if kind == access.DIGEST else replies

    return lie


@pytest.mark.parametrize("how", NO_WORD)
@pytest.mark.parametrize("forged", [True, False])
def test_without_the_nodes_word_nothing_is_evidence(
    tmp_path: Path, how: str, forged: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    node = honest()
    node.lie = both(forging(forged_log()), spoiling(how)) if forged else spoiling(how)
    code = pull(node, tmp_path)
    assert code == (0 if how == "refusal 2" else 1)
    assert evidence(tmp_path) == {}
    assert how != "refusal 2" or "pages wait until the node confirms" in capsys.readouterr().err
    assert not (tmp_path / "records").exists()
    assert main(["export", str(tmp_path), "--to", "csv"]) == 1
    node.lie = lambda _kind, replies: replies
    if pull(node, tmp_path) != 0:  # what waited was not the node's
        assert forged
        assert pull(node, tmp_path) == 0
    assert is_true(tmp_path, node.log)
    assert check(tmp_path).ok


def test_a_pull_that_was_cut_goes_on_where_it_stopped(tmp_path: Path) -> None:
    node = honest()
    asked: list[int] = []

    def cut(kind: int, replies: list[Reply]) -> list[Reply]:
        return replies[:2] if kind == frame.READ else replies

    def count(kind: int, replies: list[Reply]) -> list[Reply]:
        asked.extend(len(content) for kind, content in replies if kind == frame.DATA)
        return replies

    node.lie = both(cut, lambda kind, replies: [] if kind == access.DIGEST else replies)
    assert pull(node, tmp_path) == 1
    waiting = Quarantine(run_of(tmp_path)).pages()
    assert waiting
    assert not evidence(tmp_path)
    node.lie = count
    assert pull(node, tmp_path) == 0
    assert sum(asked) < sum(len(bytes(p).rstrip(b"\xff")) + 8 for p in node.log.pages.values())
    assert is_true(tmp_path, node.log)


def test_pages_that_the_node_overwrote_meanwhile_wait(tmp_path: Path) -> None:
    node = honest()

    def overwritten(kind: int, replies: list[Reply]) -> list[Reply]:
        if kind == frame.READ:
            node.log.pages.pop(1, None)
        return replies

    node.lie = overwritten
    assert pull(node, tmp_path, "--json") == 0
    assert sorted(evidence(tmp_path)) == sorted(node.log.pages)
    assert list(Quarantine(run_of(tmp_path)).pages()) == [1]
    assert is_true(tmp_path, node.log, whole=False)


def forged_archive(folder: Path) -> LiarNode:
    """What an older program kept: a forged page among the evidence, tables made of it, and a file
    that calls all of it attested.
    """
    node = honest()
    epoch, log = run_of(folder), forged_log()
    for sequence, page in log.pages.items():
        ours = page if sequence == 2 else node.log.pages[sequence]
        epoch.store(sequence, bytes(ours).rstrip(b"\xff") if sequence == 4 else bytes(ours))
    land_all(folder)
    (epoch.folder / "attested.json").write_text(json.dumps({"1": 4096, "2": 4096, "3": 4096}))
    assert not is_true(folder, node.log, whole=False)
    return node


def test_what_was_landed_before_is_corrected(tmp_path: Path) -> None:
    node = forged_archive(tmp_path)
    assert pull(node, tmp_path) == 1
    assert 2 not in evidence(tmp_path)
    assert is_true(tmp_path, node.log, whole=False)
    assert list((run_of(tmp_path).folder / "aside").iterdir())
    assert pull(node, tmp_path) == 0
    assert is_true(tmp_path, node.log)
    assert check(tmp_path).ok


def test_a_rebuild_prefers_what_the_node_confirmed(tmp_path: Path) -> None:
    """The pull that put it right was killed before the tables were."""
    node = forged_archive(tmp_path)
    tables = tmp_path / "kept"
    for name in ("records", "events", "pages", "holes", "channels"):
        shutil.copytree(tmp_path / name, tables / name)
    assert pull(node, tmp_path) == 1
    assert pull(node, tmp_path) == 0
    for name in ("records", "events", "pages", "holes", "channels"):
        shutil.rmtree(tmp_path / name)
        shutil.copytree(tables / name, tmp_path / name)
    shutil.rmtree(tables)
    genuine = evidence(tmp_path)
    found = check(tmp_path)
    assert any("not made from it" in finding.what for finding in found.findings)
    aside, _ = rebuild(tmp_path)
    assert not [name for name in aside if name.endswith(".page")]
    assert evidence(tmp_path) == genuine
    assert is_true(tmp_path, node.log)
    assert check(tmp_path).ok


def test_a_page_that_changed_on_the_disk_is_not_what_was_confirmed(tmp_path: Path) -> None:
    node = honest()
    assert pull(node, tmp_path) == 0
    path = run_of(tmp_path).path(2)
    path.write_bytes(bytes(forged_log().pages[2]))
    (finding,) = check(tmp_path).findings
    assert "not what the node confirmed" in finding.what
    aside, _ = rebuild(tmp_path)
    assert any("/aside/" in name for name in aside)
    assert pull(node, tmp_path) == 0
    assert is_true(tmp_path, node.log)


def impostor() -> LiarNode:
    """It knows the id, and says `open`: then nothing has to be proved."""
    node = LiarNode()
    node.log = forged_log()
    node.says_open = True
    return node


COMMANDS = ("status", "pull", "lock", "config get", "clock", "tail", "doctor", "update", "rollback")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_impostor_who_says_open_gets_nothing(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(vault, "load", lambda: vault.Vault({"north": FLEET}, "north"))
    node = honest()
    assert pull(node, tmp_path / "archive") == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    other = impostor()
    (tmp_path / "port").touch()
    words = [*command.split(), str(tmp_path / "port")]
    if command == "pull":
        words += ["--archive", str(tmp_path / "archive")]
    with shared(other):
        assert main(words) == 1
    told = capsys.readouterr()
    assert f"Node {NODE} says that it is open" in told.err + told.out
    assert {kind for kind, _ in other.heard} == {frame.HELLO}
    (tmp_path / "port").unlink()
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before == after


def test_another_computer_learns_it_from_the_archive(tmp_path: Path) -> None:
    assert pull(honest(), tmp_path) == 0
    shutil.rmtree(memory.folder())
    truth = evidence(tmp_path)
    assert pull(impostor(), tmp_path) == 1
    assert evidence(tmp_path) == truth
    assert is_true(tmp_path, honest().log)


def test_who_says_that_it_was_opened_is_believed(tmp_path: Path) -> None:
    node = honest()
    assert pull(node, tmp_path) == 0
    node.key = None
    assert pull(node, tmp_path) == 1
    assert main(["keys", "forget", NODE]) == 0
    assert pull(node, tmp_path) == 0


def keys_told(node: LiarNode) -> list[bytes]:
    key = node_key(FLEET, NODE)
    return [payload for _, payload in node.heard if key in payload]


@pytest.fixture(name="office")
def office_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with the fleet's key, and no credential besides."""
    kept = vault.Vault({"north": FLEET}, "north")
    monkeypatch.setattr(vault, "load", lambda: kept)


@pytest.mark.usefixtures("office")
def test_a_node_is_locked_when_it_has_proved_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    node = LiarNode()
    node.log.add(3)
    with shared(node):
        assert main(["lock", "/dev/liar"]) == 0
    assert "is locked" in capsys.readouterr().out
    assert len(keys_told(node)) == 1
    assert access.LOGIN in node.requests
    assert memory.recall(NODE) == memory.LOCKED


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize("claims", ["open", "locked"])
def test_who_only_says_that_it_is_locked_is_not_believed(
    claims: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """He takes the key and goes on as before, or says `locked` and cannot prove it."""
    node = impostor()
    taken: list[bytes] = []

    def take(payload: bytes) -> bytes:
        taken.append(payload)
        if claims == "locked":
            node.says_open, node.key = False, bytes(32)
        return b""

    node._answer_1d = take  # type: ignore[method-assign]
    with shared(node):
        assert main(["lock", "/dev/liar"]) == 1
    told = capsys.readouterr()
    assert "is locked with the key" not in told.out
    assert taken
    before = len(keys_told(node))
    node.says_open, node.key = True, None
    with shared(node):
        assert main(["lock", "/dev/liar"]) == 1
    assert len(keys_told(node)) == before, "the key travelled again"


@pytest.mark.usefixtures("office")
def test_a_key_goes_to_a_known_node_only_when_a_person_says_so() -> None:
    memory.remember(NODE, memory.LOCKED, "test")
    node = LiarNode()
    node.log.add(3)
    with shared(node):
        assert main(["lock", "/dev/liar"]) == 1
        assert main(["lock", "/dev/liar", "--was-opened", "02fb6be3ee97"]) == 1
        assert not keys_told(node)
        assert main(["lock", "/dev/liar", "--was-opened", NODE]) == 0
    assert len(keys_told(node)) == 1


def test_a_credential_says_that_its_node_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has been there yet: the office's file is enough to know."""
    from tirta.keys import box, office  # noqa: PLC0415

    monkeypatch.setenv("TIRTA_PASSPHRASE", "correct horse battery")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    file = tmp_path / "week.keys"
    content = {"credentials": [credential().as_json()]}
    file.write_bytes(box.close(content, "correct horse battery"))
    office.import_(file)
    assert pull(impostor(), tmp_path / "archive") == 1
    assert not list((tmp_path / "archive").rglob("*.page"))


def test_attested_pages_are_read_back(tmp_path: Path) -> None:
    assert pull(honest(), tmp_path) == 0
    known = Attested.of(run_of(tmp_path))
    assert sorted(known.pages) == sorted(evidence(tmp_path))
    assert all(known.pages[s].holds(data) for s, data in evidence(tmp_path).items())
    assert not known.pages[1].holds(evidence(tmp_path)[1][:-1])
    assert known.pages[1].size == pages.SIZE


def test_a_page_with_another_header_gives_way_when_the_node_denies_it(tmp_path: Path) -> None:
    """What waits is not dropped for an unconfirmed page of the same length."""
    node = honest()
    other = forged_log()
    head = pages.Header(2, 2, EPOCH, 7, 7, 1, other.config_hash)
    other.pages[2][:40] = pages.MARK + head.pack()
    run_of(tmp_path).store(2, bytes(other.pages[2]))
    node.lie = spoiling("silence")
    assert pull(node, tmp_path) == 1
    assert 2 in Quarantine(run_of(tmp_path)).pages()
    asked: list[int] = []

    def count(kind: int, replies: list[Reply]) -> list[Reply]:
        asked.extend(kind for kind, _ in replies if kind == frame.DATA)
        return replies

    node.lie = count
    assert pull(node, tmp_path) == 0
    assert not asked
    assert is_true(tmp_path, node.log)

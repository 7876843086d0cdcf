# SPDX-License-Identifier: MIT
"""No space left on device, at every block that a command writes: one message, and nothing is lost.

A command is given 0 free blocks, then 1, 2, … until it succeeds. Each time that it fails, what was
on the disk is as it was, what is new is whole, and the same command does its work once there is
room. `test_full_disk` has the limits of a process, which need no mount.
"""

import math
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from commands import TIRTA
from patience import run
from peer import Peer, peer_fixture  # noqa: F401
from small_disk import BLOCK, SmallDisk, disk_fixture  # noqa: F401
from support import office

from tirta.cli import main

Captured = pytest.CaptureFixture[str]
# What pulls note beside the pages: when holes were found, when files changed.
NOTES = {"a/n0de/77/ledger.json", "a/n0de/77/contents.json"}


def refused(capsys: Captured, words: list[str]) -> bool:
    """Run a command; whether it failed, and then in the one way that is allowed."""
    capsys.readouterr()
    code = main(words)
    told = capsys.readouterr()
    if code == 0:
        return False
    assert code == 1
    what, hint = told.err.splitlines()[-2:]
    assert what.startswith("tirta: Cannot write "), told.err
    assert what.endswith(": No space left on device.")
    assert hint.startswith("  Make room on the disk or name another place, then run the command")
    return True


def sweep(
    disk: SmallDisk,
    leave: Callable[[int], None],
    capsys: Captured,
    words: list[str],
    lefts: Iterable[int] = range(200),
) -> list[dict[str, bytes]]:
    """What was on the disk after each failure with 0, 1, 2, … left; the last one must succeed."""
    kept = disk.root.parent / "kept"
    shutil.copytree(disk.root, kept)
    before = disk.files()
    after: list[dict[str, bytes]] = []
    for left in lefts:
        disk.wipe()
        shutil.copytree(kept, disk.root, dirs_exist_ok=True)
        leave(left)
        failed = refused(capsys, words)
        now = disk.files()
        assert not [name for name in now if ".tmp" in name]
        if not failed:
            return after
        assert {n: now[n] for n in before if n not in NOTES} == {
            n: before[n] for n in before if n not in NOTES
        }, f"{left} left: what was there has changed"
        after.append(now)
        disk.make_room()
        assert not refused(capsys, words), f"{left} left, and then room was made"
    raise AssertionError("it never succeeded")


@pytest.mark.parametrize("what", ["blocks", "files"])
def test_pull(peer: Peer, disk: SmallDisk, tmp_path: Path, capsys: Captured, what: str) -> None:
    """Into an empty archive: evidence, ledger and every table, each at its turn."""
    peer.log.add(500)
    roomy = tmp_path / "roomy"
    assert main(["pull", peer.port, "--archive", str(roomy / "a")]) == 0
    whole = {str(p.relative_to(roomy)): p.read_bytes() for p in roomy.rglob("*") if p.is_file()}
    leave = disk.leave if what == "blocks" else disk.leave_files
    words = ["pull", peer.port, "--archive", str(disk.root / "a")]
    after = sweep(disk, leave, capsys, words)
    for found in after:
        assert {n: whole[n] for n in found if n not in NOTES} == {
            n: data for n, data in found.items() if n not in NOTES
        }, "what is there is whole"
    assert after[0] == {}
    assert set(after[-1]) == set(whole) - {"a/pages/node=n0de/epoch-77.parquet"}
    now = disk.files()
    assert {n: now[n] for n in whole if n not in NOTES} == {
        n: data for n, data in whole.items() if n not in NOTES
    }


def test_pull_of_what_is_new(peer: Peer, disk: SmallDisk, capsys: Captured) -> None:
    """The page that was being written grows, and the tables change: the old ones stay till then."""
    peer.log.add(400)
    words = ["pull", peer.port, "--archive", str(disk.root / "a")]
    assert main(words) == 0
    before = disk.files()
    peer.log.add(800)
    for left in range(30):  # each goes on from where the one before it stopped
        disk.leave(left)
        now = disk.files()
        failed = refused(capsys, words)
        after = disk.files()
        assert not [name for name in after if ".tmp" in name]
        for name in before:  # a page only ever grows, and nothing goes away
            if name.endswith(".page"):
                assert after[name].startswith(now[name])
        assert set(now) <= set(after)
        if not failed:
            break
    assert left > 2
    disk.make_room()
    assert main(["archive", "check", str(disk.root / "a")]) == 0
    assert main(words) == 0
    assert "the archive has 1200." in capsys.readouterr().out


def test_pull_tells_what_it_brought(peer: Peer, disk: SmallDisk, capsys: Captured) -> None:
    """A disk that fills up at the tables: the records are safe, and the technician reads so."""
    peer.log.add(1500)
    disk.leave(8)
    assert main(["pull", peer.port, "--archive", str(disk.root / "a")]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("1500 new records, 0 to 1499 from node n0de")
    assert told.err.startswith("tirta: Cannot write ")


def test_tables(peer: Peer, disk: SmallDisk, capsys: Captured) -> None:
    """All made anew from the evidence: the old ones are read until each new one is whole."""
    peer.log.add(1500)
    archive = disk.root / "a"
    assert main(["pull", peer.port, "--archive", str(archive)]) == 0
    assert len(sweep(disk, disk.leave, capsys, ["archive", "check", str(archive), "--rebuild"]))


OUTPUTS = {
    "csv": ("export", "--to", "csv"),
    "parquet": ("export", "--to", "parquet"),
    "sensorthings": ("export", "--to", "sensorthings"),
    "frictionless": ("export", "--to", "frictionless"),
    "page": ("report",),
    "picture": ("plot",),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_what_is_made_of_an_archive(
    peer: Peer, disk: SmallDisk, tmp_path: Path, capsys: Captured, kind: str
) -> None:
    """The file or folder of the last time stays until the new one is whole."""
    peer.log.add(150)
    archive, out = tmp_path / "a", disk.root / "out"
    assert main(["pull", peer.port, "--archive", str(archive)]) == 0
    command, *rest = OUTPUTS[kind]
    words = [command, str(archive), *rest, "--out", str(out)]
    assert main(words) == 0
    need = math.ceil(sum(map(len, disk.files().values())) / BLOCK)
    lefts = [0, 1, need // 2, need - 1, need + 40]  # a folder's files are not all full blocks
    assert len(sweep(disk, disk.leave, capsys, words, lefts)) >= 3


@pytest.mark.parametrize("words", [("keys", "export"), ("bundle", "key")])
def test_keys(
    disk: SmallDisk,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    """A copy of a key for the safe is whole, or there is none that somebody trusts in."""
    office(tmp_path, monkeypatch)
    disk.leave(0)
    copy = disk.root / "safe.key"
    assert refused(capsys, [*words, str(copy)])
    assert disk.files() == {}
    disk.make_room()
    assert main([*words, str(copy)]) == 0
    assert copy.stat().st_mode & 0o777 == 0o600


def test_the_vault(disk: SmallDisk, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only copy of the keys of all nodes."""
    office(disk.root, monkeypatch)
    before = disk.files()
    disk.leave(0)
    words = ["keys", "init", "--fleet", "east"]
    assert refused(capsys, words)
    assert disk.files() == before
    disk.make_room()
    assert main(words) == 0


def test_output_into_a_file(peer: Peer, disk: SmallDisk, tmp_path: Path) -> None:
    """`tirta query … > FILE`: the shell opened it, and only the message can tell that it is cut."""
    peer.log.add(1500)
    assert main(["pull", peer.port, "--archive", str(tmp_path / "a")]) == 0
    words = [*TIRTA, "query", str(tmp_path / "a"), "SELECT * FROM records", "--csv"]
    disk.leave(1)
    with (disk.root / "records.csv").open("wb") as out:
        done = run(words, stdout=out)
    assert done.returncode == 1
    what, hint = done.stderr.splitlines()
    assert what == "tirta: Cannot write the output: No space left on device."
    assert "incomplete" in hint

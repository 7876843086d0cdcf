# SPDX-License-Identifier: MIT
"""A disk that is full, a pull that is killed: what is there is whole, and the next run goes on."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import TIRTA, on_full_disk
from peer import Peer, peer_fixture  # noqa: F401
from pulled import check_records

from tirta.archive.evidence import Archive
from tirta.cli import main
from tirta.errors import TirtaError
from tirta.files.atomic import write
from tirta.node import Node
from tirta.pull.pull import pull


def test_pull_on_a_full_disk(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(2000)
    done = on_full_disk(3000, "pull", peer.port, "--archive", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("tirta: Cannot write ")
    assert "Make room" in done.stderr
    assert not list(tmp_path.rglob("*.page"))
    assert not list(tmp_path.rglob("*.tmp*"))
    with Node(peer.port) as node:
        assert pull(node, tmp_path).records == 2000


@pytest.mark.parametrize("to", ["csv", "parquet"])
def test_export_on_a_full_disk_keeps_the_old_file(peer: Peer, tmp_path: Path, to: str) -> None:
    peer.log.add(2000)
    with Node(peer.port) as node:
        pull(node, tmp_path)
    out = tmp_path / f"records.{to}"
    out.write_text("old")
    done = on_full_disk(1000, "export", str(tmp_path), "--to", to)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("tirta: Cannot write ")
    assert out.read_text() == "old"
    assert not list(tmp_path.glob(".*"))
    assert main(["export", str(tmp_path), "--to", to]) == 0
    assert out.stat().st_size > 1000


def test_plot_on_a_full_disk(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(100)
    with Node(peer.port) as node:
        pull(node, tmp_path)
    done = on_full_disk(1000, "plot", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("tirta: Cannot write ")
    assert not list(tmp_path.glob("*.png"))


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TirtaError, match="Cannot write"):
        write(tmp_path / "file" / "below", b"x")


def test_killed_pull_goes_on(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(20000)
    peer.frame_s = 0.002
    chance = random.Random(3)
    kills = 0
    for _ in range(7):
        process = subprocess.Popen(
            [*TIRTA, "pull", peer.port, "--archive", str(tmp_path)], stdout=subprocess.DEVNULL
        )
        seen = len(list(tmp_path.rglob("*.page")))
        while process.poll() is None and len(list(tmp_path.rglob("*.page"))) == seen:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        for page in Archive(tmp_path).epochs()[0].pages().values():
            assert page.complete or page.sequence == peer.log.seq
    assert kills > 2
    with Node(peer.port) as node:
        result = pull(node, tmp_path)
    assert result.holes == []
    assert result.total == 20000
    assert not list(tmp_path.rglob("*.tmp*"))
    check_records(tmp_path, 20000)

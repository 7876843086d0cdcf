# SPDX-License-Identifier: MIT
"""A disk that is really full: a small file system in memory, mounted for a test.

Mounting is for root, as which CI runs; where it is refused the test skips and says so. Space is
given in blocks of 4096 bytes, of which each file that is not empty has at least one.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

BLOCK = 4096
_ROOMY = 4096  # blocks
_FILES = 256


class SmallDisk:
    """A file system at `root`. `leave` and `leave_files` make it full, `make_room` ends that."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def leave(self, blocks: int) -> None:
        """Leave so many blocks free."""
        self.make_room()
        (self.root / ".fill").mkdir()
        (self.root / ".fill/block").write_bytes(bytes(BLOCK))  # for a size of 0 has no limit
        told = os.statvfs(self.root)
        used = told.f_blocks - told.f_bfree
        self._again(f"size={(used + blocks) * BLOCK},nr_inodes={_FILES}")
        assert os.statvfs(self.root).f_bfree == blocks

    def leave_files(self, files: int) -> None:
        """Leave room for so many files or folders, however small."""
        self.make_room()
        fill = self.root / ".fill"
        fill.mkdir()
        for number in range(os.statvfs(self.root).f_ffree - files):
            (fill / str(number)).touch()

    def make_room(self) -> None:
        """As a person does who deletes something else."""
        shutil.rmtree(self.root / ".fill", ignore_errors=True)
        self._again(f"size={_ROOMY * BLOCK},nr_inodes={_FILES}")

    def wipe(self) -> None:
        """Begin anew, with an empty disk."""
        self.make_room()
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def files(self) -> dict[str, bytes]:
        """Everything that is on it, by path."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.parent.name != ".fill"
        }

    def _again(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.root)], check=True)


@pytest.fixture(name="disk")
def disk_fixture(tmp_path: Path) -> Iterator[SmallDisk]:
    root = tmp_path / "disk"
    root.mkdir()
    options = f"size={_ROOMY * BLOCK},nr_inodes={_FILES}"
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tirta-test", str(root)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("no `mount` here: a full disk cannot be made")
    if mounted.returncode:
        pytest.skip(f"mounting is refused, so no disk can be made full: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)

# SPDX-License-Identifier: MIT
"""A disk of which only what was flushed outlives a power cut: file contents by fsync of the file,
names by fsync of the folder. It stands behind `tirta.files.atomic`, which alone flushes.
"""

import random
import shutil
from pathlib import Path

import pytest

from tirta.files import atomic


class PowerCutError(Exception):
    """The power is gone."""


class DurableDisk:
    """Below `root`; the power goes at the flush number `cut_at`, before or behind it as chance
    wills.
    """

    def __init__(self, root: Path, chance: random.Random, cut_at: int) -> None:
        self.root = root
        self.flushes = 0
        self._chance = chance
        self._cut_at = cut_at
        self._contents: dict[int, bytes] = {}  # by inode
        self._names: dict[Path, int | None] = {}  # what a folder shows: inode; None of a folder

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand behind every flush from now on."""
        patch.setattr(atomic, "flush", self.flush)

    def flush(self, path: Path) -> None:
        """Keep what is there now."""
        self.flushes += 1
        late = self._chance.random() < 0.5
        if self.flushes == self._cut_at and not late:
            raise PowerCutError
        if path.is_dir():
            gone = [p for p in self._names if p.parent == path]
            for each in gone:
                del self._names[each]
            for each in path.iterdir():
                self._names[each] = None if each.is_dir() else each.stat().st_ino
        else:
            self._contents[path.stat().st_ino] = path.read_bytes()
        if self.flushes == self._cut_at:
            raise PowerCutError

    def cut_after(self, flushes: int) -> None:
        """Let the power go at so many flushes from now on."""
        self.flushes, self._cut_at = 0, flushes

    def power_back(self) -> None:
        """Leave of the folder what a disk still has."""
        kept = {}
        for path, inode in self._names.items():
            above = path.parent
            while above != self.root and self._names.get(above, 0) is None:
                above = above.parent
            if above == self.root and inode is not None:
                content = self._contents.get(inode)
                kept[path] = self._torn(path) if content is None else content
        shutil.rmtree(self.root)
        self.root.mkdir()
        self.flushes = self._cut_at = 0
        self._names, self._contents = {}, {}
        for path, content in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for path in self.root.rglob("*"):
            self._names[path] = None if path.is_dir() else path.stat().st_ino
        self._contents = {path.stat().st_ino: content for path, content in kept.items()}

    def _torn(self, path: Path) -> bytes:
        """A name that is there without its content."""
        data = path.read_bytes() if path.exists() else b""
        return data[: self._chance.randrange(len(data) + 1)]

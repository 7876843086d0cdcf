# SPDX-License-Identifier: MIT
"""Which files a command touches: Python itself tells of each."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Watch:
    """Which files are opened for writing, made, moved or removed while a command runs."""

    writing: set[str] | None = None
    reading: set[str] | None = None

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.writing is None or self.reading is None:
            return
        if event == "open" and isinstance(args[0], str):
            into = self.writing if args[2] & (os.O_WRONLY | os.O_RDWR) else self.reading
            into.add(args[0])
        elif event in {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink"}:
            self.writing.update(str(arg) for arg in args if isinstance(arg, str | os.PathLike))


WATCH = Watch()
sys.addaudithook(WATCH)


@contextmanager
def watched(*folders: Path, never: tuple[str, ...] = ()) -> Iterator[None]:
    """Nothing is written outside these folders, and no file that a node could name is read."""
    WATCH.writing, WATCH.reading = set(), set()
    try:
        yield
    finally:
        writing, reading = WATCH.writing, WATCH.reading
        WATCH.writing = WATCH.reading = None
    roots = tuple(map(str, folders))
    outside = {p for p in writing if not p.startswith((*roots, "/dev/null")) and ".pyc" not in p}
    assert not outside
    assert not [p for p in reading if any(p == bad for bad in never)]

# SPDX-License-Identifier: MIT
"""Files that are there whole or not at all.

A file is written beside its place under a temporary name, flushed to the disk, and renamed. A full
disk, a Ctrl-C or a pulled battery leaves the old file, or none.
"""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from tirta.errors import TirtaError

TEMPORARY = ".tmp"
WINDOWS = os.name == "nt"
_OLD_S = 3600  # a file is written in much less
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # errors of a disk, or a share of it, without room

SAID_ELSEWHERE = (  # by the system, of a file
    "No such file or directory", "Permission denied", "Is a directory", "Not a directory",
    "File exists", "No space left on device", "Read-only file system", "File name too long",
    "Input/output error", "Invalid argument",
)  # fmt: skip


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, the file takes its place."""
    temporary = path.with_name(f".{path.name}{TEMPORARY}{os.getpid()}")
    try:
        try:
            make_folder(path.parent)
            yield temporary
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)
        except OSError as error:
            raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, flushed, so that what is written into it stays in reach."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    path.mkdir(exist_ok=True)
    flush(path.parent)


def write(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def abandoned(temporary: Path) -> bool:
    """Return whether nobody writes a temporary file any more: its process is gone, or it is old."""
    with contextlib.suppress(OSError):
        if time.time() - temporary.stat().st_mtime > _OLD_S:
            return True
    digits = temporary.name.rpartition(TEMPORARY)[2].partition(".")[0]
    if WINDOWS or not digits.isdecimal():
        return False  # Windows cannot ask without ending what it asks for
    try:
        os.kill(int(digits), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


def move(source: Path, target: Path) -> None:
    """Give a file that was written whole another place, in place of what is there."""
    try:
        make_folder(target.parent)
        source.replace(target)
        flush(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error


def write_secret(path: Path, content: bytes) -> None:
    """Write a whole file that only its owner can read, at no time anybody else."""
    with replacing(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_bytes(content)


def flush_tree(folder: Path) -> None:
    """Flush a folder and everything in it to the disk."""
    for path in [*folder.rglob("*"), folder]:
        flush(path)


def cannot_write(path: Path, error: OSError) -> TirtaError:
    """Make the one message for a file that could not be written.

    The system's words for its error, where it has one: libraries wrap theirs around it.
    """
    why = os.strerror(error.errno) if error.errno else str(error)
    first = "Make room on the disk" if error.errno in FULL else "Check its folder and your rights"
    return TirtaError(
        f"Cannot write {path}: {why}.",
        f"{first} or name another place, then run the command again; nothing is half written.",
    )


def flush(path: Path) -> None:
    """Wait until it is on the disk. Windows flushes only what is open for writing, and no folder:
    there the name is as durable as the file system makes it.
    """
    if WINDOWS and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

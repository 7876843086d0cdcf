# SPDX-License-Identifier: MIT
"""Where virtual nodes live: one directory per name, and a socket in it as long as the supervisor
runs.

`TIRTA_VIRTUAL_DIR` names another place; by default it is the user's state directory. A node that
was taken down leaves its flash and its log there until the next one of that name.
"""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tirta.errors import TirtaError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
_REPLY_S = 60.0


def root() -> Path:
    """Return the folder that has a folder for each virtual node."""
    if named := os.environ.get("TIRTA_VIRTUAL_DIR"):
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "tirta" / "virtual"


def folder(name: str) -> Path:
    """Return the folder of a virtual node; it need not exist."""
    if not _NAME.fullmatch(name):
        raise TirtaError(
            f"{name!r} cannot be the name of a node.",
            "Use up to 31 lower-case letters, digits, - and _, beginning with a letter or digit.",
        )
    return root() / name


def names() -> list[str]:
    """Return the virtual nodes that there are, up or not, sorted."""
    if not root().is_dir():
        return []
    return sorted(p.name for p in root().iterdir() if _NAME.fullmatch(p.name) and p.is_dir())


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """Let only one process at a time start or end a node."""
    import fcntl  # noqa: PLC0415 - Windows has none, and starts no node

    path = folder(name)
    path.mkdir(parents=True, exist_ok=True)
    with (path / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Give a short name for the node's socket: the real one may be too long for an address."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/control"
    finally:
        os.close(descriptor)


def ask(name: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """Ask the supervisor; return its answer, or None where none runs."""
    path = folder(name)
    if not path.is_dir():
        return None
    with socket.socket(socket.AF_UNIX) as link, socket_address(path) as address:
        link.settimeout(_REPLY_S)
        try:
            link.connect(address)
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile("rb") as reply:
                line = reply.readline()
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
            return None
        except TimeoutError as error:
            raise TirtaError(
                f"The supervisor of {name} does not answer.", f"See {path / 'supervisor.log'}."
            ) from error
    if not line:
        return None
    answer: dict[str, Any] = json.loads(line)
    return answer

# SPDX-License-Identifier: MIT
"""Virtual nodes for tests, started and remembered; and the real mpremote beside them."""

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patience import run

from tirta import virtual

FAST_BAUD = 3_000_000  # the line's speed is tested where it matters; elsewhere it only costs time


@dataclass
class Mpremote:
    """The real mpremote, as a user runs it."""

    port: str

    def __call__(self, *arguments: str | Path) -> str:
        command = [sys.executable, "-m", "mpremote", "connect", self.port, *arguments]
        done = run(command, text=False)
        if done.returncode:
            told = f"mpremote {arguments}: {done.stdout!r} {done.stderr!r}"
            raise AssertionError(f"{told}; the port is open in {_holders(self.port)}")
        said: str = done.stdout.decode()
        return said.replace("\r\n", "\n")

    def run(self, code: str) -> str:
        return self("exec", code)

    def resume(self, code: str) -> str:
        """Without the soft reset that comes first otherwise."""
        return self("resume", "exec", code)


def _holders(port: str) -> list[str]:
    """The command lines of the processes that have it open."""
    found, device = [], os.path.realpath(port)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) == device:
                words = (link.parent.parent / "cmdline").read_bytes().split(b"\0")
                found.append(b" ".join(words).decode(errors="replace")[:200])
    return found


class Nodes:
    """Starts nodes and remembers them."""

    def up(self, name: str = "bare", **options: Any) -> virtual.VirtualNode:
        return virtual.up(name, **({"baud": FAST_BAUD} | options))

    def mpremote(self, name: str = "bare", **options: Any) -> Mpremote:
        return Mpremote(self.up(name, **options).port)

    def status(self, name: str = "bare") -> dict[str, Any]:
        return virtual.control(name, {"do": "status"})

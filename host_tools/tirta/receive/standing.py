# SPDX-License-Identifier: MIT
"""How each node stands that a centre has heard of: ARCHIVE/NODE/received.json, for `--status`.

A node is *behind* where it told of pages that are not here, and *silent* where it has not been
heard for longer than `SILENT_S`.
"""

import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tirta.errors import TirtaError
from tirta.files import atomic

SILENT_S = 26 * 3600  # a node says hello once a day at least
OK, BEHIND, SILENT = "ok", "behind", "silent"
_FILE = "received.json"
_NODE = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Standing:
    """As of the last time that something of the node came, `heard`, Unix time in s."""

    node: str
    heard: int
    epoch: int
    records: int
    next_number: int
    missing_pages: int
    missing: int
    lost: int

    def save(self, root: Path) -> None:
        """Write it, whole or not at all."""
        atomic.write(root / self.node / _FILE, json.dumps(asdict(self)).encode() + b"\n")

    @classmethod
    def of(cls, folder: Path) -> Self | None:
        """Read that of a node's folder; None where no file says anything sensible."""
        try:
            found = json.loads((folder / _FILE).read_bytes())
            numbers = {name: found[name] for name in cls.__annotations__ if name != "node"}
            fits = all(type(n) is int and 0 <= n < 1 << 53 for n in numbers.values())
            return cls(folder.name, **numbers) if fits else None
        except (OSError, LookupError, ValueError, TypeError, RecursionError):
            return None

    def state(self, now: float) -> str:
        """Say OK, BEHIND or SILENT."""
        if now - self.heard > SILENT_S:
            return SILENT
        return BEHIND if self.missing_pages or self.missing else OK

    def as_json(self, now: float) -> dict[str, Any]:
        """Give what `tirta receive --status --json` prints of it."""
        return {**asdict(self), "state": self.state(now), "silent_s": math.floor(now - self.heard)}


def all_of(root: Path) -> list[Standing]:
    """Read how the nodes of an archive stand, by id. Raises TirtaError where none was heard."""
    found = [Standing.of(path.parent) for path in sorted(root.glob(f"*/{_FILE}"))]
    known = [one for one in found if one and _NODE.fullmatch(one.node)]
    if not known:
        raise TirtaError(
            f"No node was ever heard for the archive {root}.",
            "Name the folder that `tirta receive --archive DIR` writes to.",
        )
    return known

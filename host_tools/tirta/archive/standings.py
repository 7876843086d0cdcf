# SPDX-License-Identifier: MIT
"""How each node stands that a centre has heard of: ARCHIVE/standings.sqlite, a row a node.

A node is *behind* where it told of pages or records that are not here, and *silent* where it has
not been heard for longer than `SILENT_S`, or never. SQLite keeps the file, so that several
processes may write to it and whoever reads it sees whole rows; it is made from what nodes say, so
one that was lost fills again.
"""

import contextlib
import math
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from tirta.errors import TirtaError

FILE = "standings.sqlite"
SILENT_S = 26 * 3600  # a node says hello once a day at least
OK, BEHIND, SILENT = "ok", "behind", "silent"
UNKNOWN_CLOCK_MS = -1
_LAYOUT = 1
_NODE = re.compile(r"[0-9a-f]{12}")
_WAIT_S = 60.0  # for another process that writes


@dataclass(frozen=True)
class Standing:
    """As of the last time that something of the node came, `heard`, Unix time in s; 0 is never.

    `clock_ms` is how unsure the node's clock is, -1 where it has no time; `alarms` are the names
    of those that are raised, with commas between them; the battery is in V.
    """

    node: str
    heard: int
    epoch: int = 0
    records: int = 0
    next_number: int = 0
    missing_pages: int = 0
    missing: int = 0
    lost: int = 0
    clock_ms: int = UNKNOWN_CLOCK_MS
    firmware: str = ""
    battery_v: float | None = None
    alarms: str = ""

    def state(self, now: float) -> str:
        """Say OK, BEHIND or SILENT."""
        if now - self.heard > SILENT_S:
            return SILENT
        return BEHIND if self.missing_pages or self.missing else OK

    def as_json(self, now: float) -> dict[str, Any]:
        """Give what `tirta receive --status --json` prints of it."""
        return {**asdict(self), "state": self.state(now), "silent_s": math.floor(now - self.heard)}


class Home(NamedTuple):
    """Where a node belongs, as the district files say."""

    district: str  # the name of its file, without .toml
    name: str


COLUMNS = tuple(field.name for field in fields(Standing))
_MAKE = """
CREATE TABLE IF NOT EXISTS nodes (
  node TEXT PRIMARY KEY, heard INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,
  records INTEGER NOT NULL DEFAULT 0, next_number INTEGER NOT NULL DEFAULT 0,
  missing_pages INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0, clock_ms INTEGER NOT NULL DEFAULT -1,
  firmware TEXT NOT NULL DEFAULT '', battery_v REAL, alarms TEXT NOT NULL DEFAULT '',
  district TEXT NOT NULL DEFAULT '', name TEXT NOT NULL DEFAULT '',
  changed INTEGER NOT NULL DEFAULT 0  -- grows with every write, for who reads only what is new
);
CREATE INDEX IF NOT EXISTS changes ON nodes (changed);
PRAGMA user_version = 1;
"""
_NEXT = "(SELECT coalesce(max(changed), 0) + 1 FROM nodes)"
_SAVE = (
    f"INSERT INTO nodes ({', '.join(COLUMNS)}, changed)"  # noqa: S608 - names of our own columns
    f" VALUES ({', '.join('?' * len(COLUMNS))}, {_NEXT}) ON CONFLICT (node) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*COLUMNS[1:], "changed"))
)
_ASSIGN = f"""
INSERT INTO nodes (node, district, name, changed) VALUES (?, ?, ?, {_NEXT})
ON CONFLICT (node) DO UPDATE
SET district = excluded.district, name = excluded.name, changed = excluded.changed
WHERE district <> excluded.district OR name <> excluded.name
"""  # noqa: S608 - nothing from outside is in it


@contextlib.contextmanager
def _opened(root: Path, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
    """A transaction on the file of an archive, which is made where it lacks; one that only reads
    waits for no other. Raises TirtaError.
    """
    path = root / FILE
    try:
        root.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=_WAIT_S)) as con:
            if con.execute("PRAGMA user_version").fetchone()[0] != _LAYOUT:
                con.executescript(_MAKE)
            with con:
                con.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield con
    except (OSError, sqlite3.Error) as error:
        raise TirtaError(
            f"Cannot keep how nodes stand in {path}: {error}.",
            "Look at the disk and its rights; if the file is damaged, remove it: it fills again.",
        ) from error


def save(root: Path, standings: Iterable[Standing]) -> None:
    """Write rows, all or none. Raises TirtaError."""
    with _opened(root) as con:
        con.executemany(_SAVE, map(astuple, standings))


def assign(root: Path, homes: Mapping[str, Home]) -> None:
    """Say where nodes belong, all or none; those that were never heard get a row. Raises
    TirtaError.
    """
    with _opened(root) as con:
        known = {node for (node,) in con.execute("SELECT node FROM nodes WHERE district <> ''")}
        gone = [(node, "", "") for node in known - homes.keys()]
        con.executemany(_ASSIGN, [*gone, *((node, *home) for node, home in homes.items())])


def forget(root: Path, nodes: Iterable[str]) -> None:
    """Remove the rows of nodes that are no longer this archive's. Raises TirtaError."""
    with _opened(root) as con:
        con.executemany("DELETE FROM nodes WHERE node = ?", ((node,) for node in nodes))


def heard(root: Path, node: str) -> int | None:
    """Return when something of a node came last, Unix time in s; None where nobody knows."""
    if not (root / FILE).exists():
        return None
    with _opened(root, writes=False) as con:
        row = con.execute("SELECT heard FROM nodes WHERE node = ?", (node,)).fetchone()
    return int(row[0]) if row and row[0] else None


def all_of(root: Path) -> list[Standing]:
    """Read how the nodes of an archive stand, by id. Raises TirtaError where none was heard."""
    found = []
    if (root / FILE).exists():
        with _opened(root, writes=False) as con:
            rows = con.execute(f"SELECT {', '.join(COLUMNS)} FROM nodes ORDER BY node")  # noqa: S608
            found = [Standing(*row) for row in rows if _NODE.fullmatch(row[0])]
    if not found:
        raise TirtaError(
            f"No node was ever heard for the archive {root}.",
            "Name the folder that `tirta receive --archive DIR` writes to.",
        )
    return found

# SPDX-License-Identifier: MIT
"""Evidence of many nodes in one file, ARCHIVE/evidence.sqlite, where a folder for each would be
too many: what a centre keeps that receives into a lake.

It holds what an archive's folders hold, page by page, and is read by the same commands. SQLite
makes a step of many nodes durable with one flush, all of it or nothing; several processes may
write. What lies in the folders of the same archive counts, too.
"""

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tirta.errors import TirtaError

FILE = "evidence.sqlite"
WHOLE_NODE = -1  # in place of an epoch: a note about the node
_LAYOUT = 1
_WAIT_S = 120.0  # for another process that writes
_MAKE = """
PRAGMA page_size = 8192;
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS pages (
  node TEXT NOT NULL, epoch INTEGER NOT NULL, page INTEGER NOT NULL, size INTEGER NOT NULL,
  header_crc INTEGER NOT NULL, changed_ns INTEGER NOT NULL,
  known TEXT NOT NULL DEFAULT '',  -- what decoding it told, as in contents.json
  data BLOB NOT NULL,
  PRIMARY KEY (node, epoch, page)
);
CREATE TABLE IF NOT EXISTS confirmed (  -- by the node itself: its first `size` bytes
  node TEXT NOT NULL, epoch INTEGER NOT NULL, page INTEGER NOT NULL, size INTEGER NOT NULL,
  sha256 TEXT NOT NULL, PRIMARY KEY (node, epoch, page)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aside (
  node TEXT NOT NULL, epoch INTEGER NOT NULL, page INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS configs (
  node TEXT NOT NULL, epoch INTEGER NOT NULL, hash INTEGER NOT NULL, text BLOB NOT NULL,
  parsed TEXT NOT NULL DEFAULT '',  -- checked, with defaults: so that it is done once
  PRIMARY KEY (node, epoch, hash)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (
  node TEXT NOT NULL, epoch INTEGER NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (node, epoch, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (  -- pages that are in no batch yet
  node TEXT NOT NULL, epoch INTEGER NOT NULL, page INTEGER NOT NULL,
  PRIMARY KEY (node, epoch, page)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (  -- of each writer the last one; its plan until it is done
  writer TEXT PRIMARY KEY, version INTEGER NOT NULL, plan TEXT NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
_STORE = """
INSERT INTO pages (node, epoch, page, size, header_crc, changed_ns, data)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node, epoch, page) DO UPDATE SET
size = excluded.size, header_crc = excluded.header_crc, changed_ns = excluded.changed_ns,
data = excluded.data
"""


class PageRow(NamedTuple):
    """A page without its bytes."""

    page: int
    size: int
    header_crc: int
    changed_ns: int


class Pack:
    """The file of an archive; it is made by `make`, and opened when something is asked of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened: sqlite3.Connection | None = None
        self._depth = 0

    @property
    def path(self) -> Path:
        """The file."""
        return self.root / FILE

    def __reduce__(self) -> tuple[Any, ...]:
        return Pack, (self.root,)  # another process opens its own

    @classmethod
    def of(cls, root: Path) -> "Pack | None":
        """Return that of an archive; None where it has none."""
        return cls(root) if (root / FILE).is_file() else None

    @classmethod
    def make(cls, root: Path) -> "Pack":
        """Return that of an archive, which is made where it lacks. Raises TirtaError, also where
        there are folders: one archive has one or the other.
        """
        if not (root / FILE).is_file() and next(root.glob("*/*/pages"), None):
            raise TirtaError(
                f"{root} keeps its pages in folders, and what fills a lake keeps them in one file.",
                "Name a new archive; `tirta lake write` brings this one into the lake.",
            )
        with contextlib.suppress(FileExistsError):  # what it is then is told below
            root.mkdir(parents=True, exist_ok=True)
        pack = cls(root)
        row = "", WHOLE_NODE, "name", secrets.token_hex(8).encode()
        pack.change("INSERT OR IGNORE INTO notes VALUES (?, ?, ?, ?)", [row])
        return pack

    @property
    def name(self) -> str:
        """What names this file for ever, and no other."""
        return (self.note("", WHOLE_NODE, "name") or b"").decode()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Make what is written in the block durable when it ends, all of it or nothing. Raises
        TirtaError.
        """
        with self._guarded():
            if self._depth:
                yield
                return
            con = self._connection()
            con.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                con.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    con.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def rows(self, sql: str, values: Iterable[object] = ()) -> list[Any]:
        """Return rows. Raises TirtaError."""
        with self._guarded():
            return self._connection().execute(sql, tuple(values)).fetchall()

    def each(self, sql: str, values: Iterable[object] = ()) -> Iterator[Any]:
        """Yield rows as they are read: of a question whose answer may be larger than the memory.
        Raises TirtaError.
        """
        with self._guarded():
            yield from self._connection().execute(sql, tuple(values))

    def change(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement for each row, all or none. Raises TirtaError."""
        with self.together():
            self._connection().executemany(sql, rows)

    def pages(self, node: str, epoch: int, only: Iterable[int] | None = None) -> list[PageRow]:
        """Return the pages of a node's epoch, ascending; all of them, or these."""
        sql = "SELECT page, size, header_crc, changed_ns FROM pages WHERE node = ? AND epoch = ?"
        if only is None:
            rows = self.rows(f"{sql} ORDER BY page", (node, epoch))
        else:
            one = f"{sql} AND page = ?"
            rows = [row for page in sorted(only) for row in self.rows(one, (node, epoch, page))]
        return [PageRow(*row) for row in rows]

    def epochs(self) -> list[tuple[str, int]]:
        """Return every node and epoch that there are pages of."""
        return self.rows("SELECT DISTINCT node, epoch FROM pages")

    def page(self, node: str, epoch: int, page: int) -> bytes:
        """Return what is known of a page; nothing where it is not here."""
        sql = "SELECT data FROM pages WHERE node = ? AND epoch = ? AND page = ?"
        found = self.rows(sql, (node, epoch, page))
        return bytes(found[0][0]) if found else b""

    def store(self, node: str, epoch: int, page: int, header_crc: int, data: bytes) -> None:
        """Keep a page, in place of what was there, and note that it has changed."""
        row = node, epoch, page, len(data), header_crc, time.time_ns(), data
        with self.together():
            self.change(_STORE, [row])
            self.change("INSERT OR IGNORE INTO changes VALUES (?, ?, ?)", [row[:3]])

    def set_aside(self, node: str, epoch: int, page: int) -> None:
        """Keep what is there, where nothing reads it."""
        row = time.time_ns(), node, epoch, page
        with self.together():
            self.change(
                "INSERT INTO aside SELECT node, epoch, page, ?, data FROM pages"
                " WHERE node = ? AND epoch = ? AND page = ?", [row],
            )  # fmt: skip
            self.change("DELETE FROM pages WHERE node = ? AND epoch = ? AND page = ?", [row[1:]])

    def note(self, node: str, epoch: int, name: str) -> bytes | None:
        """Return what is noted of a node's epoch under a name."""
        sql = "SELECT content FROM notes WHERE node = ? AND epoch = ? AND name = ?"
        found = self.rows(sql, (node, epoch, name))
        return bytes(found[0][0]) if found else None

    def keep_note(self, node: str, epoch: int, name: str, content: bytes) -> None:
        """Note something, in place of what was noted."""
        self.change(
            "INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)", [(node, epoch, name, content)]
        )

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            # The loop that receives may run in another thread than what made this.
            con = sqlite3.connect(
                self.root / FILE, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
            if con.execute("PRAGMA user_version").fetchone()[0] != _LAYOUT:
                con.executescript(_MAKE)
            con.execute("PRAGMA synchronous = FULL")
            self._opened = con
        return self._opened

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise TirtaError(
                f"Cannot use the evidence in {self.root / FILE}: {error}.",
                "Look at the disk and its rights; what was stored until now is whole.",
            ) from error

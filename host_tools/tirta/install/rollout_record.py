# SPDX-License-Identifier: MIT
"""What a roll-out has done with each node: one SQLite file, a row for each step, none ever changed.

A step is on the disk before what it tells of is done, so that a process that was killed anywhere
knows afterwards which nodes it must look at. The file is held while a roll-out goes on: a second
one of the same bundle is refused, and a killed one lets go.
"""

import getpass
import platform
import sqlite3
import threading
import time
from dataclasses import asdict, astuple, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.image.build import MANIFEST
from tirta.image.bundle import Bundle

SENDING = "sending"  # nothing runs that was not there before
TRYING = "trying"  # from here on the node may be on trial, or have decided
CONFIRMED, HAD_IT = "confirmed", "had it"
WENT_BACK, SILENT = "went back", "silent since its trial"
OWED, REFUSED = "owed", "refused"
SAID_ELSEWHERE = (
    "sending", "trying", "confirmed", "had it", "went back", "silent since its trial", "owed",
    "refused",
)  # fmt: skip
GOOD = frozenset({CONFIRMED, HAD_IT})
FAILED = frozenset({WENT_BACK, SILENT})
SYNCHRONOUS = "FULL"  # SQLite's word: on the disk when it says so
_MAKE = """
CREATE TABLE IF NOT EXISTS bundle (
  sha256 TEXT NOT NULL, version TEXT NOT NULL, board TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS steps (
  link TEXT NOT NULL, node TEXT NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class NodeStep:
    """What became of a node: `link` is how it is reached, `at` Unix time in s, `who` did it,
    `before` and `after` are versions, `state` is one of the words above, `why` a sentence or empty.
    """

    link: str
    node: str
    at: int
    who: str
    before: str
    after: str
    state: str
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give its values by name."""
        return asdict(self)


_NAMES = ", ".join(field.name for field in fields(NodeStep))
_ADD = f"INSERT INTO steps ({_NAMES}) VALUES ({', '.join('?' * len(fields(NodeStep)))})"  # noqa: S608


class Record:
    """The file of one bundle's roll-out, held until `close`. Threads may use it at once."""

    def __init__(self, path: Path, bundle: Bundle) -> None:
        """Open the file, or make it. Raises TirtaError where it is another bundle's, or held."""
        self.path = path
        self._version = bundle.version
        self._who = f"{_user()}@{platform.node()}"
        self._lock = threading.Lock()
        self._last: dict[str, NodeStep] = {}
        try:
            atomic.make_folder(path.parent)
            self._con = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise _cannot_keep(path, error) from error
        try:
            self._hold(bundle)
        except BaseException:
            self._con.close()
            raise

    def _hold(self, bundle: Bundle) -> None:
        told = (digest(bundle), bundle.version, bundle.board)
        try:
            # The system lets go of it when the process ends, however it ends.
            self._con.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._con.execute("PRAGMA journal_mode = WAL")  # a step costs one flush
            self._con.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
            self._con.execute("BEGIN EXCLUSIVE")
            for command in _MAKE.split(";\n"):
                self._con.execute(command)
            found = self._con.execute("SELECT sha256, version, board FROM bundle").fetchone()
            if found is None:
                self._con.execute("INSERT INTO bundle VALUES (?, ?, ?)", told)
            self._con.execute("COMMIT")
            rows = self._con.execute(f"SELECT {_NAMES} FROM steps ORDER BY rowid")  # noqa: S608
            self._last = {row[0]: NodeStep(*row) for row in rows}
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise TirtaError(
                    f"Another roll-out of this bundle goes on: it holds {self.path}.",
                    "Wait for it, or end it with Ctrl-C; then run the command again.",
                ) from error
            raise _cannot_keep(self.path, error) from error
        except sqlite3.Error as error:
            raise _cannot_keep(self.path, error) from error
        if found not in (None, told):
            raise TirtaError(
                f"{self.path} is the record of another bundle, version {found[1]}.",
                "Name another file: --record FILE.",
            )

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()

    def of(self, link: str) -> NodeStep | None:
        """Return the last step of a node."""
        with self._lock:
            return self._last.get(link)

    def last(self) -> list[NodeStep]:
        """Return the last step of each node, the oldest first."""
        with self._lock:
            return sorted(self._last.values(), key=lambda step: step.at)

    def add(
        self, link: str, state: str, *, node: str = "", before: str = "", why: str = ""
    ) -> NodeStep:
        """Put a step on the disk, and return it. Raises TirtaError where there is no room."""
        known = self.of(link)
        if known:
            node, before = node or known.node, before or known.before
        step = NodeStep(link, node, int(time.time()), self._who, before, self._version, state, why)
        with self._lock:
            try:
                self._con.execute(_ADD, astuple(step))
            except sqlite3.Error as error:
                raise _cannot_keep(self.path, error) from error
            self._last[link] = step
        return step


def digest(bundle: Bundle) -> str:
    """Return what names a bundle, signed or not: the SHA-256 of its manifest."""
    return sha256(bundle.app[MANIFEST]).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in some containers
        return "unknown"


def _cannot_keep(path: Path, error: Exception) -> TirtaError:
    return TirtaError(
        f"Cannot keep the record of the roll-out in {path}: {error}.",
        "Look at the disk and its rights, or name another file: --record FILE. No node is begun"
        " without it.",
    )

# SPDX-License-Identifier: MIT
"""How all nodes of all cities stand, gathered from their archives: SOURCE/CITY/standings.sqlite.

SQLite in memory has one table of it; of a city that has changed only the rows that changed are
read again. Nothing is ever written to an archive.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tirta.archive import standings
from tirta.errors import TirtaError

CLOCK_MS = 1000  # a clock that is less sure dates no record as synchronised
BATTERY_V = 11.5  # of a 12 V lead battery: a tenth of its charge is left
_TABLE = f"""
CREATE TABLE nodes (
  city TEXT, {", ".join(standings.COLUMNS)}, district TEXT, name TEXT,
  alarm_count INTEGER, words TEXT, PRIMARY KEY (city, node)
)"""
_TAKEN = (*standings.COLUMNS, "district", "name")
_TAKE = f"""
INSERT OR REPLACE INTO nodes
SELECT ?, {", ".join(_TAKEN)},
  CASE alarms WHEN '' THEN 0 ELSE 1 + length(alarms) - length(replace(alarms, ',', '')) END,
  lower(? || ' ' || district || ' ' || node || ' ' || name || ' ' || firmware || ' ' || alarms)
FROM there.nodes WHERE changed > ?"""  # noqa: S608 - names of our own columns


@dataclass
class _City:
    """What was read of a city."""

    path: Path
    as_of: tuple[int, int] = (0, 0)  # when its file changed, and its size
    changed: int = -1  # of the newest row
    rows: int = 0


def cities(source: Path) -> dict[str, Path]:
    """Return the archives that a source has, by city: one folder each, or the source itself."""
    if (source / standings.FILE).is_file():
        return {source.resolve().name: source}
    return {path.parent.name: path.parent for path in sorted(source.glob(f"*/{standings.FILE}"))}


class Gathering:
    """All nodes in memory. Threads may ask at once: one is answered after the other."""

    def __init__(self, source: Path) -> None:
        """Read everything. Raises TirtaError."""
        self.source = source
        self.revision = 0
        self._lock = threading.RLock()
        self._cities: dict[str, _City] = {}
        self._con = sqlite3.connect(
            ":memory:", check_same_thread=False, isolation_level=None, uri=True
        )
        self._con.execute(_TABLE)
        self.refresh()
        if not self._cities:
            raise TirtaError(
                f"No centre keeps an archive in {source}.",
                "Name a folder that `tirta receive --archive DIR` writes to, or one that has such a"
                " folder for each city.",
            )

    def names(self) -> list[str]:
        """Return the cities, by name."""
        return sorted(self._cities)

    def archive(self, city: str) -> Path | None:
        """Return where a city's archive is; None where there is no such city."""
        found = self._cities.get(city)
        return found.path if found else None

    def refresh(self) -> bool:
        """Read what has changed since the last time; whether anything has. Raises TirtaError."""
        with self._lock:
            there = cities(self.source)
            changed = False
            for city in self._cities.keys() - there.keys():
                del self._cities[city]
                self._con.execute("DELETE FROM nodes WHERE city = ?", (city,))
                changed = True
            for city, path in there.items():
                known = self._cities.setdefault(city, _City(path))
                told = (path / standings.FILE).stat()
                as_of = (told.st_mtime_ns, told.st_size)
                if as_of != known.as_of and self._read(city, known):
                    known.as_of = as_of
                    changed = True
            self.revision += changed
            return changed

    def _read(self, city: str, known: _City) -> bool:
        """Take the rows of a city that are new, or all where some are gone."""
        path = known.path / standings.FILE
        con = self._con
        try:
            con.execute("ATTACH ? AS there", (f"{path.resolve().as_uri()}?mode=ro",))
            try:
                count, newest = con.execute(
                    "SELECT count(*), coalesce(max(changed), 0) FROM there.nodes"
                ).fetchone()
                con.execute("BEGIN")
                con.execute(_TAKE, (city, city, known.changed))
                if self._count(city) != count:  # some are gone
                    con.execute("DELETE FROM main.nodes WHERE city = ?", (city,))
                    con.execute(_TAKE, (city, city, -1))
                con.execute("COMMIT")
            finally:
                if con.in_transaction:
                    con.execute("ROLLBACK")
                con.execute("DETACH there")
        except sqlite3.OperationalError as error:
            if known.rows:
                return False  # somebody writes to it for long: the next time
            raise _damaged(path) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(path) from error
        known.changed, known.rows = newest, count
        return True

    def _count(self, city: str) -> int:
        (count,) = self._con.execute(
            "SELECT count(*) FROM main.nodes WHERE city = ?", (city,)
        ).fetchone()
        return int(count)

    @contextlib.contextmanager
    def asked(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, for questions only."""
        with self._lock:
            yield self._con


def _damaged(path: Path) -> TirtaError:
    return TirtaError(
        f"{path} cannot be read: it is damaged, or of another version of tirta.",
        "Move it away: `tirta receive` makes it anew, and it fills as nodes send.",
    )

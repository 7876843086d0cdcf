# SPDX-License-Identifier: MIT
"""Questions to all nodes of all cities: sums by city and district, and nodes by what is wrong.

What is *wrong* with a node, the worst first: it is silent, it is behind, an alarm is raised, its
battery is low, its clock is unsure, records of it are lost for good.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from tirta.archive.standings import COLUMNS, SILENT_S
from tirta.fleet.gathering import BATTERY_V, CLOCK_MS, Gathering

SILENT, BEHIND, ALARMS, BATTERY, CLOCK, LOST, WELL = WRONGS = (
    "silent", "behind", "alarms", "battery", "clock", "lost", "ok",
)  # fmt: skip
_HEARD = f"heard >= :now - {SILENT_S}"
_TESTS = {
    SILENT: f"heard < :now - {SILENT_S}",
    BEHIND: f"{_HEARD} AND (missing_pages > 0 OR missing > 0)",
    ALARMS: "alarm_count > 0",
    BATTERY: f"battery_v < {BATTERY_V}",
    CLOCK: f"heard > 0 AND (clock_ms < 0 OR clock_ms > {CLOCK_MS})",
    LOST: "lost > 0",
    WELL: f"{_HEARD} AND missing_pages = 0 AND missing = 0",
}
_RANK = "CASE " + " ".join(
    f"WHEN {_TESTS[wrong]} THEN {at}" for at, wrong in enumerate(WRONGS[:-1])
) + f" ELSE {len(WRONGS) - 1} END"  # fmt: skip
_STATE = (
    f"CASE WHEN {_TESTS[SILENT]} THEN 'silent' WHEN {_TESTS[BEHIND]} THEN 'behind' ELSE 'ok' END"
)
_SORTS = {
    "worst": f"{_RANK}, heard", "city": "city, district, node", "district": "district, node",
    "node": "node", "name": "name, node", "state": f"{_RANK}, node", "heard": "heard",
    "missing": "missing", "lost": "lost", "clock": "clock_ms", "battery": "battery_v",
    "alarms": "alarm_count", "firmware": "firmware, node",
}  # fmt: skip
SORTS = tuple(_SORTS)
_SUMS = ", ".join([
    "count(*) AS nodes", *(f"total({test}) AS {wrong}" for wrong, test in _TESTS.items()),
    "total(records) AS records", "total(missing) AS missing", "total(lost) AS records_lost",
    "max(heard) AS heard",
])  # fmt: skip
MOST_ROWS = 1000


@dataclass(frozen=True)
class Tally:
    """How many nodes there are, how many are wrong in each way, and their records."""

    city: str
    district: str
    nodes: int
    silent: int
    behind: int
    alarms: int
    battery: int
    clock: int
    lost: int
    ok: int
    records: int
    missing: int
    records_lost: int
    heard: int  # the last time that any of them was, Unix time in s

    def as_json(self) -> dict[str, Any]:
        """Give what `tirta fleet --json` prints of it."""
        return asdict(self)


_COUNTS = tuple(
    field.name for field in fields(Tally) if field.name not in {"city", "district", "heard"}
)


@dataclass(frozen=True)
class Question:
    """Which nodes: of a city, of a district, wrong in a way, with words in what is known of them;
    by what they are sorted, and which rows of that.
    """

    city: str | None = None
    district: str | None = None
    wrong: str | None = None
    words: str = ""
    sort: str = "worst"
    descending: bool = False
    first: int = 0
    count: int = 100
    cities: Sequence[str] | None = None  # all that may be seen; None: every one


def by_city(fleet: Gathering, wanted: Question, now: float) -> list[Tally]:
    """Sum up the nodes of each city."""
    return _sums(fleet, wanted, now, "city, ''", "city")


def by_district(fleet: Gathering, wanted: Question, now: float) -> list[Tally]:
    """Sum up the nodes of each district; those of none are in one without a name."""
    return _sums(fleet, wanted, now, "city, district", "city, district")


def total(parts: Iterable[Tally]) -> dict[str, int]:
    """Add sums up."""
    found: dict[str, int] = dict.fromkeys(_COUNTS, 0)
    for one in parts:
        for name in _COUNTS:
            found[name] += getattr(one, name)
    return found


def firmware(fleet: Gathering, wanted: Question, now: float) -> list[tuple[str, str, int]]:
    """Count the nodes of each city by firmware: (city, firmware, nodes)."""
    where, values = _where(wanted, now)
    with fleet.asked() as con:
        return con.execute(
            f"SELECT city, firmware, count(*) FROM nodes {where} GROUP BY city, firmware",  # noqa: S608
            values,
        ).fetchall()


def nodes(fleet: Gathering, wanted: Question, now: float) -> tuple[int, list[dict[str, Any]]]:
    """Return how many nodes are so, and those rows of them that are wanted."""
    where, values = _where(wanted, now)
    names = ("city", "district", "name", *COLUMNS)
    order = ", ".join(
        f"{one}{' DESC' if wanted.descending else ''}" for one in _SORTS[wanted.sort].split(", ")
    )
    count = max(0, min(wanted.count, MOST_ROWS))
    with fleet.asked() as con:
        (found,) = con.execute(f"SELECT count(*) FROM nodes {where}", values).fetchone()  # noqa: S608
        rows = con.execute(
            f"SELECT {', '.join(names)}, {_STATE} FROM nodes {where}"  # noqa: S608
            f" ORDER BY {order} LIMIT :count OFFSET :first",
            {**values, "count": count, "first": max(0, wanted.first)},
        ).fetchall()
    return found, [dict(zip((*names, "state"), row, strict=True)) for row in rows]


def _sums(fleet: Gathering, wanted: Question, now: float, names: str, group: str) -> list[Tally]:
    where, values = _where(wanted, now)
    with fleet.asked() as con:
        rows = con.execute(
            f"SELECT {names}, {_SUMS} FROM nodes {where}"  # noqa: S608
            f" GROUP BY {group} ORDER BY {group}",
            values,
        )
        return [Tally(row[0], row[1], *(int(n or 0) for n in row[2:])) for row in rows]


def _where(wanted: Question, now: float) -> tuple[str, dict[str, Any]]:
    """The condition in SQL, with its values apart: what a person typed is never part of it."""
    tests = []
    values: dict[str, Any] = {"now": int(now)}
    if wanted.cities is not None:
        names = {f"city{i}": city for i, city in enumerate(wanted.cities)}
        tests += [f"city IN ({', '.join(f':{name}' for name in names)})"]
        values |= names
    for name in ("city", "district"):
        if (value := getattr(wanted, name)) is not None:
            tests += [f"{name} = :{name}"]
            values[name] = value
    if wanted.wrong:
        tests += [f"({_TESTS[wanted.wrong]})"]
    for i, word in enumerate(wanted.words.lower().split()[:8]):
        tests += [f"instr(words, :word{i}) > 0"]
        values[f"word{i}"] = word
    return f"WHERE {' AND '.join(tests)}" if tests else "", values

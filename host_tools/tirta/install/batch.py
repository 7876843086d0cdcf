# SPDX-License-Identifier: MIT
"""Many boards at once: a list of nodes in a CSV file becomes nodes, with a report of every one.

What is done is kept in a file beside the list, so the same command goes on where it stopped.
"""

import csv
import io
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path

from tirta import config
from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.install import flash
from tirta.install.batch_list import BoardRow, read
from tirta.install.deploy import deploy
from tirta.install.label import Label
from tirta.keys.office import KeyOf, keys_for_new
from tirta.node import Node
from tirta.node.discover import choose

_AT_ONCE = 16
DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class BoardResult:
    """What became of a row. `node` is the chip's own number, `mode` locked or open."""

    name: str
    port: str
    board: str
    district: str
    latitude: str
    longitude: str
    node: str = ""
    firmware: str = ""
    mode: str = ""
    result: str = FAILED
    why: str = ""
    then: str = ""  # the next step, where it failed


@dataclass(frozen=True)
class How:
    """The same for all boards; without `micropython` they must run it, with our partitions."""

    micropython: Path | None = None
    allow_unlisted: bool = False
    start: bool = True
    labels: Path = Path("labels")
    open: bool = False  # nodes whose row names no fleet are not locked
    was_locked: tuple[str, ...] = ()  # ids of boards known as locked, which a person has in hand


def provision(
    path: Path, how: How, told: Callable[[BoardResult], None] = lambda _result: None
) -> list[BoardResult]:
    """Make nodes of all rows that are not done yet; the results of all rows, in their order.

    A board that fails does not stop the others. After each one the progress file is whole.
    """
    rows = read(path)
    for row in rows:
        if how.open and not row.key:
            config.must_have_no_uplink(row.config, f"{path}:{row.line}")
    kept = _Done(path.with_suffix(".progress.json"))
    for chip in {row.board.name: row.board for row in rows}.values():
        if how.micropython:  # what is wrong with the image is wrong for all
            flash.plan(chip, how.micropython, allow_unlisted=how.allow_unlisted)
    fleets = {row.key for row in rows if row.key or not how.open}
    keys = {fleet: keys_for_new(fleet) for fleet in fleets}

    def work(row: BoardRow) -> BoardResult:
        before = kept.of(row)
        if before is not None:
            return before
        result = _make(row, how, keys.get(row.key))
        kept.add(result)
        told(result)
        return result

    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(rows))) as pool:
        results = list(pool.map(work, rows))
    _report(path, results)
    return results


def _make(row: BoardRow, how: How, key_of: KeyOf | None) -> BoardResult:
    where = {key: str(row.identity.get(key, "")) for key in ("district", "latitude", "longitude")}
    empty = BoardResult(row.name, row.port, row.board.name, **where)
    try:
        choice = choose(row.port)
        if how.micropython:
            planned = flash.plan(
                row.board, how.micropython, config=row.config, identity=row.identity,
                allow_unlisted=how.allow_unlisted, secrets=row.secrets,
            )  # fmt: skip
            done = flash.flash(
                choice.port, planned, baud=choice.baud, start=how.start, key_of=key_of,
                was_locked=how.was_locked,
            )  # fmt: skip
            node, hello = done.mac, done.hello
        else:
            hello = deploy(
                choice.port, row.board, row.config, baud=choice.baud, key_of=key_of,
                was_locked=how.was_locked, secrets=row.secrets,
            ).hello  # fmt: skip
            node = hello.node
            with Node(choice.port, choice.baud) as opened:
                opened.set_identity(row.identity)
        if hello is not None:
            label = Label(node, row.board.name, hello.firmware, row.name)
            label.save(how.labels / f"{node}.png")
        firmware = hello.firmware if hello else ""
        mode = "locked" if key_of else "open"
        return replace(empty, node=node, firmware=firmware, mode=mode, result=DONE)
    except TirtaError as error:
        return replace(empty, why=error.what, then=error.hint)


class _Done:
    """Which rows are done, by name: a JSON file that is whole at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._done = {
                r["name"]: BoardResult(**r) for r in json.loads(path.read_text(encoding="utf-8"))
            }
        except FileNotFoundError:
            self._done = {}
        except (ValueError, TypeError, KeyError) as error:
            raise TirtaError(
                f"{path} is not what an earlier run left.", "Remove it to begin anew."
            ) from error

    def of(self, row: BoardRow) -> BoardResult | None:
        with self._lock:
            return self._done.get(row.name)

    def add(self, result: BoardResult) -> None:
        if result.result != DONE:
            return
        with self._lock:
            self._done[result.name] = result
            text = json.dumps([asdict(r) for r in self._done.values()], indent=1)
            atomic.write(self._path, text.encode())


def _report(path: Path, results: Sequence[BoardResult]) -> None:
    titles = list(BoardResult.__dataclass_fields__)
    table = io.StringIO(newline="")
    out = csv.DictWriter(table, titles)
    out.writeheader()
    out.writerows(asdict(result) for result in results)
    atomic.write(path.with_suffix(".report.csv"), table.getvalue().encode())
    rows = [titles, *([str(v) for v in asdict(result).values()] for result in results)]
    cells = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    page = (
        f"<!doctype html><meta charset=utf-8><title>{escape(path.stem)}</title>"
        "<style>table{border-collapse:collapse;font:10pt sans-serif}"
        f"td{{border:1px solid;padding:2pt 4pt}}</style>\n<table>\n{cells}\n</table>\n"
    )
    atomic.write(path.with_suffix(".report.html"), page.encode())

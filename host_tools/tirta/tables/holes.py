# SPDX-License-Identifier: MIT
"""What the archive does not have, by number and by time.

Beside the holes of `tirta.archive.holes` it has the *gaps*: numbers go on, but no record was taken,
for the node was off, was visited, or started anew.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tirta.archive import holes
from tirta.archive.holes import Hole
from tirta.log import losses
from tirta.log.dating import Dating
from tirta.ranges import Range
from tirta.tables.facts import PageFacts
from tirta.tables.layout import HOLE_SCHEMA
from tirta_format import meta


class _Piece(NamedTuple):
    """A stretch and its interval."""

    number: int
    records: int
    boot: int
    slot: int
    interval_ms: int

    @property
    def first_ms(self) -> int:
        return (self.slot + 1) * self.interval_ms

    @property
    def last_ms(self) -> int:
        return (self.slot + self.records) * self.interval_ms


def table(
    epoch: int, pages: dict[int, PageFacts], events: Iterable[dict[str, Any]], dating: Dating
) -> pa.Table:
    """Make the table `holes`, in the order of the numbers."""
    notes = [json.loads(row["fields"]) for row in events if row["type"] == meta.LOSS]
    told = [loss for note in notes if (loss := losses.told(note))]
    damaged = _damaged(pages)
    found: list[dict[str, Any]] = []
    before: _Piece | None = None
    for piece in _pieces(pages):
        known = len(found)
        expected = before.number + before.records if before else 0
        if piece.number > expected:
            lacking = [(expected, piece.number - 1)]
            found += map(_row, holes.find(lacking, damaged, told))
        elif before and (piece.boot != before.boot or piece.slot != before.slot + before.records):
            found.append(_gap(before, piece, notes))
        else:
            before = piece
            continue
        when = {"time_from": _end(before, dating), "time_to": _begin(piece, dating)}
        for hole in found[known:]:
            hole.update(when)
        before = piece
    rows = [{"epoch": epoch, **hole} for hole in found]
    return pa.Table.from_pylist(rows, schema=HOLE_SCHEMA)


def _pieces(pages: dict[int, PageFacts]) -> list[_Piece]:
    found = sorted(
        _Piece(s.number, s.count, s.boot, s.slot, facts.interval_ms)
        for facts in pages.values()
        for s in facts.stretches
    )
    out: list[_Piece] = []
    for piece in found:
        if out and piece.number < out[-1].number + out[-1].records:
            continue  # a record that lies in two pages
        out.append(piece)
    return out


def _damaged(pages: dict[int, PageFacts]) -> list[Range]:
    ordered = (pages[page] for page in sorted(pages))
    return holes.in_damaged_pages(((f.number, bool(f.problems)) for f in ordered), 1 << 62)


def _row(hole: Hole) -> dict[str, Any]:
    return {
        "state": hole.state, "first": hole.first, "last": hole.last, "records": hole.records,
        "reason": hole.reason,
    }  # fmt: skip


def _gap(before: _Piece, after: _Piece, notes: list[dict[str, Any]]) -> dict[str, Any]:
    why = next(
        (losses.REASONS.get(n["reason"]) for n in notes if n["number"] == after.number), None
    )
    same = before.boot == after.boot and before.interval_ms == after.interval_ms
    skipped = after.slot - before.slot - before.records
    return {
        "state": "gap", "first": None, "last": None, "records": skipped if same else None,
        "reason": why or (None if same else "the node started anew"),
    }  # fmt: skip


def _end(piece: _Piece | None, dating: Dating) -> int | None:
    return None if piece is None else _time(piece.boot, piece.last_ms, dating)


def _begin(piece: _Piece, dating: Dating) -> int | None:
    return _time(piece.boot, piece.first_ms, dating)


def _time(boot: int, uptime_ms: int, dating: Dating) -> int | None:
    """In microseconds; None where the boot has no time."""
    dated = dating.date(np.array([boot]), np.array([uptime_ms]))
    return int(dated.unix_ms[0]) * 1000 if dated.quality[0] else None

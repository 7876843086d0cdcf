# SPDX-License-Identifier: MIT
"""What the archive does not have, by number and by time.

States: `damaged`, its page is here but not all of it can be read; `lost`, the node said that it
lost it; `missing`, it did not come (pull again); `gap`, numbers go on but no record was taken:
the node was off, was visited, or started anew.
"""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tirta.log.dating import Dating
from tirta.tables.events import LOSSES
from tirta.tables.facts import Facts
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
    epoch: int, pages: dict[int, Facts], events: Iterable[dict[str, Any]], dating: Dating
) -> pa.Table:
    """The table `holes`, in the order of the numbers."""
    losses = [json.loads(row["fields"]) for row in events if row["type"] == meta.LOSS]
    damaged = _damaged(pages)
    found: list[dict[str, Any]] = []
    before: _Piece | None = None
    for piece in _pieces(pages):
        told = len(found)
        expected = before.number + before.records if before else 0
        if piece.number > expected:
            found += _numbers(expected, piece.number - 1, damaged, losses)
        elif before and (piece.boot != before.boot or piece.slot != before.slot + before.records):
            found.append(_gap(before, piece, losses))
        else:
            before = piece
            continue
        when = {"time_from": _end(before, dating), "time_to": _begin(piece, dating)}
        for hole in found[told:]:
            hole.update(when)
        before = piece
    rows = [{"epoch": epoch, **hole} for hole in found]
    return pa.Table.from_pylist(rows, schema=HOLE_SCHEMA)


def _pieces(pages: dict[int, Facts]) -> list[_Piece]:
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


def _damaged(pages: dict[int, Facts]) -> list[tuple[int, int]]:
    ordered = [pages[page] for page in sorted(pages)]
    ends = [*(facts.number for facts in ordered[1:]), 1 << 62]
    pairs = zip(ordered, ends, strict=True) if ordered else ()
    return [(f.number, end - 1) for f, end in pairs if f.problems]


def _numbers(
    first: int, last: int, damaged: list[tuple[int, int]], losses: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The missing numbers, cut where their state changes."""
    told = [(n["number"] - n["at_most"], n["number"] - 1, LOSSES.get(n["reason"])) for n in losses]
    ranges = [*damaged, *((low, high) for low, high, _ in told)]
    inner = (edge for low, high in ranges for edge in (low, high + 1))
    edges = {first, last + 1, *(edge for edge in inner if first < edge <= last)}
    ordered = sorted(edges)
    out: list[dict[str, Any]] = []
    for low, beyond in pairwise(ordered):
        why = next((reason for a, b, reason in told if a <= low <= b), None)
        hurt = any(a <= low <= b for a, b in damaged)
        state = "damaged" if hurt else "lost" if why else "missing"
        if out and (out[-1]["state"], out[-1]["reason"]) == (state, why):
            out[-1] |= {"last": beyond - 1, "records": beyond - out[-1]["first"]}
        else:
            out.append({
                "state": state, "first": low, "last": beyond - 1, "records": beyond - low,
                "reason": why,
            })  # fmt: skip
    return out


def _gap(before: _Piece, after: _Piece, losses: list[dict[str, Any]]) -> dict[str, Any]:
    why = next((LOSSES.get(n["reason"]) for n in losses if n["number"] == after.number), None)
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

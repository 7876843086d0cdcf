# SPDX-License-Identifier: MIT
"""An archive and the lake that it fills agree again, after an older copy of either was put back.

What the lake has is looked up, and noted beside the evidence: records *beyond* the evidence stay in
the lake until a node sends their pages again, and are replaced then by what these say. A lake that
is older may also have rows as they were before they were dated anew: all pages that are here come
again, and replace them. Nothing else is taken out of the lake.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from tirta import ranges
from tirta.archive.evidence import Archive
from tirta.archive.pack import WHOLE_NODE, Pack
from tirta.errors import TirtaError
from tirta.ranges import Range
from tirta.tables import lake, layout
from tirta.tables.stream import is_older, remember
from tirta.tables.stream_state import StreamState

_Key = tuple[str, int]  # node, epoch
_MANY = 1000  # ranges of one node, before they are joined


@dataclass
class Mended:
    """How many nodes differed, how many records the lake has that are in no page here as far as
    is known, and how many it lacked; `older` says that all pages come again.
    """

    nodes: int = 0
    beyond: int = 0
    lacked: int = 0
    older: bool = False


@dataclass
class _InLake:
    """What the lake has of a node's epoch; `events` is how many there are, by page."""

    numbers: list[Range] = field(default_factory=list)
    events: dict[int, int] = field(default_factory=dict)
    configs: set[str] = field(default_factory=set)


def mend(root: Path, where: Path) -> Mended:
    """Note beside the evidence what its lake has. Nobody may write into either meanwhile. Raises
    TirtaError.
    """
    archive = Archive(root)
    if archive.pack is None:
        raise TirtaError(
            f"{root} is no archive that `tirta receive --lake LAKE` fills.",
            "`tirta lake write SOURCE LAKE` brings any other up to date in a lake.",
        )
    lake.table(where, layout.RECORDS)  # a wrong folder is told
    there = _looked_up(where, root.resolve().name)
    with archive.pack.together():
        done = _compare(archive, archive.pack, there, where)
        _begin_anew(archive.pack)
        remember(archive.pack, where)
    return done


def _compare(archive: Archive, pack: Pack, there: dict[_Key, _InLake], where: Path) -> Mended:
    """Bring what is noted of each node in line; none of it counts before the transaction ends."""
    keys = sorted({*((node, n) for node, n in pack.epochs()), *there})
    done = Mended(older=is_older(pack, where))
    for key in keys:
        found, state = there.get(key, _InLake()), StreamState.of(archive.epoch(*key))
        beyond = ranges.count(ranges.without(found.numbers, state.have))
        lacked = ranges.count(ranges.without(state.have, found.numbers))
        short = any(found.events.get(page, 0) < n for page, n in state.events.items())
        done.beyond += beyond
        done.lacked += lacked
        done.older |= bool(lacked or short or not found.configs.issuperset(state.configs))
        done.nodes += bool(beyond or lacked)
    for key in keys:
        found, epoch = there.get(key, _InLake()), archive.epoch(*key)
        state = StreamState.of(epoch)
        if done.older:
            state.have, state.dated = [], {}
        state.beyond = ranges.without(found.numbers, state.have)
        state.events, state.configs = found.events, sorted(found.configs)
        state.save(epoch, len(state.events))
    if done.older:
        pack.change("INSERT OR IGNORE INTO changes SELECT node, epoch, page FROM pages", [()])
    return done


def _begin_anew(pack: Pack) -> None:
    """What was planned waits again, and the file gets another name: batches count from the first
    one on, whatever numbers the lake knows of the file that this was.
    """
    for (text,) in pack.rows("SELECT plan FROM batches WHERE plan <> ''"):
        rows = [(node, epoch, page) for node, epoch, pages in json.loads(text) for page, _ in pages]
        pack.change("INSERT OR IGNORE INTO changes VALUES (?, ?, ?)", rows)
    pack.change("DELETE FROM batches", [()])
    pack.keep_note("", WHOLE_NODE, "name", secrets.token_hex(8).encode())


def _looked_up(where: Path, city: str) -> dict[_Key, _InLake]:
    there: dict[_Key, _InLake] = {}

    def of(node: str, epoch: int) -> _InLake:
        return there.setdefault((node, epoch), _InLake())

    for rows in _batches(where, layout.RECORDS, city, ["node", "epoch", "number"]):
        for node, epoch, first, last in _stretches(rows):
            numbers = of(node, epoch).numbers
            numbers.append((first, last))
            if len(numbers) > _MANY:
                numbers[:] = ranges.merged(numbers)
    for rows in _batches(where, layout.EVENTS, city, ["node", "epoch", "page", "place"]):
        for node, epoch, page, place in _values(rows):
            events = of(node, epoch).events
            events[page] = max(events.get(page, 0), place + 1)
    for rows in _batches(where, layout.CHANNELS, city, ["node", "epoch", "config"]):
        for node, epoch, config in _values(rows):
            of(node, epoch).configs.add(config)
    for found in there.values():
        found.numbers = ranges.merged(found.numbers)
    return there


def _batches(where: Path, name: str, city: str, columns: list[str]) -> Iterator[pa.Table]:
    """Rows of a city, some at a time: a table may be larger than the memory."""
    try:
        rows = DeltaTable(where / name).to_pyarrow_dataset()
    except TableNotFoundError:
        return
    mine = pq.filters_to_expression([("city", "=", city)])
    for batch in rows.scanner(columns=columns, filter=mine).to_batches():
        if len(batch):
            yield pa.Table.from_batches([batch])


def _values(rows: pa.Table) -> Iterator[Any]:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def _stretches(rows: pa.Table) -> Iterator[tuple[str, int, int, int]]:
    """(node, epoch, first, last) of numbers that follow each other."""
    names = rows["node"].combine_chunks().dictionary_encode()
    node = np.asarray(names.indices, np.int64)
    epoch, number = (np.asarray(rows[name], np.int64) for name in ("epoch", "number"))
    order = np.lexsort((number, epoch, node))
    node, epoch, number = node[order], epoch[order], number[order]
    same = (np.diff(node) == 0) & (np.diff(epoch) == 0) & (np.diff(number) <= 1)
    ends = np.flatnonzero(~same)
    texts = names.dictionary.to_pylist()
    for a, b in zip([0, *(ends + 1)], [*ends, len(node) - 1], strict=True):
        yield texts[node[a]], int(epoch[a]), int(number[a]), int(number[b])

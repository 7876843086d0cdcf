# SPDX-License-Identifier: MIT
"""Get a node's log onto the disk: only what is not there yet, whatever interrupted the last time.

A pull first commits, so that everything sampled before it is in it; the node samples on meanwhile.
Pages are stored in ascending order as they come. A *hole* is a range of record numbers that the
archive does not have: `lost` when the node has overwritten it, `damaged` when its page is there but
cannot be read, `missing` when it did not come.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tirta.answers import Committed, IndexEntry
from tirta.archive import Archive, Run
from tirta.decode import Log, decode_run
from tirta.errors import TirtaError
from tirta.node import Node
from tirta.page_reader import Span, read_pages
from tirta_format import config as format_config
from tirta_format import page as format_page

Progress = Callable[[int, int], None]  # bytes of log that came, bytes in all


@dataclass
class Result:
    """What a pull did; the names are those of `tirta pull --json`."""

    records: int = 0
    first: int | None = None
    last: int | None = None
    epoch: int = 0
    holes: list[tuple[int, int, str]] = field(default_factory=list)
    wire_bytes: int = 0
    seconds: float = 0.0
    node: str = ""
    next_record: int = 0
    total: int = 0

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "seconds": round(self.seconds, 3)}


def pull(
    node: Node, archive: Path, since: int = 0, progress: Progress = lambda _done, _all: None
) -> Result:
    """Bring everything from record `since` on that the archive lacks."""
    began = time.monotonic()
    wire_before = node.wire_bytes
    status = node.status()
    if status.get("clock") == "unset":
        node.set_clock()
    committed = node.commit()
    index = [e for e in node.index() if e.page <= committed.page]
    run = Archive(archive).run(node.hello.node, int(status["epoch"]))
    run.tidy()
    known = decode_run(run)
    before = _numbers(known)
    _keep_config(node, run, status, known)
    _fetch(node, run, _plan(run, index, committed, since), progress)
    log = decode_run(run)
    have = _numbers(log)
    new = have - before
    result = Result(
        records=len(new),
        first=min(new, default=None),
        last=max(new, default=None),
        next_record=committed.next_record,
        total=len(have),
    )
    _name_holes(result, log, have, index, since)
    if not any(state == "missing" for _, _, state in result.holes) and since == 0:
        node.pulled(run.epoch, committed.next_record)
    result.node = node.hello.node
    result.epoch = run.epoch
    result.wire_bytes = node.wire_bytes - wire_before
    result.seconds = time.monotonic() - began
    return result


def _keep_config(node: Node, run: Run, status: dict[str, Any], known: Log) -> None:
    if status.get("config") not in known.configs:
        text = node.config()
        run.store_config(format_config.config_hash(text), text)


def _plan(run: Run, index: list[IndexEntry], end: Committed, since: int) -> list[list[Span]]:
    """The spans that the archive lacks, in groups that lie together on the node."""
    stored = run.pages()
    groups: list[list[Span]] = [[]]
    for entry, following in zip(index, [*index[1:], None], strict=True):
        if following and following.first_record <= since and following.page <= end.page:
            groups.append([])
            continue
        have = stored.get(entry.page)
        known = have.size if have and have.header_crc == entry.header_crc else 0
        wanted = format_page.SIZE if entry.page < end.page else end.end
        if known < wanted:
            groups[-1].append((entry.page, known, wanted))
        else:
            groups.append([])
    return [group for group in groups if group]


def _fetch(node: Node, run: Run, groups: list[list[Span]], progress: Progress) -> None:
    total = sum(end - start for group in groups for _, start, end in group)
    done = 0

    def came(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    stored = run.pages()
    with _Disk(run) as disk:
        for group in groups:
            starts = {page: start for page, start, _ in group}
            for page, data in read_pages(node.link, group, came):
                start = starts[page]
                known = stored[page].read()[:start] if start else b""
                disk.store(page, known + data)


class _Disk:
    """Stores pages in a thread of its own: while one is flushed, the line must be emptied.

    After one that could not be stored none is, and the error comes out at the next call or the end.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._error: TirtaError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._pool.shutdown()
        if kind is None:
            self._raise()

    def store(self, page: int, data: bytes) -> None:
        self._raise()
        self._pool.submit(self._store, page, data)

    def _store(self, page: int, data: bytes) -> None:
        if self._error:
            return
        try:
            _must_be(page, self._run.epoch, data)
            self._run.store(page, data)
        except TirtaError as error:
            self._error = error

    def _raise(self) -> None:
        if self._error:
            raise self._error


def _must_be(page: int, epoch: int, data: bytes) -> None:
    head = format_page.header(data.ljust(format_page.HEADER_SIZE, b"\xff"))
    if head is None or head.seq != page or head.epoch != epoch:
        raise TirtaError(
            "The node's log changed while it was read.",
            "Run the pull again: it goes on where it stopped.",
        )


def _numbers(log: Log) -> set[int]:
    return {int(n) for batch in log.batches for n in batch.number}


def _name_holes(
    result: Result, log: Log, have: set[int], index: list[IndexEntry], since: int
) -> None:
    on_node = index[0].first_record if index else result.next_record
    damaged = log.damaged_ranges(result.next_record)
    for number in sorted(set(range(since, result.next_record)) - have):
        if any(first <= number <= last for first, last in damaged):
            state = "damaged"
        else:
            state = "lost" if number < on_node else "missing"
        if result.holes and result.holes[-1][1:] == (number - 1, state):
            result.holes[-1] = (result.holes[-1][0], number, state)
        else:
            result.holes.append((number, number, state))

# SPDX-License-Identifier: MIT
"""Get a node's log onto the disk: only what is not there yet, whatever interrupted the last time.

A pull first commits, so that everything sampled before it is in it; the node samples on meanwhile.
Pages are stored in ascending order as they come. A *hole* is a range of record numbers that the
archive does not have: `lost` when the node has overwritten it, `damaged` when its page is there but
cannot be read, `missing` when it did not come. `tirta.ledger` keeps what became of each. Pages are
judged by their CRCs; the values in them are unpacked later, for the tables.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Self

from tirta import ranges
from tirta.answers import Committed, IndexEntry
from tirta.archive import Archive, Run, StoredPage
from tirta.attest import attest
from tirta.decode import Log, decode_run
from tirta.errors import TirtaError
from tirta.keys import memory
from tirta.ledger import DAMAGED, OVERWRITTEN, Ledger
from tirta.node import Node
from tirta.page_reader import Span, read_pages
from tirta.quarantine import Quarantine, confirmed_before
from tirta_format import config as format_config
from tirta_format import frame
from tirta_format import page as format_page

CONFIRM_S = 60  # of the line, until a locked node is asked to confirm what came
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
    waiting: int = 0  # pages of a locked node that came, and that it has not confirmed

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "seconds": round(self.seconds, 3)}


def pull(
    node: Node,
    archive: Path,
    since: int = 0,
    progress: Progress = lambda _done, _all: None,
    *,
    until: int | None = None,
) -> Result:
    """Bring everything from record `since` on that the archive lacks, up to `until`.

    Whole pages come, so it may be more than that.
    """
    began = time.monotonic()
    wire_before = node.wire_bytes
    if node.link.guard:
        node.link.guard.ready(frame.COMMIT)  # what a stranger may know has no epoch
    elif memory.recall(node.hello.node) != memory.OPEN and confirmed_before(
        Archive(archive), node.hello.node
    ):
        raise memory.DowngradeError(node.hello.node)
    status = node.status()
    epoch = status.get("epoch")
    if epoch is None:
        raise TirtaError(
            f"The node on {node.line.port} says of itself what cannot be.",
            "Check the cable; if it stays so, deploy the application again: `tirta deploy`.",
        )
    if status.get("clock") == "unset":
        node.set_clock()
    committed = node.commit()
    index = [e for e in node.index() if e.page <= committed.page]
    run = Archive(archive).run(node.hello.node, epoch)
    run.tidy()
    waiting = Quarantine(run) if node.link.guard else None
    known = decode_run(run, numbers_only=True)
    before = known.ranges()
    beyond = committed.next_record if until is None else min(until, committed.next_record)
    ledger = Ledger(run)
    ledger.detect(before, 0, committed.next_record)
    ledger.collect([(since, beyond - 1)])
    ledger.save()
    _keep_config(node, run, status, known)
    _fetch(
        node,
        run,
        waiting,
        _plan(_stored(run, waiting), index, committed, since, beyond),
        index,
        progress,
    )
    log = decode_run(run, numbers_only=True)
    have = log.ranges()
    new = ranges.without(have, before)
    result = Result(
        records=ranges.count(new),
        first=new[0][0] if new else None,
        last=new[-1][1] if new else None,
        next_record=committed.next_record,
        total=ranges.count(have),
        waiting=len({entry.page for entry in index} & waiting.pages().keys()) if waiting else 0,
    )
    result.holes = _holes(log, have, index, since, beyond)
    lost = {OVERWRITTEN: "lost", DAMAGED: "damaged"}
    ledger.collect_ended(
        have,
        {why: [(a, b) for a, b, s in result.holes if s == state] for why, state in lost.items()},
    )
    ledger.save()
    whole = since == 0 and beyond == committed.next_record
    if whole and not any(state == "missing" for _, _, state in result.holes):
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


def _stored(run: Run, waiting: Quarantine | None) -> dict[int, StoredPage]:
    """The most that is here of each page, whether it is evidence or waits."""
    found = run.pages()
    for sequence, page in waiting.pages().items() if waiting else ():
        known = found.get(sequence)
        if known is None or page.size > known.size:
            found[sequence] = page
        else:
            waiting.drop(sequence)  # type: ignore[union-attr]
    return found


def _plan(
    stored: dict[int, StoredPage],
    index: list[IndexEntry],
    end: Committed,
    since: int,
    beyond: int,
) -> list[list[Span]]:
    """The spans that the archive lacks, in groups that lie together on the node."""
    groups: list[list[Span]] = [[]]
    for entry, following in zip_longest(index, index[1:]):
        if following and following.first_record <= since and following.page <= end.page:
            groups.append([])
            continue
        if entry.first_record >= beyond and beyond < end.next_record:
            break
        have = stored.get(entry.page)
        known = have.size if have and have.header_crc == entry.header_crc else 0
        wanted = format_page.SIZE if entry.page < end.page else end.end
        if known < wanted:
            groups[-1].append((entry.page, known, wanted))
        else:
            groups.append([])
    return [group for group in groups if group]


def _fetch(
    node: Node,
    run: Run,
    waiting: Quarantine | None,
    groups: list[list[Span]],
    index: list[IndexEntry],
    progress: Progress,
) -> None:
    """Bring pages. Those of a locked node wait, and are confirmed in portions: one that the node
    overwrites before it could confirm it would wait for ever.
    """
    total = sum(end - start for group in groups for _, start, end in group)
    done = 0

    def came(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    stored = _stored(run, waiting)
    starts = {page: start for group in groups for page, start, _ in group}
    with node.hurry(total):
        for portion in _portions(groups, node.line.byte_rate) if waiting else [groups]:
            with _Disk(run, waiting or run) as disk:
                for page, data in read_pages(node.link, portion, came, node.calm):
                    start = starts[page]
                    known = stored[page].read()[:start] if start else b""
                    disk.store(page, known + data)
            if waiting:
                attest(node, run, index)


def _portions(groups: list[list[Span]], byte_rate: float) -> Iterator[list[list[Span]]]:
    """Parts of the groups, in order, that take CONFIRM_S of the line; one at least."""
    portion: list[list[Span]] = []
    left = CONFIRM_S * byte_rate
    for group in groups:
        portion.append([])
        for span in group:
            portion[-1].append(span)
            left -= span[2] - span[1]
            if left <= 0:
                yield portion
                portion, left = [[]], CONFIRM_S * byte_rate
    yield [group for group in portion if group]


class _Disk:
    """Stores pages in a thread of its own: while one is flushed, the line must be emptied.

    After one that could not be stored none is, and the error comes out at the next call or the end.
    """

    def __init__(self, run: Run, target: Run | Quarantine) -> None:
        self._run = run
        self._target = target
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
            self._target.store(page, data)
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


def _holes(
    log: Log, have: list[ranges.Range], index: list[IndexEntry], since: int, beyond: int
) -> list[tuple[int, int, str]]:
    """(first, last, state) of what the archive lacks of these numbers."""
    on_node = index[0].first_record if index else beyond
    lacking = ranges.without([(since, beyond - 1)] if since < beyond else [], have)
    damaged = ranges.in_both(lacking, log.damaged_ranges(beyond))
    rest = ranges.without(lacking, damaged)
    lost = ranges.in_both(rest, [(0, on_node - 1)])
    found = [(*each, "damaged") for each in damaged] + [(*each, "lost") for each in lost]
    return sorted(found + [(*each, "missing") for each in ranges.without(rest, lost)])

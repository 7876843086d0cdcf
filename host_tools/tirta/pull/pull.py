# SPDX-License-Identifier: MIT
"""Get a node's log onto the disk: only what is not there yet, whatever interrupted the last time.

A pull first commits, so that everything sampled before it is in it; the node samples on meanwhile.
Pages are stored in ascending order as they come. A *hole* is a range of record numbers that the
archive does not have: `lost` when the node has overwritten it, `damaged` when its page is there but
cannot be read, `missing` when it did not come. `tirta.archive.ledger` keeps what became of each.
Pages are judged by their CRCs; the values in them are unpacked later, for the tables.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tirta import ranges
from tirta.archive.evidence import Archive, Epoch
from tirta.archive.ledger import DAMAGED, OVERWRITTEN, Ledger
from tirta.archive.quarantine import Quarantine, confirmed_before
from tirta.errors import TirtaError
from tirta.keys import memory
from tirta.link.answers import IndexEntry
from tirta.log.decode import Log, decode_epoch
from tirta.node import Node
from tirta.pull.fetch import Progress, fetch, plan, stored_pages
from tirta_format import config as format_config
from tirta_format import frame


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
    number = status.get("epoch")
    if number is None:
        raise TirtaError(
            f"The node on {node.line.port} says of itself what cannot be.",
            "Check the cable; if it stays so, deploy the application again: `tirta deploy`.",
        )
    if status.get("clock") == "unset":
        node.set_clock()
    committed = node.commit()
    index = [e for e in node.index() if e.page <= committed.page]
    epoch = Archive(archive).epoch(node.hello.node, number)
    epoch.tidy()
    waiting = Quarantine(epoch) if node.link.guard else None
    known = decode_epoch(epoch, numbers_only=True)
    before = known.ranges()
    beyond = committed.next_record if until is None else min(until, committed.next_record)
    ledger = Ledger(epoch)
    ledger.detect(before, 0, committed.next_record)
    ledger.collect([(since, beyond - 1)])
    ledger.save()
    _keep_config(node, epoch, status, known)
    fetch(
        node,
        epoch,
        waiting,
        plan(stored_pages(epoch, waiting), index, committed, since, beyond),
        index,
        progress,
    )
    log = decode_epoch(epoch, numbers_only=True)
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
        node.pulled(epoch.number, committed.next_record)
    result.node = node.hello.node
    result.epoch = epoch.number
    result.wire_bytes = node.wire_bytes - wire_before
    result.seconds = time.monotonic() - began
    return result


def _keep_config(node: Node, epoch: Epoch, status: dict[str, Any], known: Log) -> None:
    if status.get("config") not in known.configs:
        text = node.config()
        epoch.store_config(format_config.config_hash(text), text)


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

# SPDX-License-Identifier: MIT
"""Get a node's log onto the disk: only what is not there yet, whatever interrupted the last time.

A pull *begins*: the node commits, so that everything sampled before is in its log, and what the
archive lacks of it is worked out; the node samples on meanwhile. It *fetches*: pages are stored in
ascending order as they come. It *accounts*: for each record that is wanted and not here, why
(`tirta.archive.holes`); `tirta.archive.ledger` keeps what became of each.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tirta import ranges
from tirta.archive import holes
from tirta.archive.holes import Hole
from tirta.log.known_pages import refresh
from tirta.node import Node
from tirta.progress import Progress
from tirta.pull.begin import Begun, begin
from tirta.pull.fetch import fetch, here_whole
from tirta.ranges import Range


@dataclass
class PullResult:
    """What a pull did; the names are those of `tirta pull --json`."""

    records: int = 0
    first: int | None = None
    last: int | None = None
    epoch: int = 0
    holes: list[Hole] = field(default_factory=list)
    wire_bytes: int = 0
    seconds: float = 0.0
    node: str = ""
    next_record: int = 0
    total: int = 0
    waiting: int = 0  # pages of a locked node that came, and that it has not confirmed

    def as_json(self) -> dict[str, Any]:
        """Give what `tirta pull --json` prints: a hole is (first, last, state)."""
        told = [(hole.first, hole.last, hole.state) for hole in self.holes]
        return {**self.__dict__, "holes": told, "seconds": round(self.seconds, 3)}


def pull(
    node: Node,
    archive: Path,
    since: int = 0,
    progress: Progress = lambda _done, _all: None,
    *,
    until: int | None = None,
) -> PullResult:
    """Bring everything from record `since` on that the archive lacks, up to `until`.

    Whole pages come, so it may be more than that. `progress` is told the bytes of log that came,
    and how many there are in all. Raises TirtaError; what came until then is kept.
    """
    began_s, wire_before = time.monotonic(), node.wire_bytes
    begun = begin(node, archive, since, until)
    fetch(node, begun, progress)
    result = account(node, begun)
    result.wire_bytes = node.wire_bytes - wire_before
    result.seconds = time.monotonic() - began_s
    return result


def account(node: Node, begun: Begun) -> PullResult:
    """Work out what came and what is still lacking, and why; enter it in the ledger.

    Tells the node where every record of it is safe now or cannot come any more.
    """
    refresh(begun.contents)
    begun.contents.save()
    have = begun.contents.have()
    new = ranges.without(have, begun.before)
    ends = [number for each in new for number in each]
    found = _holes(begun, have)
    begun.ledger.collect_ended(have, found)
    begun.ledger.save()
    next_record = begun.committed.next_record
    whole = begun.since == 0 and begun.beyond == next_record
    if whole and not any(hole.state == holes.MISSING for hole in found):
        node.pulled(begun.epoch.number, next_record)
    waiting = begun.waiting.pages().keys() if begun.waiting else set()
    return PullResult(
        records=ranges.count(new),
        first=ends[0] if ends else None,
        last=ends[-1] if ends else None,
        epoch=begun.epoch.number,
        holes=found,
        node=begun.epoch.node,
        next_record=next_record,
        total=ranges.count(have),
        waiting=len({entry.page for entry in begun.index} & waiting),
    )


def _holes(begun: Begun, have: list[Range]) -> list[Hole]:
    """What the archive lacks of the wanted numbers.

    What the node says that it lost is believed where all of its page is here: a loss is told as a
    bound, and records that were not lost may still come.
    """
    wanted = [(begun.since, begun.beyond - 1)] if begun.since < begun.beyond else []
    contents, index = begun.contents, begun.index
    on_node = index[0].first_record if index else begun.beyond
    whole = here_whole(contents, index, begun.committed)
    lacking, damaged = ranges.without(wanted, have), contents.damaged(begun.beyond)
    gone = [(0, on_node - 1, holes.OVERWRITTEN)]
    told = holes.find(ranges.in_both(lacking, whole), damaged, [*contents.losses(), *gone])
    rest = holes.find(ranges.without(lacking, whole), damaged, gone)
    return sorted(told + rest, key=lambda hole: hole.first)

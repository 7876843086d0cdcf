# SPDX-License-Identifier: MIT
"""What became of every record of a node: ARCHIVE/NODE/EPOCH/ledger.json, beside its pages.

An *entry* tells of a hole (`tirta.archive.holes`), from the moment when the node said that it has
these records. It is *detected*, then *collecting* while a pull asks for it, then *collected*, or
*lost* with the reason. A pull that is killed leaves it collecting; the next one takes it from
there. The pages are the evidence: a ledger that is lost or damaged is made again from them and the
node.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tirta.archive import holes
from tirta.archive.evidence import Epoch
from tirta.archive.holes import Hole
from tirta.ranges import Range, in_both, without

DETECTED, COLLECTING, COLLECTED, LOST = "detected", "collecting", "collected", "lost"
_FILE = "ledger.json"
UNREADABLE = "its page cannot be read"


@dataclass(frozen=True)
class Entry:
    """Records `first` to `last`; `at` is when the state came (UTC)."""

    first: int
    last: int
    state: str
    reason: str = ""
    at: str = ""


class Ledger:
    """The ledger of one node's epoch; `collected` are the ranges that the archive has, `entries`
    are by number.
    """

    def __init__(self, epoch: Epoch) -> None:
        self._epoch = epoch
        self.collected: list[Range] = []
        self.entries: list[Entry] = []
        self._read()

    def detect(self, have: list[Range], since: int, beyond: int) -> None:
        """Enter what lacks: the node has records up to `beyond`, the archive `have`."""
        known = [(entry.first, entry.last) for entry in self.entries]
        lacking = without([(since, beyond - 1)] if since < beyond else [], have)
        self.collected = have
        self.entries += [self._entry(a, b, DETECTED) for a, b in without(lacking, known)]

    def collect(self, ranges: list[Range]) -> None:
        """Enter that a pull asks for these records now."""
        self._move(ranges, COLLECTING, (DETECTED, COLLECTING))

    def collect_ended(self, have: list[Range], left: list[Hole]) -> None:
        """Enter what the archive has after a pull, and what is left of the holes."""
        self.collected = have
        self._move(have, COLLECTED, (DETECTED, COLLECTING, LOST))
        for hole in left:
            if hole.state != holes.MISSING:
                reason = UNREADABLE if hole.state == holes.DAMAGED else hole.reason
                self._move([(hole.first, hole.last)], LOST, (DETECTED, COLLECTING), reason or "")
        asked = [(e.first, e.last) for e in self.entries if e.state == COLLECTING]
        self._move(asked, DETECTED, (COLLECTING,))

    def save(self) -> None:
        """Write it whole or not at all; one that says what it said before is left alone."""
        self.entries.sort(key=lambda entry: entry.first)
        content = {
            "node": self._epoch.node,
            "epoch": self._epoch.number,
            "collected": self.collected,
            "holes": [asdict(entry) for entry in self.entries],
        }
        text = json.dumps(content, indent=1).encode() + b"\n"
        if self._epoch.note(_FILE) != text:
            self._epoch.keep_note(_FILE, text)

    def _move(
        self, ranges: list[Range], state: str, before: tuple[str, ...], reason: str = ""
    ) -> None:
        """Parts of entries in one of the states `before` that lie in `ranges` come into `state`."""
        entries: list[Entry] = []
        for entry in self.entries:
            whole = [(entry.first, entry.last)]
            moved = in_both(whole, ranges) if entry.state in before else []
            entries += [self._entry(a, b, state, reason) for a, b in moved]
            rest = without(whole, moved)
            entries += [Entry(a, b, entry.state, entry.reason, entry.at) for a, b in rest]
        self.entries = entries

    def _read(self) -> None:
        """Take what the file says; a damaged one is made again."""
        try:
            found = json.loads(self._epoch.note(_FILE) or b"")
            if found["epoch"] == self._epoch.number:
                collected = [(int(a), int(b)) for a, b in found["collected"]]
                self.entries = [Entry(**entry) for entry in found["holes"]]
                self.collected = collected
        except (LookupError, ValueError, TypeError, ArithmeticError, RecursionError):
            pass

    @staticmethod
    def _entry(first: int, last: int, state: str, reason: str = "") -> Entry:
        return Entry(first, last, state, reason, datetime.now(UTC).isoformat(timespec="seconds"))

# SPDX-License-Identifier: MIT
"""What became of every record of a node: ARCHIVE/NODE/EPOCH/ledger.json, beside its pages.

A *hole* is a range of numbers that was not in the archive when the node said that it has them. It
is *detected*, then *collecting* while a pull asks for it, then *collected*, or *lost* with the
reason. A pull that is killed leaves it collecting; the next one takes it from there. The pages are
the evidence: a ledger that is lost or damaged is made again from them and the node.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tirta.archive.evidence import Epoch
from tirta.files import atomic
from tirta.ranges import Range, in_both, without

DETECTED, COLLECTING, COLLECTED, LOST = "detected", "collecting", "collected", "lost"
OVERWRITTEN = "the node has overwritten it"
DAMAGED = "its page cannot be read"


@dataclass(frozen=True)
class Hole:
    """Records `first` to `last`; `at` is when the state came (UTC)."""

    first: int
    last: int
    state: str
    reason: str = ""
    at: str = ""


class Ledger:
    """The ledger of one node's epoch; `collected` are the ranges that the archive has."""

    def __init__(self, epoch: Epoch) -> None:
        self._path = epoch.folder / "ledger.json"
        self._epoch = epoch
        self.collected: list[Range] = []
        self.holes: list[Hole] = []
        found = _read(self._path)
        if found.get("epoch") == epoch.number:
            self.collected = [(int(a), int(b)) for a, b in found["collected"]]
            self.holes = [Hole(**hole) for hole in found["holes"]]

    def detect(self, have: list[Range], since: int, beyond: int) -> None:
        """The node has records up to `beyond`, the archive `have`: what lacks is a hole."""
        known = [(hole.first, hole.last) for hole in self.holes]
        lacking = without([(since, beyond - 1)] if since < beyond else [], have)
        self.collected = have
        self.holes += [self._hole(a, b, DETECTED) for a, b in without(lacking, known)]

    def collect(self, ranges: list[Range]) -> None:
        """A pull asks for these records now."""
        self._move(ranges, COLLECTING, (DETECTED, COLLECTING))

    def collect_ended(self, have: list[Range], lost: dict[str, list[Range]]) -> None:
        """What the archive has after a pull, and what cannot come any more, by reason."""
        self.collected = have
        self._move(have, COLLECTED, (DETECTED, COLLECTING, LOST))
        for reason, ranges in lost.items():
            self._move(ranges, LOST, (DETECTED, COLLECTING), reason)
        left = [(h.first, h.last) for h in self.holes if h.state == COLLECTING]
        self._move(left, DETECTED, (COLLECTING,))

    def save(self) -> None:
        """Whole or not at all; a ledger that says what it said before is left alone."""
        self.holes.sort(key=lambda hole: hole.first)
        content = {
            "node": self._epoch.node,
            "epoch": self._epoch.number,
            "collected": self.collected,
            "holes": [asdict(hole) for hole in self.holes],
        }
        text = json.dumps(content, indent=1).encode() + b"\n"
        if not self._path.exists() or self._path.read_bytes() != text:
            atomic.write(self._path, text)

    def _move(
        self, ranges: list[Range], state: str, before: tuple[str, ...], reason: str = ""
    ) -> None:
        """Parts of holes in one of the states `before` that lie in `ranges` come into `state`."""
        holes: list[Hole] = []
        for hole in self.holes:
            span = [(hole.first, hole.last)]
            moved = in_both(span, ranges) if hole.state in before else []
            holes += [self._hole(a, b, state, reason) for a, b in moved]
            holes += [Hole(a, b, hole.state, hole.reason, hole.at) for a, b in without(span, moved)]
        self.holes = holes

    @staticmethod
    def _hole(first: int, last: int, state: str, reason: str = "") -> Hole:
        return Hole(first, last, state, reason, datetime.now(UTC).isoformat(timespec="seconds"))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
        if isinstance(found, dict) and {"epoch", "collected", "holes"} <= found.keys():
            return found
    except (OSError, ValueError):
        pass  # none yet, or damaged: it is made again
    return {}

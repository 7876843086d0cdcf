# SPDX-License-Identifier: MIT
"""What a lake has of one node's epoch, kept beside its evidence: which records, dated by what."""

import json
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from tirta.archive.epoch import Epoch
from tirta.log.dating import Anchor, Dating
from tirta.log.decode import Log
from tirta.log.records import Records
from tirta.ranges import Range
from tirta_format import alarm_log, meta

_FILE = "lake.json"
_FORMAT = 1
_EVENTS_OF = 64  # pages whose events are counted: the newest


@dataclass
class StreamState:
    """`have` are the numbers of the records in the lake, `dated` the uptime of the newest of each
    boot, `events` how many of a page's events are there. `beyond` are numbers of records that the
    lake has, too, and nobody here knows from which pages (tirta.tables.mend).
    """

    have: list[Range] = field(default_factory=list)
    dated: dict[int, int] = field(default_factory=dict)
    events: dict[int, int] = field(default_factory=dict)
    configs: list[str] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)  # pages whose config did not come yet
    anchors: dict[int, list[list[int]]] = field(default_factory=dict)
    page_anchors: dict[int, list[int]] = field(default_factory=dict)
    calibrated: list[Any] = field(default_factory=list)
    firmware: str = ""
    battery_v: float | None = None
    raised: list[str] = field(default_factory=list)
    newest: list[int] = field(default_factory=lambda: [-1, -1])  # event: page, place
    battery_number: int = -1
    beyond: list[Range] = field(default_factory=list)

    @classmethod
    def of(cls, epoch: Epoch) -> Self:
        """Read it; nothing is in the lake where nothing is noted."""
        content = epoch.note(_FILE)
        if content is None:
            return cls()
        told = json.loads(content)
        if told.pop("format") != _FORMAT:
            raise ValueError(_FILE)
        for name in ("dated", "events", "anchors", "page_anchors"):
            told[name] = {int(key): value for key, value in told[name].items()}
        for name in ("have", "beyond"):
            told[name] = [(int(a), int(b)) for a, b in told.get(name, ())]
        return cls(**told)

    def save(self, epoch: Epoch, events_of: int = _EVENTS_OF) -> None:
        """Note it, with the events of so many pages. Raises TirtaError."""
        newest = sorted(self.events)[-events_of:]
        told = vars(self) | {"format": _FORMAT, "events": {p: self.events[p] for p in newest}}
        epoch.keep_note(_FILE, json.dumps(told, separators=(",", ":")).encode())

    def learn(self, log: Log) -> None:
        """Take what decoded pages say of time, and of the node's condition."""
        for event in log.events:
            if event.kind == meta.ANCHOR and event.boot is not None:
                told = event.fields
                one = [event.uptime_ms, told["unix_ms"], told["uncertainty_ms"], told["source"]]
                kept = self.anchors.setdefault(event.boot, [])
                if one not in kept:
                    kept.append(one)
        for boot, anchor in log.page_anchors.items():
            self.page_anchors[boot] = list(vars(anchor).values())

    def judge(self, log: Log, places: list[int]) -> None:
        """Take what the newest events say of firmware and alarms; `places` are theirs in a page."""
        raised = set(self.raised)
        for event, place in zip(log.events, places, strict=True):
            if [event.page, place] <= self.newest:
                continue
            self.newest = [event.page, place]
            if event.kind == meta.BOOT:
                self.firmware = str(event.fields.get("firmware", ""))
            elif event.kind == alarm_log.RECORD:
                change = raised.add if event.fields.get("raised") else raised.discard
                change(str(event.fields["name"]))
        self.raised = sorted(raised)

    def date(self, found: Records) -> None:
        """Note that records are in the lake."""
        ends = np.append(np.flatnonzero(np.diff(found.boot)), len(found) - 1)
        for boot, uptime_ms in zip(found.boot[ends], found.uptime_ms[ends], strict=True):
            self.dated[int(boot)] = max(int(uptime_ms), self.dated.get(int(boot), 0))

    def dating(self) -> Dating:
        """Return what dates the records."""
        found = {boot: [Anchor(*one) for one in kept] for boot, kept in self.anchors.items()}
        return Dating(found, {boot: Anchor(*one) for boot, one in self.page_anchors.items()})

    def dates(self, dating: Dating) -> dict[int, list[Anchor]]:
        """Return, of each boot, the anchors that date what the lake has of it."""
        found = {}
        for boot, newest in self.dated.items():
            every = dating.of_boot(boot)
            found[boot] = [one for one in every if one.uptime_ms <= newest] or every[:1]
        return found

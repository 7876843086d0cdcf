# SPDX-License-Identifier: MIT
"""One bundle onto many nodes, in waves: few first, then more, and a stop before all have it.

Each node is updated as `tirta update` does it, its trial included. The rules:

- A node has *failed* that went back, or that is silent since its trial began. As soon as 1 % of
  the nodes that were tried have failed, no other trial begins.
- A node that cannot be reached has not failed: it is *owed*. It is asked again every minute, until
  an hour after its first silence (`again_s`, `window_s`), then in each later wave and the next run.
- The next wave opens when nobody of this one is left to ask, and more than half of all so far run
  the bundle's version.
- Each step is on the disk before it is done (tirta.install.rollout_record). The run after one that
  was killed goes on where that was, tries no node twice and forgets none.
"""

import heapq
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

from tirta.errors import TirtaError
from tirta.image.bundle import Bundle
from tirta.install import rollout_record, update
from tirta.install.rollout_record import CONFIRMED, FAILED, GOOD, OWED, NodeStep, Record
from tirta.install.rollout_turn import LeftAsItIsError, Turns
from tirta.node import Node
from tirta.node.discover import choose

MOST_FAILED = 0.01  # of the nodes that were tried
ENOUGH = 0.5  # more than this part must run the version before the next wave opens
_TURN_S = 1.0
_NAMED = 10  # nodes in a message


class StoppedError(TirtaError):
    """The roll-out stopped itself."""


def opened(link: str) -> Node:
    """Open a node by its port, name, id, or whatever else a command takes for PORT."""
    choice = choose(link)
    return Node(choice.port, choice.baud)


@dataclass(frozen=True)
class WavePlan:
    """How a roll-out goes on; `waves` are percents of all nodes, growing. Times in s: `look_s`
    between two looks at a trial, `decided_s` until who is silent since its trial has failed.
    """

    waves: Sequence[float] = (1, 10, 100)
    at_once: int = 8
    window_s: float = 3600
    again_s: float = 60
    look_s: float = 10
    decided_s: float = update.DECIDED_S
    open: Callable[[str], Node] = opened


@dataclass
class Stand:
    """How far a roll-out is: the wave's number from 1 on, of how many; the nodes of all waves so
    far; how many of them are busy right now; and in which states the others are.
    """

    wave: int = 0
    waves: int = 0
    nodes: int = 0
    busy: int = 0
    states: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> int:
        """How many run the version."""
        return sum(self.states[state] for state in GOOD)

    @property
    def failed(self) -> int:
        """How many failed their trial."""
        return sum(self.states[state] for state in FAILED)

    @property
    def tried(self) -> int:
        """How many had a trial that is decided."""
        return self.failed + self.states[CONFIRMED]


def waves_of(links: Iterable[str], percents: Sequence[float], seed: str) -> list[list[str]]:
    """Divide nodes into waves, spread evenly: the same nodes and seed give the same waves, and no
    two nodes change their order because of a third.
    """
    order = sorted(set(links), key=lambda link: sha256(f"{seed} {link}".encode()).digest())
    ends = [0, *(max(1, math.ceil(len(order) * percent / 100)) for percent in percents)]
    return [order[a:b] for a, b in pairwise(ends)]


class Rollout:
    """One run of it. `told` hears of each node what became of it, `shown` how far all is, about
    once a second.
    """

    def __init__(
        self,
        bundle: Bundle,
        record: Record,
        how: WavePlan,
        told: Callable[[NodeStep], object] = lambda _step: None,
        shown: Callable[[Stand], object] = lambda _stand: None,
    ) -> None:
        self._bundle, self._how = bundle, how
        self._told, self._shown = told, shown
        self._turns = Turns(bundle, record, how.open, how.look_s, how.decided_s)
        self._ended: dict[str, NodeStep] = {}
        self._stand = Stand()

    def run(self, links: Iterable[str]) -> list[NodeStep]:
        """Go through all waves; return what became of each node. Raises StoppedError where it
        stopped before the end.
        """
        waves = waves_of(links, self._how.waves, rollout_record.digest(self._bundle))
        owed: list[str] = []
        self._stand.waves = len(waves)
        for self._stand.wave, wave in enumerate(waves, 1):
            self._stand.nodes += len(wave)
            self._wave([*owed, *wave])
            owed = [link for link, step in self._ended.items() if step.state == OWED]
            self._must_be_enough()
        return list(self._ended.values())

    def _wave(self, links: Iterable[str]) -> None:
        """Give each node its turn, and those that do not answer another one, as the rule says."""
        asked, again = deque(links), _Again(self._how)
        busy: dict[Future[NodeStep], str] = {}
        pool = ThreadPoolExecutor(self._how.at_once)
        try:
            while asked or again or busy:
                asked.extend(again.due())
                while asked and len(busy) < self._how.at_once:
                    link = asked.popleft()
                    busy[pool.submit(self._turns.turn, link)] = link
                self._show(len(busy))
                if not busy:
                    time.sleep(min(_TURN_S, self._how.again_s))
                for future in wait(busy, _TURN_S, FIRST_COMPLETED).done:
                    self._take(busy.pop(future), future, again)
                if self._has_failed():
                    self._turns.stop()
                    asked.clear()
                    again.clear()
        except BaseException:  # Ctrl-C: who is being written stays as it is
            self._turns.leave()
            raise
        finally:
            pool.shutdown()
        self._show(0)
        if self._has_failed():
            raise self._stopped()

    def _take(self, link: str, future: Future[NodeStep], again: "_Again") -> None:
        try:
            step = future.result()
        except LeftAsItIsError:
            return
        before = self._ended.get(link)
        if before:
            self._stand.states[before.state] -= 1
        self._stand.states[step.state] += 1
        self._ended[link] = step
        if step.state == OWED:
            again.later(link)
        if before is None or before.state != step.state:
            self._told(step)

    def _show(self, busy: int) -> None:
        self._stand.busy = busy
        self._shown(self._stand)

    def _has_failed(self) -> bool:
        return self._stand.failed > 0 and self._stand.failed >= MOST_FAILED * self._stand.tried

    def _stopped(self) -> StoppedError:
        stand = self._stand
        failed = [link for link, step in self._ended.items() if step.state in FAILED]
        named = ", ".join([*failed[:_NAMED], *(["…"] if len(failed) > _NAMED else [])])
        return StoppedError(
            f"Stopped in wave {stand.wave} of {stand.waves}: of {stand.tried} nodes that were tried"
            f" {stand.failed} failed: {named}.",
            "No other trial was begun. `tirta doctor PORT` tells what such a node says. Roll out a"
            " mended bundle; or, where the node is at fault, mend it or leave it out (--without"
            " NODE), and run the command again.",
        )

    def _must_be_enough(self) -> None:
        stand = self._stand
        if stand.wave < stand.waves and stand.good <= ENOUGH * stand.nodes:
            raise StoppedError(
                f"Stopped after wave {stand.wave} of {stand.waves}: only {stand.good} of its"
                f" {stand.nodes} nodes run version {self._bundle.version}.",
                "See above what keeps the others, and mend it, or leave them out (--without NODE);"
                " then run the command again.",
            )


class _Again:
    """Nodes that did not answer, and when they are asked again."""

    def __init__(self, how: WavePlan) -> None:
        self._how = how
        self._missed: dict[str, float] = {}  # when a node was first silent
        self._queue: list[tuple[float, str]] = []

    def __bool__(self) -> bool:
        return bool(self._queue)

    def clear(self) -> None:
        self._queue.clear()

    def later(self, link: str) -> None:
        now = time.monotonic()
        until = self._missed.setdefault(link, now) + self._how.window_s
        if now + self._how.again_s <= until:
            heapq.heappush(self._queue, (now + self._how.again_s, link))

    def due(self) -> Iterable[str]:
        while self._queue and self._queue[0][0] <= time.monotonic():
            yield heapq.heappop(self._queue)[1]

# SPDX-License-Identifier: MIT
"""A node's turn in a roll-out: look what it runs, bring it the bundle, see its trial through.

What the record says last decides where a turn begins. So one that was cut off anywhere, by a kill
too, goes on in the next run, and a node that may have been tried is asked before anything else.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from tirta.errors import TirtaError
from tirta.image.bundle import Bundle
from tirta.install import update
from tirta.install.rollout_record import (
    CONFIRMED,
    FAILED,
    GOOD,
    HAD_IT,
    OWED,
    REFUSED,
    SENDING,
    SILENT,
    TRYING,
    WENT_BACK,
    NodeStep,
    Record,
)
from tirta.keys.memory import DowngradeError
from tirta.link.failures import NoAnswerError, NotAllowedError, RefusedError
from tirta.link.serial_line import LineLostError
from tirta.node import Node

_LATER = (LineLostError, NoAnswerError, RefusedError)  # a minute later it may go well


class LeftAsItIsError(Exception):
    """The roll-out ended before this node was tried, or before its trial did."""


class Turns:
    """Gives nodes their turns; threads may at once, each another node. Times in s.

    After `stop` no trial begins. After `leave` nobody waits for those under way, either: the nodes
    decide by themselves, and the next run asks.
    """

    def __init__(
        self,
        bundle: Bundle,
        record: Record,
        opened: Callable[[str], Node],
        look_s: float,
        decided_s: float,
    ) -> None:
        self._bundle, self._record, self._open = bundle, record, opened
        self._look_s, self._decided_s = look_s, decided_s
        self._stops, self._leaves = threading.Event(), threading.Event()

    def stop(self) -> None:
        """Begin no trial from now on."""
        self._stops.set()

    def leave(self) -> None:
        """End all turns soon."""
        self._stops.set()
        self._leaves.set()

    def turn(self, link: str) -> NodeStep:
        """Do what a node needs, and return what became of it. Raises LeftAsItIsError."""
        before = self._record.of(link)
        if before and before.state in GOOD:
            return before
        try:
            if before and before.state in {TRYING, *FAILED}:
                seen = self._look(link, before)
                if seen:
                    return seen
            return self._send(link)
        except TirtaError as error:
            if isinstance(error, _LATER) and not isinstance(error, NotAllowedError):
                return self._record.add(link, OWED, why=error.what)
            return self._record.add(link, REFUSED, why=f"{error.what} {error.hint}".strip())

    def _send(self, link: str) -> NodeStep:
        """Bring the bundle onto a node, and see its trial through."""
        self._may_begin()
        tried: list[NodeStep] = []

        def trying() -> None:
            self._may_begin()
            tried.append(self._record.add(link, TRYING))

        try:
            with self._reach(link) as node:
                found = update.slots(node)
                told = {"node": node.hello.node, "before": str(found["version"])}
                if found["trial"] == self._bundle.version:  # somebody else began it
                    tried.append(self._record.add(link, TRYING, **told))
                elif found["version"] == self._bundle.version:
                    return self._record.add(link, HAD_IT, **told)
                else:
                    self._bundle.must_suit(found, allow_downgrade=False)
                    self._record.add(link, SENDING, **told)
                    update.send(
                        node, self._bundle, progress=lambda *_: self._may_begin(), trying=trying
                    )
        except TirtaError:
            seen = self._look(link, tried[0]) if tried else None
            if seen is None:
                raise
            return seen
        seen = self._look(link, tried[0])
        if seen is None:
            raise TirtaError("The node took all of it and began no trial.", "Look at its log.")
        return seen

    def _reach(self, link: str) -> Node:
        """Open a node. Raises NoAnswerError where it cannot be reached, for whatever reason."""
        try:
            return self._open(link)
        except DowngradeError:
            raise
        except TirtaError as error:
            raise NoAnswerError(error.what, error.hint) from error

    def _may_begin(self) -> None:
        if self._stops.is_set():
            raise LeftAsItIsError

    def _look(self, link: str, last: NodeStep) -> NodeStep | None:
        """See what a node that may be on trial made of it; None where no trial ever began.

        One that was tried in an earlier run has as long as it would have had in that one.
        """
        allowed_s = 0.0 if last.state in FAILED else self._decided_s - (time.time() - last.at)
        until = time.monotonic() + min(allowed_s, self._decided_s)
        while True:
            try:
                with self._reach(link) as node:
                    found = update.slots(node)
                if not found["trial"]:
                    return self._decided(link, last, found)
                why = f"its trial of {found['trial']} does not end"
            except TirtaError as error:
                why = error.what
            if time.monotonic() >= until:
                return last if last.state in FAILED else self._record.add(link, SILENT, why=why)
            self._rest()

    def _decided(self, link: str, last: NodeStep, found: dict[str, Any]) -> NodeStep | None:
        if found["version"] == self._bundle.version:
            return self._record.add(link, CONFIRMED)
        if found["begun"]:  # and never tried since (FORMAT.md section 10)
            return None
        if last.state == WENT_BACK:
            return last
        return self._record.add(link, WENT_BACK, why=f"It runs {found['version']} again.")

    def _rest(self) -> None:
        if self._leaves.wait(self._look_s):
            raise LeftAsItIsError

# SPDX-License-Identifier: MIT
"""How a pull begins: what the node has, and what the archive lacks of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tirta.archive.contents import Contents
from tirta.archive.evidence import Archive, Epoch
from tirta.archive.ledger import Ledger
from tirta.archive.quarantine import Quarantine, confirmed_before
from tirta.errors import TirtaError
from tirta.keys import memory
from tirta.link.answers import Committed, IndexEntry
from tirta.log.known_pages import refresh
from tirta.node import Node
from tirta.ranges import Range
from tirta_format import config as format_config
from tirta_format import frame


@dataclass(frozen=True)
class Begun:
    """What is known when a pull begins: numbers from `since` up to `beyond` are wanted, of which
    the archive has those in `before`.
    """

    epoch: Epoch
    committed: Committed
    index: list[IndexEntry]
    waiting: Quarantine | None  # for the pages of a locked node
    contents: Contents
    ledger: Ledger
    before: list[Range]
    since: int
    beyond: int


def begin(node: Node, archive: Path, since: int, until: int | None) -> Begun:
    """Let the node commit, and work out what the archive lacks; enter it in the ledger.

    Sets the clock of a node that has no time. Raises DowngradeError where a node that was locked
    says that it is open, TirtaError where it says of itself what cannot be.
    """
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
    contents = Contents.of(epoch)
    refresh(contents)
    contents.save()
    before = contents.have()
    beyond = committed.next_record if until is None else min(until, committed.next_record)
    ledger = Ledger(epoch)
    ledger.detect(before, 0, committed.next_record)
    ledger.collect([(since, beyond - 1)])
    ledger.save()
    _keep_config(node, epoch, status)
    waiting = Quarantine(epoch) if node.link.guard else None
    return Begun(epoch, committed, index, waiting, contents, ledger, before, since, beyond)


def _keep_config(node: Node, epoch: Epoch, status: dict[str, Any]) -> None:
    if not epoch.has_config(status.get("config", 0)):
        text = node.config()
        epoch.store_config(format_config.config_hash(text), text)

# SPDX-License-Identifier: MIT
"""What a centre makes of the pages that came: tables of each node beside its evidence, or rows of a
lake, for many nodes at once.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.tables import condition
from tirta.tables.condition import Condition
from tirta.tables.landing import land
from tirta.tables.layout import Shelf


class Landings(Protocol):
    """Where the rows go."""

    def bring(self, changed: Iterable[tuple[str, int]]) -> Iterable[TirtaError]:
        """Bring the tables of nodes' epochs up to date; what could not be is told."""

    def condition(self, node: str, epoch: int) -> Condition:
        """Look what the tables say of a node."""


class NodeTables:
    """Tables of each node in the archive."""

    def __init__(self, root: Path) -> None:
        self._archive = Archive(root)

    def bring(self, changed: Iterable[tuple[str, int]]) -> Iterable[TirtaError]:
        """Bring the tables of nodes' epochs up to date; what could not be is told."""
        for node, epoch in sorted(changed):
            try:
                land(self._archive.epoch(node, epoch), self._archive.root)
            except TirtaError as error:
                yield error

    def condition(self, node: str, epoch: int) -> Condition:
        """Look what the tables say of a node."""
        return condition.condition(Shelf(self._archive.root, node, epoch))

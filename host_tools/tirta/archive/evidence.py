# SPDX-License-Identifier: MIT
"""The archive on a disk: evidence of any number of nodes, and every table is made from it.

A laptop's archive has a folder for each node and epoch (tirta.archive.epoch); one that a centre
fills for a lake has them in one file (tirta.archive.pack). Both are read in the same way. Tables
that other programs read lie beside it (tirta.tables).
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from tirta.archive.epoch import Epoch, StoredPage
from tirta.archive.pack import WHOLE_NODE, Pack
from tirta.archive.packed_epoch import PackedEpoch
from tirta.errors import TirtaError
from tirta.files import atomic

__all__ = ["Archive", "Epoch", "StoredPage"]
_NODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}")


class Archive:
    """A folder with the pages of any number of nodes; `pack` is the file of those that have no
    folder, if there is one.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pack = Pack.of(root)

    def together(self) -> contextlib.AbstractContextManager[None]:
        """Make what is written to a pack in the block durable when it ends, all or nothing; folders
        have each file on the disk when it is written. Raises TirtaError.
        """
        return self.pack.together() if self.pack else contextlib.nullcontext()

    def note(self, node: str, name: str) -> bytes | None:
        """Return what is noted of a node; None where nothing can be read."""
        found = self.pack.note(node, WHOLE_NODE, name) if self.pack else None
        if found is None:
            with contextlib.suppress(OSError):
                found = (self.root / node / name).read_bytes()
        return found

    def keep_note(self, node: str, name: str, content: bytes) -> None:
        """Note something of a node. Raises TirtaError."""
        if self.pack:
            self.pack.keep_note(node, WHOLE_NODE, name, content)
        else:
            atomic.write(self.root / node / name, content)

    def epoch(self, node: str, number: int) -> Epoch:
        """Return the place of one node's epoch; its folder need not exist yet."""
        if not _NODE.fullmatch(node):
            raise TirtaError(
                f"The node calls itself {node!r}: that cannot name a folder.",
                "Deploy the application again: `tirta deploy`.",
            )
        folder = self.root / node / str(number)
        return (
            PackedEpoch(node, number, folder, self.pack)
            if self.pack
            else Epoch(node, number, folder)
        )

    def epochs(self) -> list[Epoch]:
        """Look for every node and epoch in the archive, sorted."""
        found = set(self._packed())
        for pages in self.root.glob("*/*/pages"):
            node, number = pages.parts[-3:-1]
            if _NODE.fullmatch(node) and number.isdecimal():
                found.add((node, int(number)))
        return [self.epoch(node, number) for node, number in sorted(found)]

    def _packed(self) -> Iterator[tuple[str, int]]:
        if self.pack:
            for node, number in self.pack.epochs():
                if _NODE.fullmatch(node):
                    yield node, number

    def must_have_epochs(self) -> list[Epoch]:
        """Return the same as `epochs`. Raises TirtaError for a person who named the wrong
        folder.
        """
        epochs = self.epochs()
        if not epochs:
            raise TirtaError(
                f"{self.root} is not an archive: no pages of any node are in it.",
                "Name the folder that `tirta pull --archive DIR` wrote to.",
            )
        return epochs

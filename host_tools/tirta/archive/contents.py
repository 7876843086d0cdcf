# SPDX-License-Identifier: MIT
"""What is known of the pages of an epoch without opening them: NODE/EPOCH/contents.json.

A pull remembers which records each page has, whether it is damaged and what the node says in it
that it lost. A page whose file has changed since, or of which nothing is remembered, is opened
again; so a file that is lost or damaged is made again from the pages. What a disk damages while the
file's date stays is for `tirta archive check`, which reads everything. It is no table: these are
made after a pull, and not at all where the disk is full.
"""

import contextlib
import json
from dataclasses import dataclass, field
from typing import Any, Self

from tirta import ranges
from tirta.archive import holes
from tirta.archive.evidence import Epoch, StoredPage
from tirta.archive.holes import Loss
from tirta.archive.packed_epoch import PackedEpoch
from tirta.files import atomic
from tirta.ranges import Range

_FILE = "contents.json"
_FORMAT = 1


@dataclass(frozen=True)
class KnownPage:
    """A stored page and what decoding it told.

    `first_record` is the number of its header. `config_hash` is 0 where the text of its config is
    here; else its records cannot be read, and none are in `records`.
    """

    stored: StoredPage
    first_record: int
    records: tuple[Range, ...]
    damaged: bool
    losses: tuple[Loss, ...] = ()
    config_hash: int = 0


@dataclass
class Contents:
    """The known pages of one epoch, by sequence, ascending."""

    epoch: Epoch
    pages: dict[int, KnownPage] = field(default_factory=dict)
    _kept: dict[int, KnownPage] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, epoch: Epoch) -> Self:
        """Read the file; nothing is known where it says nothing sensible."""
        if isinstance(epoch, PackedEpoch):
            return cls._of_pack(epoch)
        try:
            found: dict[str, Any] = json.loads((epoch.folder / _FILE).read_bytes())
            if (found["format"], found["epoch"]) != (_FORMAT, epoch.number):
                return cls(epoch)
            return cls(epoch, {int(s): _page(epoch, int(s), t) for s, t in found["pages"].items()})
        except (OSError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
                RecursionError):  # fmt: skip
            return cls(epoch)

    @classmethod
    def _of_pack(cls, epoch: PackedEpoch) -> Self:
        """Do the same for an epoch in a pack: there it is kept with each page."""
        found = {}
        for sequence, kept in epoch.known().items():
            with contextlib.suppress(ValueError, LookupError, TypeError):
                found[sequence] = _page(epoch, sequence, json.loads(kept))
        return cls(epoch, found, dict(found))

    def save(self) -> None:
        """Write the file, whole or not at all; one that says the same is left alone."""
        if isinstance(self.epoch, PackedEpoch):
            fresh = {s: page for s, page in self.pages.items() if self._kept.get(s) != page}
            if fresh:
                self.epoch.remember({s: packed(page) for s, page in fresh.items()})
            self._kept = dict(self.pages)
            return
        told = {
            "format": _FORMAT,
            "epoch": self.epoch.number,
            "pages": {str(s): _told(self.pages[s]) for s in sorted(self.pages)},
        }
        text = json.dumps(told, separators=(",", ":")).encode()
        path = self.epoch.folder / _FILE
        if not path.exists() or path.read_bytes() != text:
            atomic.write(path, text)

    def stored(self) -> dict[int, StoredPage]:
        """Look what is stored now, by sequence, ascending; known pages are not opened."""
        return self.epoch.pages(known=(page.stored for page in self.pages.values()))

    def have(self) -> list[Range]:
        """Return the numbers of all records that are here."""
        return ranges.merged(one for page in self.pages.values() for one in page.records)

    def damaged(self, beyond: int) -> list[Range]:
        """Return the numbers below `beyond` that damaged pages may have held."""
        ordered = (self.pages[sequence] for sequence in sorted(self.pages))
        return holes.in_damaged_pages(((p.first_record, p.damaged) for p in ordered), beyond)

    def losses(self) -> list[Loss]:
        """Return what the node says in its log that it lost."""
        return [loss for page in self.pages.values() for loss in page.losses]


def _page(epoch: Epoch, sequence: int, told: list[Any]) -> KnownPage:
    size, header_crc, changed_ns, first, records, damaged, losses, config_hash = told
    return KnownPage(
        epoch.stored_page(sequence, int(size), int(header_crc), int(changed_ns)),
        int(first),
        tuple((int(a), int(b)) for a, b in records),
        bool(damaged),
        tuple((int(a), int(b), str(why)) for a, b, why in losses),
        int(config_hash),
    )


def packed(page: KnownPage) -> str:
    """Return what a pack keeps of a page."""
    return json.dumps(_told(page), separators=(",", ":"))


def _told(page: KnownPage) -> list[Any]:
    stored = page.stored
    return [
        stored.size, stored.header_crc, stored.changed_ns,
        page.first_record, page.records, page.damaged, page.losses, page.config_hash,
    ]  # fmt: skip

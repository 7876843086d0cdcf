# SPDX-License-Identifier: MIT
"""Pages of a locked node wait in NODE/EPOCH/pending/ until the node has confirmed them.

Pages travel without tags, so whoever sits on the line can change them; the node's digest of them
comes sealed. A page that matches moves to pages/, and only what lies there is evidence: tables,
exports and reports know no other place. What waits is kept over a pull that was cut off.

`attested.json` tells of pages/: how many bytes of which page are confirmed, with their SHA-256, and
which pages were *rejected*: they had been taken for the node's, and are not.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from tirta.archive.evidence import Archive, Epoch, StoredPage
from tirta.archive.packed_epoch import PackedEpoch, PackedPage
from tirta.files import atomic

_FILE = "attested.json"
_FORMAT = 2  # 1 was {sequence: size}, and named pages, too, that the node had refused to confirm


@dataclass(frozen=True)
class Confirmed:
    """The first `size` bytes of a page have this SHA-256, says the node itself."""

    size: int
    sha256: str

    def holds(self, data: bytes) -> bool:
        """Return whether a page begins with these bytes."""
        return len(data) >= self.size and sha256(data[: self.size]).hexdigest() == self.sha256

    def is_of(self, epoch: Epoch, sequence: int) -> bool:
        """Return whether the page in the archive begins with these bytes."""
        try:
            data = epoch.read(sequence)
        except OSError:
            return False
        return data is not None and self.holds(data)


@dataclass
class Attested:
    """What is known of the pages of one node's epoch."""

    pages: dict[int, Confirmed] = field(default_factory=dict)
    rejected: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, epoch: Epoch, only: Iterable[int] | None = None) -> Self:
        """Read what is kept; nothing where it says nothing sensible: then pages are compared
        again. With `only`, a pack is asked of these pages alone.
        """
        known = cls._of_file(epoch)
        if isinstance(epoch, PackedEpoch):
            for page, size, told in epoch.confirmed(only):
                if size:
                    known.pages[page] = Confirmed(size, told)
                    known.rejected.discard(page)
                else:
                    known.pages.pop(page, None)
                    known.rejected.add(page)
        return known

    @classmethod
    def _of_file(cls, epoch: Epoch) -> Self:
        try:
            found: dict[str, Any] = json.loads((epoch.folder / _FILE).read_bytes())
            if found["format"] != _FORMAT:
                return cls()
            return cls(
                {int(seq): Confirmed(int(n), str(h)) for seq, (n, h) in found["pages"].items()},
                {int(seq) for seq in found["rejected"]},
            )
        except (OSError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
                RecursionError):  # fmt: skip
            return cls()

    @classmethod
    def enter(cls, epoch: Epoch, right: Mapping[int, Confirmed], wrong: Iterable[int] = ()) -> Self:
        """Add to what is kept what a node confirmed or refused now, and return what is kept then,
        of a pack that of these pages. It is read again for that: a pull and a centre may write to
        one archive.
        """
        wrong = set(wrong)
        known = cls.of(epoch, right.keys() | wrong)
        for sequence, sure in right.items():
            before = known.pages.get(sequence)
            if before is None or before.size <= sure.size or not before.is_of(epoch, sequence):
                known.pages[sequence] = sure
            known.rejected.discard(sequence)
        for sequence in wrong:
            known.pages.pop(sequence, None)
            known.rejected.add(sequence)
        if isinstance(epoch, PackedEpoch):
            kept = {page: known.pages[page] for page in right.keys() - wrong}
            rows = [(page, sure.size, sure.sha256) for page, sure in kept.items()]
            epoch.confirm([*rows, *((page, 0, "") for page in wrong)])
        else:
            known.save(epoch)
        return known

    @classmethod
    def sizes(cls, epoch: Epoch) -> dict[int, int]:
        """Return how many bytes of each page that is here the node has confirmed. Files are read
        for that, since anybody may change them; a pack's pages are not.
        """
        known, found = cls.of(epoch).pages, {}
        for sequence, stored in epoch.pages().items():
            sure = known.get(sequence)
            if sure is None or stored.size < sure.size:
                continue
            if isinstance(stored, PackedPage) or sure.holds(stored.read()):
                found[sequence] = sure.size
        return found

    def save(self, epoch: Epoch) -> None:
        """Write the file, whole or not at all."""
        told = {
            "format": _FORMAT,
            "pages": {str(s): [c.size, c.sha256] for s, c in sorted(self.pages.items())},
            "rejected": sorted(self.rejected),
        }
        atomic.write(epoch.folder / _FILE, json.dumps(told).encode())


class Quarantine:
    """What waits of one node's epoch."""

    def __init__(self, epoch: Epoch) -> None:
        self.epoch = epoch
        self.folder = epoch.folder / "pending"

    def pages(self) -> dict[int, StoredPage]:
        """Look what waits, by sequence, ascending."""
        return self.epoch.pages(self.folder)

    def store(self, sequence: int, data: bytes) -> None:
        """Let a page wait, whole or not at all."""
        atomic.write(self._path(sequence), data)

    def release(self, sequence: int) -> None:
        """Make a page evidence: it is the node's. What was there and is another goes aside."""
        source, target = self._path(sequence), self.epoch.path(sequence)
        if isinstance(self.epoch, PackedEpoch):
            self.epoch.store(sequence, source.read_bytes())
            self.drop(sequence)
        elif target.exists() and not self.epoch.make_way(sequence, source.read_bytes()):
            self.drop(sequence)  # more of it came over a network meanwhile
        else:
            atomic.move(source, target)

    def drop(self, sequence: int) -> None:
        """Remove a page that is not the node's."""
        self._path(sequence).unlink(missing_ok=True)

    def _path(self, sequence: int) -> Path:
        return self.folder / self.epoch.path(sequence).name


def confirmed_before(archive: Archive, node: str) -> bool:
    """Return whether a node has ever confirmed pages of this archive: then it is locked."""
    packed = "SELECT 1 FROM confirmed WHERE node = ? LIMIT 1"
    if archive.pack and archive.pack.rows(packed, [node]):
        return True
    return any(archive.root.glob(f"{node}/*/{_FILE}"))

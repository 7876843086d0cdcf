# SPDX-License-Identifier: MIT
"""Is an archive whole? Evidence against the hashes kept of it, tables against the evidence.

Checking changes nothing. Rebuilding sets aside what is damaged, page or table, and makes the tables
anew from the rest; what is set aside stays in the archive.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tirta.archive.evidence import Archive, Epoch
from tirta.archive.packed_epoch import PackedEpoch
from tirta.archive.quarantine import Attested
from tirta.files import atomic
from tirta.progress import Progress
from tirta.tables import facts, layout
from tirta.tables.facts import PageFacts
from tirta.tables.landing import Landed, land_all
from tirta.tables.layout import Shelf

ASIDE = "aside"


@dataclass(frozen=True)
class Damage:
    """Something that is wrong: which file, what, and what to do next."""

    path: str
    what: str
    next: str


@dataclass
class ArchiveCheck:
    """What was looked at, and what is wrong with it."""

    nodes: int = 0
    pages: int = 0
    tables: int = 0
    findings: list[Damage] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """Return what `tirta archive check --json` prints."""
        return {"ok": self.ok, **asdict(self)}


def check(archive: Path, progress: Progress = lambda _done, _all: None) -> ArchiveCheck:
    """Read everything, change nothing. Raises TirtaError where there is no archive."""
    epochs = Archive(archive).must_have_epochs()
    found = ArchiveCheck(nodes=len({epoch.node for epoch in epochs}))
    for done, epoch in enumerate(epochs, 1):
        shelf = Shelf(archive, epoch.node, epoch.number)
        table = layout.read(shelf.table(layout.PAGES), layout.PAGE_SCHEMA)
        known = {} if table is None else facts.from_table(table)
        found.findings += _evidence(archive, epoch, known)
        found.pages += _count(epoch)
        progress(done, len(epochs))
    for path in _tables(archive):
        found.tables += 1
        if problem := _unreadable(path):
            found.findings.append(Damage(_name(archive, path), problem, _REBUILD))
    found.findings += _half_written(archive)
    found.findings += _twins(archive, epochs)
    return found


def rebuild(
    archive: Path, processes: int = 1, progress: Progress = lambda _done, _all: None
) -> tuple[list[str], Landed]:
    """Set aside what is damaged, then make every table anew: (what was set aside, what was made).

    A month that had more than the evidence still gives is set aside before it is replaced.
    """
    aside = []
    for epoch in Archive(archive).must_have_epochs():
        shelf = Shelf(archive, epoch.node, epoch.number)
        table = layout.read(shelf.table(layout.PAGES), layout.PAGE_SCHEMA)
        known = {} if table is None else facts.from_table(table)
        bad = [page for page, _, bad in _changed(epoch, known) if bad]
        there = [page for page in bad if epoch.path(page).exists() or epoch.read(page)]
        aside += [_name(archive, epoch.set_aside(page)) for page in there]
        hurt = {s.number for page in bad if page in known for s in known[page].stretches}
        aside += [_name(archive, path) for path in _spare_months(archive, shelf, hurt)]
    for path in _tables(archive):
        if _unreadable(path):
            aside.append(_name(archive, _move(archive, path)))
    for path in archive.rglob(f".*{atomic.TEMPORARY}*"):
        if path.is_file() and atomic.abandoned(path):
            path.unlink(missing_ok=True)
    return aside, land_all(archive, anew=True, processes=processes, progress=progress)


_REBUILD = "`tirta archive check DIR --rebuild` makes it anew from the pages."
_PULL = (
    "The tables keep its records. `tirta archive check DIR --rebuild` sets it aside; then pull"
    " again: the node may still have it."
)


def _evidence(archive: Path, epoch: Epoch, known: dict[int, PageFacts]) -> Iterator[Damage]:
    for page, what, bad in _changed(epoch, known):
        yield Damage(_name(archive, epoch.path(page)), what, _PULL if bad else _REBUILD)
    stored = epoch.pages()
    ours = {stored[page].path for page in stored} | {epoch.path(page) for page in known}
    for path in sorted(epoch.folder.glob("pages/*.page")):
        if path not in ours:
            yield Damage(
                _name(archive, path),
                "is no page of this node's epoch, and nothing is read from it.",
                "Move it to where it belongs, or out of the archive.",
            )
    for page in sorted(set(stored) - set(known)):
        yield Damage(_name(archive, stored[page].path), "is not in the tables yet.", _REBUILD)


def _count(epoch: Epoch) -> int:
    if isinstance(epoch, PackedEpoch):
        return len(epoch.pages())
    return len(list(epoch.folder.glob("pages/*.page")))


def _changed(epoch: Epoch, known: dict[int, PageFacts]) -> Iterator[tuple[int, str, bool]]:
    """(page, what is wrong, whether the page is): what the node confirmed counts before what the
    tables were made from.
    """
    attested = Attested.of(epoch)
    for page in sorted(known.keys() | attested.pages.keys()):
        one, sure = known.get(page), attested.pages.get(page)
        path = epoch.path(page)
        if path.exists() and not path.is_file():
            yield page, "is no file.", True
            continue
        try:
            data = epoch.read(page)
            if data is None:
                if page in attested.rejected:
                    yield page, "is not the node's, and the tables still have its records.", False
                else:
                    yield page, "is gone.", True
                continue
        except OSError as error:
            yield page, f"cannot be read: {error.strerror}.", True
            continue
        if sure and not sure.holds(data):
            yield page, "is not what the node confirmed: its SHA-256 differs.", True
        elif one and sha256(data[: one.size]).hexdigest() != one.sha256:
            if sure:
                yield (
                    page,
                    "is what the node confirmed, and the tables are not made from it.",
                    False,
                )
            else:
                yield page, "is not what was pulled: its SHA-256 differs from the one kept.", True


def _tables(archive: Path) -> Iterator[Path]:
    for name in layout.TABLES:
        yield from sorted((archive / name).rglob("*.parquet"))


def _unreadable(path: Path) -> str:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for _ in file.iter_batches():
                pass
    except (OSError, ValueError, pa.ArrowException) as error:
        return f"cannot be read: {str(error).splitlines()[0]}"
    return "" if layout.inputs_of(path) is not None else "has no layout that this version knows."


def _half_written(archive: Path) -> Iterator[Damage]:
    for path in sorted(archive.rglob(f".*{atomic.TEMPORARY}*")):
        yield Damage(
            _name(archive, path),
            "was left behind half-written; nothing reads it.",
            "Unless a pull is running: `tirta archive check DIR --rebuild` removes it, and so does"
            " the next pull from that node.",
        )


def _twins(archive: Path, epochs: list[Epoch]) -> Iterator[Damage]:
    """One log under two nodes' names: somebody copied a folder, or swapped names."""
    heads: dict[tuple[int, int, int], str] = {}
    for epoch in epochs:
        first = next(iter(epoch.pages().values()), None)
        if first is None:
            continue
        key = (epoch.number, first.sequence, first.header_crc)
        if key in heads:
            yield Damage(
                _name(archive, epoch.folder),
                f"has the same log as {heads[key]}: pages of one node under two names.",
                "Remove the copy whose name is wrong, and its tables.",
            )
        heads.setdefault(key, _name(archive, epoch.folder))


def _spare_months(archive: Path, shelf: Shelf, hurt: set[int]) -> Iterator[Path]:
    """Copies of the months that have records of damaged pages: they may be all that is left."""
    if hurt:
        wanted = pa.array(sorted(hurt), pa.int64())
        for path in shelf.months().values():
            if _unreadable(path):
                continue
            numbers = pq.read_table(path, columns=["number"], partitioning=None).column(0)
            if pc.any(pc.is_in(numbers, wanted)).as_py():
                target = _aside(archive, path)
                atomic.write(target, path.read_bytes())
                yield target


def _move(archive: Path, path: Path) -> Path:
    target = _aside(archive, path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    except OSError as error:
        raise atomic.cannot_write(target, error) from error
    return target


def _aside(archive: Path, path: Path) -> Path:
    """A free place for a table that is set aside: no engine looks there."""
    base = archive / ASIDE / path.relative_to(archive)
    count = len(list(base.parent.glob(f"{base.name}.*")))
    return base.with_name(f"{base.name}.{count + 1}")


def _name(archive: Path, path: Path) -> str:
    return str(path.relative_to(archive))

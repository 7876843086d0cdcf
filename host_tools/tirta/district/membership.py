# SPDX-License-Identifier: MIT
"""Which district a node belongs to: ARCHIVE/districts/NAME.toml, a district file each."""

from pathlib import Path

from tirta.archive.standings import Home
from tirta.district import tree

FOLDER = "districts"


def files(archive: Path) -> dict[str, Path]:
    """Return the district files of an archive, by name."""
    return {path.stem: path for path in sorted((archive / FOLDER).glob("*.toml"))}


def as_of(archive: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when one of the files does."""
    found = ((path.name, path.stat()) for path in files(archive).values())
    return tuple((name, told.st_mtime_ns, told.st_size) for name, told in found)


def homes(archive: Path) -> dict[str, Home]:
    """Return where each node belongs that a district file names; in two of them, the first counts.
    Raises TirtaError.
    """
    found: dict[str, Home] = {}
    for name, path in files(archive).items():
        district = tree.load(path)
        names = {place.id: place.name for place in district.node}
        for node in sorted(district.nodes_named()):
            found.setdefault(node, Home(name, names.get(node, "")))
    return found

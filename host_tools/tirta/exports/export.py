# SPDX-License-Identifier: MIT
"""The archive for other programs: `export` writes a file, or a folder, whole or not at all."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from os import getpid
from pathlib import Path

import pyarrow as pa

from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.exports import (
    files,
    frictionless_package,
    ngsi_ld,
    sensorthings,
    spreadsheet,
    wide,
)
from tirta.exports.selection import Selection
from tirta.exports.style import Style
from tirta.files import atomic
from tirta.tables.landing import land_all

# The contract of a format's writer (path, archive, selection, style): write the selected records of
# the tables, which are up to date, to a path that does not exist yet: a file, or a folder that it
# makes. It returns how many rows it wrote, and how many it had no place for; it may raise
# TirtaError for the person, OSError and ArrowException, and whatever it left is removed then. It
# holds a row group in memory at a time.
Write = Callable[[Path, Path, Selection, Style], tuple[int, int]]


@dataclass(frozen=True)
class Format:
    """`write(path, archive, selection, style)` gives (written, left out); a folder has an `index`
    file, a file `begins` with one of certain bytes. `options` are what of a style it knows.
    """

    name: str
    write: Write
    index: str = ""
    begins: tuple[bytes, ...] = ()
    options: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Exported:
    """The file or folder, what is in it, and how many rows the format had no place for."""

    path: Path
    written: int
    left_out: int


def _csv(path: Path, archive: Path, selection: Selection, style: Style) -> tuple[int, int]:
    if style.wide:
        return files.write_wide_csv(path, wide.sheets(archive, selection), style), 0
    return files.write_csv(path, selection.all_tables(archive), style), 0


def _parquet(path: Path, archive: Path, selection: Selection, _: Style) -> tuple[int, int]:
    return files.write_parquet(path, selection.all_tables(archive)), 0


def _plain(write: Callable[[Path, Path, Selection], tuple[int, int]]) -> Write:
    """A format that has one style only."""
    return lambda path, archive, selection, _: write(path, archive, selection)


_OF_CSV = frozenset({"wide", "local_time", "zone", "separator", "decimal"})
_OF_XLSX = frozenset({"local_time", "zone"})
FORMATS = {
    "csv": Format("records.csv", _csv, begins=files.CSV_BEGINS, options=_OF_CSV),
    "xlsx": Format(
        "records.xlsx",
        spreadsheet.write,
        begins=(b"PK",),
        options=frozenset({"local_time", "zone"}),
    ),
    "parquet": Format("records.parquet", _parquet, begins=(b"PAR1",)),
    "sensorthings": Format("sensorthings", _plain(sensorthings.write), sensorthings.INDEX),
    "ngsi-ld": Format("water_quality.jsonld", _plain(ngsi_ld.write), begins=(b"[",)),
    "frictionless": Format(
        "datapackage", _plain(frictionless_package.write), frictionless_package.INDEX
    ),
}
_ALL = Selection()
_STYLE = Style()


def export(
    archive: Path,
    to: str,
    out: Path | None = None,
    selection: Selection = _ALL,
    style: Style = _STYLE,
) -> Path:
    """Export as `export_selected` does; return only the file or folder."""
    return export_selected(archive, to, out, selection, style).path


def export_selected(
    archive: Path,
    to: str,
    out: Path | None = None,
    selection: Selection = _ALL,
    style: Style = _STYLE,
) -> Exported:
    """Write the selected records as one of FORMATS, after the tables are brought up to date.

    Raises TirtaError when nothing is selected, when the archive is none, when it cannot write, or
    for a style that the format does not have.
    """
    if to not in FORMATS:
        raise TirtaError(f"There is no export to {to!r}.", f"Choose one of: {', '.join(FORMATS)}.")
    chosen = FORMATS[to]
    _must_have(to, chosen, style)
    nodes = {epoch.node for epoch in Archive(archive).must_have_epochs()}
    if unknown := set(selection.nodes) - nodes:
        raise TirtaError(
            f"The archive has no node {', '.join(sorted(unknown))}.",
            f"It has: {', '.join(sorted(nodes))}.",
        )
    land_all(archive, selection.nodes or None)
    path = out or archive / chosen.name
    if out and not chosen.index:  # the archive's own names are ours
        _must_be_ours(path, chosen.begins)
    with _replacing_folder(path, chosen.index) if chosen.index else atomic.replacing(path) as new:
        try:
            written, left_out = chosen.write(new, archive, selection, style)
        except pa.ArrowException as error:
            raise OSError(0, str(error)) from error
        if not written:
            raise TirtaError(
                "Nothing to export: no record is as wanted, or none that this format can hold.",
                'Look with `tirta query DIR "SELECT node, channel, min(time_utc), max(time_utc),'
                ' count(value) FROM records GROUP BY ALL"`.',
            )
    return Exported(path, written, left_out)


def _must_have(to: str, chosen: Format, style: Style) -> None:
    """Raise TirtaError where a format is asked for a style that it does not have."""
    for field in fields(Style):
        if getattr(style, field.name) != field.default and field.name not in chosen.options:
            able = ", ".join(f"--to {n}" for n, f in FORMATS.items() if field.name in f.options)
            name = "time-zone" if field.name == "zone" else field.name.replace("_", "-")
            raise TirtaError(f"--to {to} has no --{name}.", f"Leave it out, or use {able}.")


def _must_be_ours(path: Path, begins: tuple[bytes, ...]) -> None:
    """Only an earlier export, or an empty file, is ever replaced."""
    if path.is_file():
        with path.open("rb") as file:
            found = file.read(max(map(len, begins)))
        if found and not found.startswith(begins):
            raise _no_export(path, "file")


def _no_export(path: Path, kind: str) -> TirtaError:
    return TirtaError(
        f"{path} exists and is no export of this kind.", f"Name another {kind} with --out."
    )


@contextmanager
def _replacing_folder(path: Path, index: str) -> Iterator[Path]:
    """As atomic.replacing, of a folder. Only an earlier export is ever replaced."""
    if path.exists() and not (path / index).exists() and (path.is_file() or any(path.iterdir())):
        raise _no_export(path, "folder")
    new = path.with_name(f".{path.name}{atomic.TEMPORARY}{getpid()}")
    old = path.with_name(f".{path.name}{atomic.TEMPORARY}{getpid()}.old")
    try:
        try:
            new.mkdir(parents=True)
            yield new
            atomic.flush_tree(new)
            if path.exists():
                path.rename(old)
            new.rename(path)
        except OSError as error:
            raise atomic.cannot_write(path, error) from error
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)

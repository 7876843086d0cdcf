# SPDX-License-Identifier: MIT
"""One lake of the tables of many cities: Delta Lake, which DuckDB, Polars, Spark and Trino read.

A row is the archive's row with its city, its node and `inputs`, which names the pages (or the file)
that it was made from. What a node has of a month is replaced as a whole, in one commit: a run that
was killed anywhere is done again by the next one and doubles nothing. The table `sources` says what
was committed, and comes last.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from tirta.errors import TirtaError
from tirta.progress import Progress
from tirta.tables import layout

SOURCES = "sources"
TABLES = layout.TABLES
_BATCH_ROWS = 2_000_000  # some 1.1 GB
_BATCH_NODES = 2000
_SOURCE_SCHEMA = pa.schema([
    ("city", pa.string()), ("table", pa.string()), ("node", pa.string()), ("month", pa.string()),
    ("epoch", pa.int64()), ("inputs", pa.string()), ("rows", pa.int64()),
])  # fmt: skip


class _Place(NamedTuple):
    """What is replaced as a whole; `month` is empty where a table is not divided by it."""

    city: str
    table: str
    month: str
    node: str


@dataclass(frozen=True)
class _Source:
    """A file of an archive."""

    path: Path
    epoch: int
    inputs: str
    rows: int


@dataclass
class LakeWritten:
    """What a run did: places replaced and removed, rows written, commits."""

    replaced: int = 0
    removed: int = 0
    rows: int = 0
    commits: int = 0
    problems: list[str] = field(default_factory=list)


def commit(
    archives: Mapping[str, Path], lake: Path, progress: Progress = lambda _done, _all: None
) -> LakeWritten:
    """Bring the lake up to date with the archives, by city; those that are not named stay as they
    are. Raises TirtaError.
    """
    done = LakeWritten()
    known = _known(lake, archives)
    there = {
        place: found
        for city, archive in sorted(archives.items())
        for place, found in _sources(city, archive, done.problems).items()
    }
    wanted = sorted(p for p in known.keys() | there.keys() if _ids(there, p) != known.get(p, set()))
    at = 0
    hint = "What was committed is whole. Run the command again: it goes on, and doubles nothing."
    with writing(lake, hint):
        for batch in _batches(wanted, there):
            _replace(lake, batch, there)
            at += len(batch)
            done.commits += 1
            done.replaced += sum(place in there for place in batch)
            done.removed += sum(place not in there for place in batch)
            done.rows += sum(one.rows for place in batch for one in there.get(place, ()))
            progress(at, len(wanted))
    return done


@contextmanager
def writing(lake: Path, hint: str) -> Iterator[None]:
    """Tell what keeps a lake from being written in the block: raises TirtaError with this hint."""
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise TirtaError(
            f"The lake {lake} could not be written: {str(error).splitlines()[0]}", hint
        ) from error


def compact(lake: Path) -> int:
    """Rewrite small files into large ones, and return how many are gone; older snapshots stay
    readable. Raises TirtaError.
    """
    gone = 0
    for name in (*TABLES, SOURCES):
        if _is_table(lake / name):
            gone += int(table(lake, name).optimize.compact()["numFilesRemoved"])
    return gone


def forget(lake: Path, hours: int) -> int:
    """Remove files that no snapshot of the last `hours` needs; return how many. Raises
    TirtaError.
    """
    gone = 0
    for name in (*TABLES, SOURCES):
        if _is_table(lake / name):
            gone += len(table(lake, name).vacuum(
                retention_hours=hours, dry_run=False, enforce_retention_duration=False
            ))  # fmt: skip
    return gone


def restore(lake: Path, city: str, archive: Path, version: int | None = None) -> int:
    """Write the tables of a city's archive as the lake has them, of `records` those of a snapshot;
    return how many files were written. Raises TirtaError.
    """
    written = 0
    for name in TABLES:
        if not _is_table(lake / name):
            continue
        found = table(lake, name, version if name == layout.RECORDS else None).to_pyarrow_table(
            filters=[("city", "=", city)]
        )
        for month, of_month in _by(found, "month" if name == layout.RECORDS else ""):
            for node, of_node in _by(of_month, "node"):
                for epoch, rows in _by(of_node, "epoch"):
                    _write(layout.Shelf(archive, node, epoch), name, month, rows)
                    written += 1
    if not written:
        raise TirtaError(
            f"The lake {lake} has nothing of the city {city}.", "Look: `tirta query LAKE SQL`."
        )
    _write_empty(lake, city, archive)
    return written


def _write_empty(lake: Path, city: str, archive: Path) -> None:
    """Write the tables that have no rows: an archive has each of them for each node."""
    for place, ids in _known(lake, [city]).items():
        for epoch, _ in ids if place.table != layout.RECORDS else ():
            path = layout.Shelf(archive, place.node, epoch).table(place.table)
            if not path.exists():
                schema = layout.SCHEMAS[place.table]
                layout.write(path, schema, [schema.empty_table()], "")


def table(lake: Path, name: str, version: int | None = None) -> DeltaTable:
    """Open a table of the lake, or a snapshot of it. Raises TirtaError."""
    try:
        return DeltaTable(lake / name, version=version)
    except DeltaError as error:
        raise TirtaError(
            f"{lake / name} is no table of a lake: {str(error).splitlines()[0]}",
            "Name a folder that `tirta lake write` wrote to.",
        ) from error


def files(lake: Path, name: str) -> list[str]:
    """Return the files of the newest snapshot of a table; none where nothing was committed."""
    return sorted(table(lake, name).file_uris()) if _is_table(lake / name) else []


def _is_table(path: Path) -> bool:
    return (path / "_delta_log").is_dir()


def _known(lake: Path, cities: Iterable[str]) -> dict[_Place, set[tuple[int, str]]]:
    """The identities that were committed of these cities, by place."""
    if not _is_table(lake / SOURCES):
        return {}
    rows = table(lake, SOURCES).to_pyarrow_table(filters=[("city", "in", sorted(cities))])
    found: dict[_Place, set[tuple[int, str]]] = {}
    for row in rows.to_pylist():
        place = _Place(row["city"], row["table"], row["month"], row["node"])
        found.setdefault(place, set()).add((row["epoch"], row["inputs"]))
    return found


def _sources(city: str, archive: Path, problems: list[str]) -> dict[_Place, list[_Source]]:
    """The files of an archive that are whole, by place."""
    found: dict[_Place, list[_Source]] = {}
    for name in TABLES:
        depth = "node=*/month=*" if name == layout.RECORDS else "node=*"
        for path in sorted((archive / name).glob(f"{depth}/epoch-*.parquet")):
            inputs = layout.inputs_of(path)
            if inputs is None:
                problems.append(str(path))
                continue
            parts = dict(part.split("=", 1) for part in path.parts if "=" in part)
            place = _Place(city, name, parts.get("month", ""), parts["node"])
            rows = pq.read_metadata(path).num_rows
            inputs = inputs or sha256(path.read_bytes()).hexdigest()
            epoch = int(path.stem.removeprefix("epoch-"))
            found.setdefault(place, []).append(_Source(path, epoch, inputs, rows))
    return found


def _ids(there: Mapping[_Place, list[_Source]], place: _Place) -> set[tuple[int, str]]:
    return {(one.epoch, one.inputs) for one in there.get(place, ())}


def _batches(
    wanted: list[_Place], there: Mapping[_Place, list[_Source]]
) -> Iterator[list[_Place]]:  # fmt: skip
    """Places of one city, table and month, as many as one commit takes."""
    batch: list[_Place] = []
    rows = 0
    for place in wanted:
        more = sum(one.rows for one in there.get(place, ()))
        full = rows + more > _BATCH_ROWS or len(batch) >= _BATCH_NODES
        if batch and (full or batch[0][:3] != place[:3]):
            yield batch
            batch, rows = [], 0
        batch.append(place)
        rows += more
    if batch:
        yield batch


def _replace(lake: Path, batch: list[_Place], there: Mapping[_Place, list[_Source]]) -> None:
    """Replace what the lake has of these places, then say so in `sources`."""
    city, name, month, _ = batch[0]
    where = [f"city = {text(city)}", f"node IN ({', '.join(text(p.node) for p in batch)})"]
    schema = layout.SCHEMAS[name]
    tables = [
        _keyed(layout.read(one.path, schema), place, one.inputs)
        for place in batch
        for one in there.get(place, ())
    ]
    columns = ["city"]
    if name == layout.RECORDS:
        where += [f"month = {text(month)}"]
        columns += ["month"]
    overwrite(lake / name, pa.concat_tables(tables) if tables else None, where, columns)
    sources = pa.Table.from_pylist(
        [
            {"city": city, "table": name, "node": place.node, "month": month, "epoch": one.epoch,
             "inputs": one.inputs, "rows": one.rows}
            for place in batch
            for one in there.get(place, ())
        ],
        schema=_SOURCE_SCHEMA,
    )  # fmt: skip
    told = [*where[:2], f'"table" = {text(name)}', f"month = {text(month)}"]
    overwrite(lake / SOURCES, sources if len(sources) else None, told, ["city"])


def overwrite(path: Path, rows: pa.Table | None, where: list[str], columns: list[str]) -> None:
    """Replace the rows that are so, in one commit."""
    predicate = " AND ".join(where)
    if rows is None:
        if _is_table(path):
            DeltaTable(path).delete(predicate)
    elif _is_table(path):
        write_deltalake(path, rows, mode="overwrite", predicate=predicate)
    else:
        path.mkdir(parents=True, exist_ok=True)
        write_deltalake(path, rows, partition_by=columns)


def _keyed(found: pa.Table | None, place: _Place, inputs: str) -> pa.Table:
    """The rows of a file with what its path says."""
    if found is None:
        raise OSError(0, "a table was changed while it was read")
    keys = {"city": place.city, "node": place.node, "month": place.month, "inputs": inputs}
    if place.table != layout.RECORDS:
        del keys["month"]
    return keyed(found, keys)


def keyed(rows: pa.Table, keys: Mapping[str, str]) -> pa.Table:
    """Return rows with these columns before theirs, each of one text."""
    for at, (name, value) in enumerate(keys.items()):
        rows = rows.add_column(at, name, pa.array([value] * len(rows), pa.string()))
    return rows


def _by(rows: pa.Table, column: str) -> Iterator[tuple[Any, pa.Table]]:
    """The rows by what a column has; all of them where there is no column."""
    if not column:
        yield "", rows
        return
    for value in sorted(pc.unique(rows[column]).to_pylist()):
        yield value, rows.filter(pc.equal(rows[column], value))


def _write(shelf: layout.Shelf, name: str, month: str, rows: pa.Table) -> None:
    inputs = rows["inputs"][0].as_py()
    schema = layout.SCHEMAS[name]
    whole = rows.select(schema.names).cast(schema)
    if name != layout.RECORDS:
        layout.write(shelf.table(name), schema, [whole], "")
        return
    whole = whole.sort_by([("channel", "ascending"), ("number", "ascending")])
    parts = (part.cast(layout.RECORDS_IN_MEMORY) for _, part in _by(whole, "channel"))
    layout.write_records(shelf.month(month), parts, inputs)


def text(value: str) -> str:
    """Write a text as a predicate has it."""
    return "'" + value.replace("'", "''") + "'"


def versions(lake: Path) -> list[dict[str, Any]]:
    """Return the snapshots of the records, the newest first: version and time. Raises
    TirtaError.
    """
    return [
        {"version": told["version"], "unix_ms": told["timestamp"]}
        for told in table(lake, layout.RECORDS).history()
    ]

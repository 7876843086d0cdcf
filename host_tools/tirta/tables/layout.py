# SPDX-License-Identifier: MIT
"""Folders, files and columns of the tables. ARCHIVE.md tells users; this is what it tells of.

Records are stored long, one row for a record's channel: nodes differ in their channels, and a wide
table would have other columns for each of them, which Spark, Trino and ClickHouse do not join.
Sorted by channel and number, with delta and dictionary encodings, the columns that repeat cost
next to nothing: some 2 bytes a value in all. Each channel is a row group of its own, so that who
asks for one reads one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tirta.errors import TirtaError
from tirta.files import atomic

LAYOUT = "1"  # a change that a reader would notice raises it; every file tells its own
RECORDS, EVENTS, HOLES, CHANNELS, PAGES = TABLES = (
    "records", "events", "holes", "channels", "pages",
)  # fmt: skip
UNSET = "unset"
TIME = pa.timestamp("us", tz="UTC")
ROW_GROUP = 1 << 20  # rows at most

RECORD_SCHEMA = pa.schema(
    [
        ("time_utc", TIME),
        ("time_quality", pa.string()),
        ("time_uncertainty_ms", pa.int64()),
        ("time_earliest", TIME),
        ("time_latest", TIME),
        ("epoch", pa.int64()),
        ("number", pa.int64()),
        ("channel", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("flag", pa.int8()),
        ("raw", pa.int32()),
        ("config", pa.string()),
    ]
)
EVENT_SCHEMA = pa.schema(
    [
        ("time_utc", TIME),
        ("time_quality", pa.string()),
        ("time_uncertainty_ms", pa.int64()),
        ("epoch", pa.int64()),
        ("boot", pa.int64()),
        ("uptime_ms", pa.int64()),
        ("page", pa.int64()),
        ("place", pa.int64()),
        ("type", pa.int16()),
        ("kind", pa.string()),
        ("what", pa.string()),
        ("channel", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("fields", pa.string()),
    ]
)
HOLE_SCHEMA = pa.schema(
    [
        ("epoch", pa.int64()),
        ("state", pa.string()),
        ("first", pa.int64()),
        ("last", pa.int64()),
        ("records", pa.int64()),
        ("reason", pa.string()),
        ("time_from", TIME),
        ("time_to", TIME),
    ]
)
CHANNEL_SCHEMA = pa.schema(
    [
        ("epoch", pa.int64()),
        ("config", pa.string()),
        ("node_name", pa.string()),
        ("board", pa.string()),
        ("position", pa.int16()),
        ("channel", pa.string()),
        ("source", pa.string()),
        ("what", pa.string()),
        ("sensor", pa.string()),
        ("quantity", pa.string()),
        ("unit", pa.string()),
        ("scale", pa.int64()),
        ("interval_ms", pa.int64()),
        ("step_ms", pa.int64()),
        ("ml", pa.int64()),
        ("ml_ms", pa.int64()),
    ]
)
_STRETCH = pa.struct(
    [("boot", pa.int64()), ("number", pa.int64()), ("slot", pa.int64()), ("count", pa.int64())]
)
PAGE_SCHEMA = pa.schema(
    [
        ("epoch", pa.int64()),
        ("page", pa.int64()),
        ("size", pa.int64()),
        ("sha256", pa.string()),
        ("boot", pa.int64()),
        ("number", pa.int64()),
        ("config", pa.string()),
        ("interval_ms", pa.int64()),
        ("unix_ms", pa.int64()),
        ("source", pa.int16()),
        ("uncertainty", pa.int16()),
        ("records", pa.int64()),
        ("problems", pa.list_(pa.string())),
        ("stretches", pa.list_(_STRETCH)),
    ]
)

SCHEMAS = {
    RECORDS: RECORD_SCHEMA, EVENTS: EVENT_SCHEMA, HOLES: HOLE_SCHEMA, CHANNELS: CHANNEL_SCHEMA,
    PAGES: PAGE_SCHEMA,
}  # fmt: skip
_REPEATING = {"time_quality", "channel", "unit", "config"}
RECORDS_IN_MEMORY = pa.schema([
    field.with_type(pa.dictionary(pa.int8(), field.type)) if field.name in _REPEATING else field
    for field in RECORD_SCHEMA
])  # fmt: skip

# What goes up evenly is stored as differences, what repeats as a dictionary.
_DELTA = ("time_utc", "time_uncertainty_ms", "number", "raw")
_RECORD_ENCODING = {
    "column_encoding": dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
    "use_dictionary": [name for name in RECORD_SCHEMA.names if name not in _DELTA],
}


@dataclass(frozen=True)
class Shelf:
    """Where the tables of one node's epoch lie."""

    root: Path
    node: str
    epoch: int

    def table(self, name: str) -> Path:
        """Return the file of a table that is not divided by month."""
        return self.root / name / f"node={self.node}" / self.file

    def month(self, month: str) -> Path:
        """Return the records of a month (`2026-03`), or those of unset time."""
        return self.root / RECORDS / f"node={self.node}" / f"month={month}" / self.file

    def months(self) -> dict[str, Path]:
        """Return the files of records that are there, by month."""
        folder = self.root / RECORDS / f"node={self.node}"
        found = sorted(folder.glob(f"month=*/{self.file}"))
        return {path.parent.name.removeprefix("month="): path for path in found}

    def tidy(self) -> None:
        """Remove what landings that were killed left half-written of these tables."""
        for name in TABLES:
            folder = self.root / name / f"node={self.node}"
            for path in folder.rglob(f".{self.file}{atomic.TEMPORARY}*"):
                if atomic.abandoned(path):
                    path.unlink(missing_ok=True)

    @property
    def file(self) -> str:
        """The name of each of its files."""
        return f"epoch-{self.epoch}.parquet"


def write(
    path: Path, schema: pa.Schema, tables: Iterable[pa.Table], inputs: str, **options: object
) -> None:
    """Write a file whole or not at all; `inputs` says what it was made from.

    The Arrow schema is not stored: it would tell some readers of dictionaries, and the types of
    Parquet say all.
    """
    with atomic.replacing(path) as temporary:
        try:
            with pq.ParquetWriter(
                temporary,
                schema,
                compression="zstd",
                store_schema=False,
                write_page_checksum=True,
                **options,
            ) as writer:
                writer.add_key_value_metadata({"tirta.layout": LAYOUT, "tirta.inputs": inputs})
                for table in tables:
                    writer.write_table(table, row_group_size=ROW_GROUP)
        except pa.ArrowException as error:
            raise OSError(0, str(error)) from error


def write_records(path: Path, tables: Iterable[pa.Table], inputs: str) -> None:
    """Write as `write` does, a row group for each table; texts that repeat come as dictionaries."""
    write(path, RECORDS_IN_MEMORY, tables, inputs, **_RECORD_ENCODING)


def is_lake(root: Path) -> bool:
    """Return whether a folder is a lake (tirta.tables.lake), not an archive."""
    return (root / RECORDS / "_delta_log").is_dir()


def inputs_of(path: Path) -> str | None:
    """Read what a file was made from; None where it is absent, damaged or of another layout."""
    try:
        told = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    if told.get(b"tirta.layout") != LAYOUT.encode():
        return None
    found = told.get(b"tirta.inputs")
    return None if found is None else found.decode()


def must_be_known(path: Path) -> None:
    """Raise TirtaError where a table is of another version of tirta; one that tells none passes."""
    try:
        told = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return
    version = told.get(b"tirta.layout", LAYOUT.encode()).decode("ascii", "replace")
    if version != LAYOUT:
        raise TirtaError(
            f"{path} was made by another version of tirta: layout {version}, this one knows"
            f" {LAYOUT}.",
            "Update tirta; or make the tables anew with this one: `tirta archive check DIR"
            " --rebuild`.",
        )


def read(path: Path, schema: pa.Schema) -> pa.Table | None:
    """Read a small table, or None where it is absent, damaged or of another layout: it is made
    anew.

    Columns that came later are null: made anew, it would lose what only this table still has. The
    file is closed then: Windows replaces no open one.
    """
    if inputs_of(path) is None:
        return None
    try:
        with path.open("rb") as file:  # closed when this ends; pyarrow's own may be later
            table = pq.read_table(file)
        for field in schema:
            if field.name not in table.column_names:
                table = table.append_column(field, pa.nulls(len(table), field.type))
        return table.select(schema.names).cast(schema)
    except (OSError, ValueError, pa.ArrowException):
        return None

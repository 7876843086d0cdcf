# SPDX-License-Identifier: MIT
"""Archives of known truth as a landing writes them: every column, and what they were made from."""

from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from district_archive import write_district

from tirta.tables import layout

MADE = (layout.RECORDS, layout.EVENTS, layout.CHANNELS)


def write_source(source: Path, city: str, zones: int = 3, seed: int = 40) -> Path:
    """A city of a source; returns its district file."""
    district = write_district(source / city, zones, seed)
    for name in MADE:
        for path in sorted((source / city / name).rglob("*.parquet")):
            finish(path, name)
        if name == layout.RECORDS:
            continue
        for node in sorted((source / city / name).glob("node=*")):
            for empty in (layout.HOLES, layout.PAGES):
                schema = layout.SCHEMAS[empty]
                path = source / city / empty / node.name / "epoch-20755394.parquet"
                layout.write(path, schema, [schema.empty_table()], "")
    return district


def finish(path: Path, name: str) -> None:
    """Give a table the columns that it lacks, and its identity."""
    table = pq.read_table(path, partitioning=None)
    schema = layout.SCHEMAS[name]
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    table = table.select(schema.names).cast(schema)
    epoch = pc.fill_null(table["epoch"], int(path.stem.removeprefix("epoch-")))
    table = table.set_column(schema.names.index("epoch"), schema.field("epoch"), epoch)
    if name != layout.RECORDS:
        layout.write(path, schema, [table], "")
        return
    parts = [
        table.filter(pc.equal(table["channel"], channel)).cast(layout.RECORDS_IN_MEMORY)
        for channel in sorted({*table["channel"].to_pylist()})
    ]
    layout.write_records(path, parts, sha256(path.read_bytes()).hexdigest())


def spoil(path: Path, shift: float) -> None:
    """Change a month's values as more pages do: another content, another identity."""
    table = pq.read_table(path, partitioning=None)
    at = table.column_names.index("value")
    moved = pc.add(table["value"], shift)
    table = table.set_column(at, "value", moved).cast(layout.RECORDS_IN_MEMORY)
    layout.write_records(path, [table], sha256(f"{path}{shift}".encode()).hexdigest())

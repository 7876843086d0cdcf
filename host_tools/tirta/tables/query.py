# SPDX-License-Identifier: MIT
"""Questions to an archive in SQL, through DuckDB, which reads the tables where they lie.

A query sees this archive's files and no others, and cannot write: a question that somebody else
wrote can be asked without fear.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.tables import layout

if TYPE_CHECKING:
    import duckdb

WATER = (
    "ph", "turbidity", "conductivity", "chlorine", "temperature", "oxygen", "redox",
)  # fmt: skip
_VIEWS = Path(__file__).with_name("views.sql")
_BATCH = 10_000  # rows that are in memory at a time
_ALLOWED = ("SELECT", "EXPLAIN", "MULTI")  # MULTI is what PIVOT becomes


def connect(archive: Path) -> "duckdb.DuckDBPyConnection":
    """Open a connection that has the views, for scripts. Times are UTC."""
    try:
        import duckdb
    except ImportError as error:
        raise TirtaError(
            "DuckDB is not installed, and it answers the questions.",
            "Install it beside Tirta: pip install 'duckdb>=2,<3'",
        ) from error
    _must_have_tables(archive)
    root = archive.resolve()
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"SET allowed_directories = [{_text(str(root) + '/')}]")
    con.execute("SET enable_external_access = false")
    if layout.is_lake(root):
        _add_empty(con)
    try:
        con.execute(_views(root))
    except duckdb.Error as error:
        raise TirtaError(
            f"The tables of {archive} cannot be read: {_first_line(error)}",
            "Make them anew from the pages: `tirta archive check DIR --rebuild`.",
        ) from error
    con.execute("SET lock_configuration = true")
    return con


def query(archive: Path, sql: str) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    """Answer a question: names of its columns, and its rows in batches."""
    con = connect(archive)
    import duckdb

    try:
        statements = con.extract_statements(sql)
        if len(statements) != 1 or statements[0].type.name not in _ALLOWED:
            raise TirtaError("A query is one question, and changes nothing: SELECT …", _HINT)
        reader = con.sql(statements[0]).to_arrow_reader(_BATCH)
    except duckdb.Error as error:
        raise TirtaError(f"The query was refused: {_first_line(error)}", _HINT) from error
    return list(reader.schema.names), _batches(reader, con)


_HINT = (
    "Views: records, flow, quality, events, all_events, holes, channels, pages, completeness."
    " Their columns: README.md in the archive, or `describe flow`."
)


def _batches(reader: pa.RecordBatchReader, con: Any) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except (OSError, pa.ArrowException) as error:
        raise TirtaError(f"The query failed: {_first_line(error)}", _HINT) from error
    finally:
        con.close()


def _views(root: Path) -> str:
    kinds = _channels(root)
    tables = {name: _from(root, name) for name in layout.TABLES}
    return _VIEWS.read_text(encoding="utf-8").format(
        **tables,
        flow=_list(name for name, quantity in kinds if quantity == "flow"),
        water=_list(name for name, quantity in kinds if quantity in WATER),
        quantities=_list(WATER),
    )


def _from(root: Path, name: str) -> str:
    """Where a table is read from: an archive's files, or those of a lake's newest snapshot."""
    if layout.is_lake(root):
        kinds = (
            "{'city': VARCHAR, 'month': VARCHAR}" if name == layout.RECORDS else "{'city': VARCHAR}"
        )
        found = _lake_files(root, name)
        listed = ", ".join(map(_text, found))
        return (
            f"read_parquet([{listed}], hive_partitioning = true, hive_types = {kinds})"
            if found
            else f"empty_{name}"
        )
    month = "*/" if name == layout.RECORDS else ""
    more = "union_by_name = true, " if name == layout.EVENTS else ""
    kinds = "{'node': VARCHAR, 'month': VARCHAR}" if month else "{'node': VARCHAR}"
    where = _text(f"{root}/{name}/*/{month}*.parquet")
    return f"read_parquet({where}, {more}hive_partitioning = true, hive_types = {kinds})"


def _lake_files(root: Path, name: str) -> list[str]:
    """The files of a lake's newest snapshot; none where nothing of the table was committed."""
    from tirta.tables import lake

    return lake.files(root, name)


def _add_empty(con: "duckdb.DuckDBPyConnection") -> None:
    """Stand in for tables that a lake has nothing of."""
    for name, schema in layout.SCHEMAS.items():
        whole = schema.insert(0, pa.field("node", pa.string()))
        con.register(f"empty_{name}", whole.empty_table())


def _channels(root: Path) -> set[tuple[str, str]]:
    """(channel, quantity) of all nodes."""
    found: set[tuple[str, str]] = set()
    for path in (
        map(Path, _lake_files(root, layout.CHANNELS))
        if layout.is_lake(root)
        else (root / layout.CHANNELS).glob("node=*/*.parquet")
    ):
        layout.must_be_known(path)
        try:
            table = pq.read_table(path, columns=["channel", "quantity"], partitioning=None)
        except (OSError, pa.ArrowException) as error:
            raise TirtaError(
                f"{path} cannot be read: {_first_line(error)}",
                "Make the tables anew from the pages: `tirta archive check DIR --rebuild`.",
            ) from error
        found |= set(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return found


def _must_have_tables(archive: Path) -> None:
    if layout.is_lake(archive):
        return
    if not next((archive / layout.RECORDS).glob("node=*/month=*/*.parquet"), None):
        Archive(archive).must_have_epochs()
        raise TirtaError(
            f"{archive} has no tables yet.",
            f"Make them from its pages: `tirta archive check {archive} --rebuild`.",
        )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _list(values: Any) -> str:
    return ", ".join(_text(value) for value in sorted(values)) or "''"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__

# SPDX-License-Identifier: MIT
"""`tirta query`: views say what records say, in three forms, and a query changes nothing."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake import NODE, Node, bytes_of, node, shelf, store
from peer import CONFIG_TEXT

from tirta.cli import main
from tirta.errors import TirtaError
from tirta.tables import layout
from tirta.tables.landing import land_all
from tirta.tables.query import connect, query
from tirta_format import meta


@pytest.fixture(name="archive")
def archive_fixture(tmp_path: Path) -> Path:
    fake = node(100)
    fake.skip(slots=10)
    fake.say(meta.loss(0, meta.LOSS_UNATTENDED, 100, 10, 600_000))
    fake.add(50)
    store(tmp_path, fake)
    land_all(tmp_path)
    return tmp_path


def ask(archive: Path, sql: str) -> list[dict[str, Any]]:
    _, batches = query(archive, sql)
    return [row for batch in batches for row in batch.to_pylist()]


def test_flow_is_in_litres_whatever_the_meter(archive: Path) -> None:
    found = ask(archive, "SELECT * FROM flow ORDER BY number")
    assert [row["number"] for row in found] == list(range(150))
    ml = json.loads(CONFIG_TEXT)["channels"][0]["ml"]
    for row in found:
        pulses = Node.values(row["number"])[0]
        assert row["litres"] == pytest.approx(pulses * ml / 1000)
        assert row["litres_per_s"] == pytest.approx(pulses * ml / 60_000)


def test_events_of_before_a_column_stand_beside_those_with_it(archive: Path) -> None:
    store(archive, node(5), "0abc")
    land_all(archive)
    path = shelf(archive, "0abc").table(layout.EVENTS)
    schema = pa.schema([field for field in layout.EVENT_SCHEMA if field.name != "unit"])
    layout.write(path, schema, [pq.read_table(path, partitioning=None).select(schema.names)], "")
    assert len(ask(archive, "SELECT node, unit FROM events WHERE unit IS NULL")) == 5


def test_the_other_views(archive: Path) -> None:
    assert ask(archive, "SELECT kind, count(*) AS n FROM events GROUP BY 1 ORDER BY 1") == [
        {"kind": "anchor", "n": 1}, {"kind": "boot", "n": 1}, {"kind": "loss", "n": 1},
    ]  # fmt: skip
    (hole,) = ask(archive, "FROM holes")
    assert (hole["node"], hole["state"], hole["records"]) == (NODE, "gap", 10)
    assert ask(archive, "FROM quality") == []  # flow and pressure are none
    (day, *_) = ask(archive, "FROM completeness WHERE channel = 'flow'")
    assert (day["expected"], day["present"], day["good"]) == (1440, 150, 150)
    (pages,) = ask(
        archive, "SELECT sum(records) AS records, bool_and(sha256 <> '') AS h FROM pages"
    )
    assert pages == {"records": 150, "h": True}


def test_a_node_that_looks_like_a_number_stays_text(archive: Path) -> None:
    store(archive, node(5), "0071")
    land_all(archive)
    assert {row["node"] for row in ask(archive, "SELECT DISTINCT node FROM records")} == {
        NODE, "0071",
    }  # fmt: skip


def test_answers_as_json_csv_and_table(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = (
        "SELECT time_utc, channel, value, NULL AS nothing, '=1+1' AS evil, 0.1::DECIMAL(4,2) AS d"
        " FROM records WHERE number = 3 ORDER BY channel"
    )
    assert main(["query", str(archive), sql, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {
        "time_utc": "2026-02-28T12:04:00.000Z", "channel": "flow", "value": 21.0, "nothing": None,
        "evil": "=1+1", "d": 0.1,
    }  # fmt: skip
    assert main(["query", str(archive), sql, "--csv"]) == 0
    (first, _) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert first == {
        "time_utc": "2026-02-28T12:04:00.000Z", "channel": "flow", "value": "21", "nothing": "",
        "evil": "'=1+1", "d": "0.10",
    }  # fmt: skip
    assert main(["query", str(archive), sql]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == [
        "2026-02-28T12:04:00.000Z", "flow", "21",
    ]  # fmt: skip
    assert (
        main(["query", str(archive), "SELECT nan::DOUBLE AS x FROM range(0) t(nan)", "--json"]) == 0
    )
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{archive}/evil.csv'",
        "CREATE TABLE x AS SELECT 1",
        "SELECT 1; DROP VIEW records",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SET enable_external_access = true",
        "ATTACH '{archive}/evil.db'",
        "INSTALL httpfs",
        "SELECT no_such_column FROM records",
        "SELEKT",
        "",
    ],
)
def test_a_query_reads_this_archive_and_writes_nothing(
    archive: Path, capsys: pytest.CaptureFixture[str], sql: str
) -> None:
    before = bytes_of(archive)
    files = sorted(archive.rglob("*"))
    assert main(["query", str(archive), sql.format(archive=archive)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("tirta: ")
    assert "Views: records, flow" in err
    assert sorted(archive.rglob("*")) == files
    assert bytes_of(archive) == before


def test_a_folder_with_a_quote_in_its_name(archive: Path) -> None:
    odd = archive.parent / "d'Arc {1}"
    archive.rename(odd)
    with connect(odd) as con:
        assert con.sql("SELECT count(*) FROM flow").fetchall() == [(150,)]


def test_without_duckdb_the_message_says_what_to_install(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(TirtaError, match="pip install 'duckdb"):
        connect(archive)

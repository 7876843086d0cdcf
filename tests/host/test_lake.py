# SPDX-License-Identifier: MIT
"""The lake of many cities: what is in it is what the archives have, whoever was killed when; other
engines read the same, and old snapshots stay.
"""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import delta_reader
import pytest
from lake_sources import spoil, write_source

pytest.importorskip("deltalake", reason="tirta[lake] is not installed")
pytest.importorskip("duckdb", reason="tirta[query] is not installed")

import pyarrow as pa
import pyarrow.parquet as pq

from tirta.cli import main
from tirta.errors import TirtaError
from tirta.tables import lake
from tirta.tables.query import connect

NIGHT = """
SELECT node, time_utc::DATE AS night, channel, count(*) AS n, min(litres_per_s) AS least,
    quantile_cont(litres_per_s, 0.2) AS low
FROM flow WHERE hour(time_utc) BETWEEN 18 AND 20 AND flag IN (1, 2) GROUP BY ALL ORDER BY ALL"""
ALL = "SELECT node, epoch, number, channel, time_utc, value, unit, flag, config, month FROM records"


@pytest.fixture(scope="module", name="made")
def made_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cities and a lake of them; tests that change something copy it."""
    root = tmp_path_factory.mktemp("made")
    write_source(root / "source", "bandung")
    assert main(["lake", "write", str(root / "source"), str(root / "lake")]) == 0
    return root


def rows(root: Path, sql: str) -> list[Any]:
    with connect(root) as con:
        found: list[Any] = con.sql(f"SELECT * FROM ({sql}) ORDER BY ALL").fetchall()
        return found


def must_be_as_the_archive(made: Path, city: str = "bandung") -> None:
    with connect(made / "source" / city) as con:
        here = con.sql(f"SELECT count(*), sum(hash(x)) FROM ({ALL}) x").fetchall()
    with connect(made / "lake") as con:
        mine = f"{ALL} WHERE city = '{city}'"
        assert con.sql(f"SELECT count(*), sum(hash(x)) FROM ({mine}) x").fetchall() == here


@pytest.fixture(name="copied")
def copied_fixture(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "copied")
    return tmp_path / "copied"


def test_the_lake_has_what_the_archive_has_and_a_second_run_writes_nothing(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    must_be_as_the_archive(made)
    assert rows(made / "lake", NIGHT) == rows(made / "source" / "bandung", NIGHT)
    assert main(["lake", "write", str(made / "source"), str(made / "lake"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["commits"] == 0


def test_what_changes_is_replaced_and_the_old_snapshot_is_readable(copied: Path) -> None:
    before = rows(copied / "lake", "SELECT sum(value), count(*) FROM records")
    old = lake.versions(copied / "lake")[0]["version"]
    months = sorted((copied / "source/bandung/records").rglob("*.parquet"))
    spoil(months[0], 1000.0)
    months[1].unlink()
    assert main(["lake", "write", str(copied / "source"), str(copied / "lake")]) == 0
    must_be_as_the_archive(copied)
    assert rows(copied / "lake", "SELECT sum(value), count(*) FROM records") != before
    lake.compact(copied / "lake")
    must_be_as_the_archive(copied)
    assert lake.table(copied / "lake", "records", old).to_pyarrow_table().num_rows == before[0][1]
    assert lake.restore(copied / "lake", "bandung", copied / "old", old)
    assert rows(copied / "old", "SELECT sum(value), count(*) FROM records")[0][1] == before[0][1]
    assert main(["lake", "tidy", str(copied / "lake"), "--keep-days", "0"]) == 0
    must_be_as_the_archive(copied)
    with pytest.raises((TirtaError, OSError)):
        lake.table(copied / "lake", "records", old).to_pyarrow_table()


NAMES = ["node", "epoch", "number", "channel"]


def in_archive(archive: Path, columns: list[str]) -> pa.Table:
    """Rows of its files, with no help of Tirta's."""
    parts = []
    for path in sorted((archive / "records").rglob("*.parquet")):
        part = pq.read_table(path, partitioning=None)
        node = path.parts[-3].removeprefix("node=")
        parts.append(part.append_column("node", pa.repeat(pa.scalar(node), len(part))))
    found = pa.concat_tables([part.select(columns) for part in parts])
    strings = [pa.field(f.name, pa.string()) if pa.types.is_dictionary(f.type) else f
               for f in found.schema]  # fmt: skip
    return found.cast(pa.schema(strings)).sort_by([(name, "ascending") for name in columns])


@pytest.mark.parametrize("kills", [2, pytest.param(60, marks=pytest.mark.campaign)])
def test_who_writes_or_tidies_is_killed_at_any_instant(kills: int, copied: Path) -> None:
    """A reader of its own looks right after each kill, before anybody goes on: each record is there
    once. When the writer came to its end, each value is the archive's.
    """
    chance = random.Random(19)
    shutil.rmtree(copied / "lake")
    archive, records = copied / "source/bandung", copied / "lake/records"
    tirta = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]
    writes = [*tirta, "lake", "write", str(copied / "source"), str(copied / "lake")]
    tidies = [*tirta, "lake", "tidy", str(copied / "lake"), "--keep-days", "0"]
    took_s = {}
    for command in (writes, tidies):
        began = time.monotonic()
        subprocess.run(command, check=True)
        took_s[command[4]] = time.monotonic() - began
    whole = in_archive(archive, NAMES)
    months = sorted((archive / "records").rglob("*.parquet"))
    for turn in range(kills):
        for path in months:
            spoil(path, float(turn + 1))
        for command in (writes, tidies) if turn % 2 else (writes,):
            doing = subprocess.Popen(command)
            time.sleep(took_s[command[4]] * (0.3 + 0.7 * chance.random()))
            doing.kill()
            doing.wait()
            assert delta_reader.rows(records, NAMES).equals(whole), turn
        if chance.random() < 0.5:
            lake.commit({"bandung": archive}, copied / "lake")
            columns = [*NAMES, "value"]
            assert delta_reader.rows(records, columns).equals(in_archive(archive, columns)), turn
    lake.commit({"bandung": archive}, copied / "lake")
    must_be_as_the_archive(copied)
    assert lake.commit({"bandung": archive}, copied / "lake").commits == 0


def test_a_city_is_taken_out_and_its_district_is_the_same(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the last digit: the same commands read what came back."""
    words = ["lake", "restore", str(made / "lake"), "bandung", str(tmp_path / "again")]
    assert main(words) == 0
    capsys.readouterr()
    told = []
    for archive in (made / "source" / "bandung", tmp_path / "again"):
        district = str(made / "source" / "district.toml")
        assert main(["district", str(archive), "--district", district, "--json", "--all"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert any("night" in one["id"] for one in told[0]["figures"])
    assert main(words) == 1
    assert "is not empty" in capsys.readouterr().err
    assert main([*words[:3], "jakarta", str(tmp_path / "x")]) == 1
    assert "nothing of the city jakarta" in capsys.readouterr().err


def test_cities_do_not_touch_each_other(copied: Path) -> None:
    shutil.copytree(copied / "source/bandung", copied / "source/o'hara")
    assert main(["lake", "write", str(copied / "source"), str(copied / "lake")]) == 0
    must_be_as_the_archive(copied)
    found = rows(copied / "lake", "SELECT city, count(*) FROM records GROUP BY ALL")
    assert len(found) == 2
    assert found[0][1] == found[1][1]
    shutil.rmtree(copied / "source/bandung/records")
    (copied / "source/bandung/records").mkdir()
    lake.commit({"bandung": copied / "source/bandung"}, copied / "lake")
    assert [c for (c,) in rows(copied / "lake", "SELECT DISTINCT city FROM records")] == ["o'hara"]


def test_a_folder_that_is_no_lake_and_a_source_without_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lake", "tidy", str(tmp_path)]) == 1
    assert "is no table of a lake" in capsys.readouterr().err
    assert main(["lake", "write", str(tmp_path), str(tmp_path / "lake")]) == 1
    assert "is not an archive" in capsys.readouterr().err


@pytest.mark.campaign
def test_spark_reads_the_same_nights(made: Path) -> None:
    """From the files of the snapshot: what Spark reads of Delta itself needs a jar of its own."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("needs Java: apt-get install openjdk-17-jre-headless")
    made_lake = made / "lake"
    spark = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .getOrCreate()
    )
    try:
        for name in ("records", "channels"):
            base = str(made_lake / name)
            found = spark.read.option("basePath", base).parquet(*lake.files(made_lake, name))
            found.createOrReplaceTempView(name)
        found = spark.sql(
            """SELECT r.node, to_date(r.time_utc) AS night, r.channel, count(*) AS n,
                min(CASE WHEN c.ml > 0 THEN r.value * c.ml / c.ml_ms
                    WHEN c.unit = 'L/s' THEN r.value
                    WHEN c.unit = 'm3/h' THEN r.value / 3.6 END) AS least
            FROM records r JOIN channels c USING (city, node, epoch, config, channel)
            WHERE c.quantity = 'flow' AND r.channel = c.source AND r.flag IN (1, 2)
                AND hour(r.time_utc) BETWEEN 18 AND 20 GROUP BY ALL ORDER BY ALL"""
        ).collect()
        assert [tuple(row) for row in found] == [row[:5] for row in rows(made_lake, NIGHT)]
    finally:
        spark.stop()

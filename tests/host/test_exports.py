# SPDX-License-Identifier: MIT
"""Exports: everything wanted is in them and nothing else, each format's own rules hold, and what
can be read back says the same.
"""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frictionless import Package
from lake import MARCH, NODE, Node, node, records, store
from peer import EPOCH

from tirta.cli import main
from tirta.errors import TirtaError
from tirta.exports import cells, ngsi_ld, sensorthings
from tirta.exports.export import FORMATS, export, export_selected
from tirta.exports.files import write_csv
from tirta.exports.selection import SCHEMA, Selection
from tirta_format import config as format_config

COLUMNS = "time_utc,time_quality,node,epoch,number,channel,value,unit,flag"


@pytest.fixture(name="archive")
def archive_fixture(tmp_path: Path) -> Path:
    """Two nodes; the second has records without a time, too."""
    root = tmp_path / "archive"
    store(root, node())
    other = node(30)
    other.start()
    other.add(20)
    store(root, other, "second")
    (root / "sites.csv").write_text(
        f"node,name,latitude,longitude\n{NODE},Inlet,-6.914,107.609\nsecond,Hill,-6.9,107.6\n"
    )
    return root


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_reads_back_as_the_tables_say(archive: Path) -> None:
    found = rows_of(export(archive, "csv"))
    assert ",".join(found[0]) == COLUMNS
    truth = [
        (name, row) for name in (NODE, "second") for month in records(archive, name).values()
        for row in month
    ]  # fmt: skip
    assert len(found) == len(truth) == 2 * 1550
    for got, (name, row) in zip(found, truth, strict=True):
        time = row["time_utc"]
        assert got["time_utc"] == ("" if time is None else cells.iso(time))
        assert got["node"] == name
        assert (int(got["epoch"]), int(got["number"])) == (EPOCH, row["number"])
        assert (got["channel"], float(got["value"])) == (row["channel"], row["value"])
        assert (got["unit"], int(got["flag"])) == (row["unit"], row["flag"])


def test_parquet_and_csv_say_the_same(archive: Path, tmp_path: Path) -> None:
    table = pq.read_table(export(archive, "parquet"))
    assert table.schema.equals(SCHEMA)
    write_csv(tmp_path / "again.csv", [table])
    assert (tmp_path / "again.csv").read_bytes() == export(archive, "csv").read_bytes()


def test_only_what_is_selected(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 1, tzinfo=UTC)
    words = ["export", str(archive), "--to", "csv", "--node", NODE, "--channel", "p_inlet"]
    assert main([*words, "--from", "2026-03-01", "--until", "2026-03-01T01:00", "--json"]) == 0
    (path,) = json.loads(capsys.readouterr().out)["files"]
    found = rows_of(Path(path))
    assert {(r["node"], r["channel"]) for r in found} == {(NODE, "p_inlet")}
    times = [datetime.fromisoformat(r["time_utc"]) for r in found]
    assert len(times) == 60
    assert (min(times), until > max(times)) == (since, True)


def test_nothing_selected_writes_nothing(archive: Path) -> None:
    with pytest.raises(TirtaError, match="Nothing to export"):
        export(archive, "csv", None, Selection(channels=("none",)))
    with pytest.raises(TirtaError, match="has no node third"):
        export(archive, "csv", None, Selection(nodes=("third",)))
    assert not (archive / "records.csv").exists()


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    evil = ["=1+2", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']
    fields = {
        "time_utc": [None], "time_quality": ["unset"], "node": ["n"], "epoch": [1], "number": [1],
        "channel": ["c"], "value": [-1.5], "unit": ["u"], "flag": [1],
    }  # fmt: skip
    tables = [
        pa.table(fields | {name: [text]}, schema=SCHEMA)
        for text in evil for name in ("channel", "unit")
    ]  # fmt: skip
    write_csv(tmp_path / "x.csv", tables)
    for row, text in zip(rows_of(tmp_path / "x.csv"), np.repeat(evil, 2), strict=True):
        assert "'" + text.replace("\t", " ").replace("\r", " ") in {row["channel"], row["unit"]}
        assert not any(str(cell).startswith(("=", "+", "@", "\t", "\r")) for cell in row.values())
        assert row["value"] == "-1.5"


def test_sensorthings_reads_back_as_the_tables_say(archive: Path) -> None:
    done = export_selected(archive, "sensorthings")
    assert (done.written, done.left_out) == (2 * 1530, 2 * 20)
    things = json.loads((done.path / sensorthings.INDEX).read_text())
    assert [thing["name"] for thing in things] == ["Inlet", "Hill"]
    known = set()
    for thing in things:
        assert {"name", "description", "Locations", "Datastreams"} <= thing.keys()
        assert thing["Locations"][0]["location"]["coordinates"][0] > 107
        for stream in thing["Datastreams"]:
            assert {"name", "description", "observationType", "unitOfMeasurement", "Sensor"} < (
                stream.keys()
            )
            assert stream["unitOfMeasurement"].keys() == {"name", "symbol", "definition"}
            assert {"name", "definition", "description"} < stream["ObservedProperty"].keys()
            assert {"name", "encodingType", "metadata"} < stream["Sensor"].keys()
            known.add(stream["@iot.id"])
    back: dict[tuple[str, int], Any] = {}
    for path in (done.path / "observations").iterdir():
        for group in json.loads(path.read_text()):
            assert group["Datastream"]["@iot.id"] in known
            assert group["dataArray@iot.count"] == len(group["dataArray"])
            for values in group["dataArray"]:
                told = dict(zip(group["components"], values, strict=True))
                key = (group["Datastream"]["@iot.id"], told["parameters"]["number"])
                back[key] = (told["phenomenonTime"], told["result"], told["resultQuality"])
    truth = {
        (f"tirta:{name}:{r['channel']}", r["number"]): (
            cells.iso(r["time_utc"]), r["value"], "good"
        )
        for name in (NODE, "second") for month in records(archive, name).values()
        for r in month if r["time_utc"]
    }  # fmt: skip
    assert back == truth


class Well(Node):
    """pH and chlorine go up."""

    @staticmethod
    def values(number: int) -> list[int]:
        return [700 + number, 200 + number]


def water(root: Path) -> None:
    """A node that measures water quality."""
    fake = Well()
    config = {
        "board": "virtual", "version": 1, "name": "Well", "interval_ms": 60000, "channels": [
            {"name": name, "sensor": "voltage", "pin": pin, "unit": unit, "scale": scale,
             "uv0": 0, "uv1": 1000, "value0": 0, "value1": 1000}
            for pin, (name, unit, scale) in enumerate(
                [("ph", "pH", 100), ("chlorine", "mg/L", 1000)], 32)
        ],
    }  # fmt: skip
    text = json.dumps(config, sort_keys=True, separators=(",", ":")).encode()
    fake.config_hash = format_config.config_hash(text)
    fake.skip()
    fake.clock(MARCH, 0)
    fake.add(10)
    store(root, fake).store_config(fake.config_hash, text)


def test_ngsi_ld_entities_are_those_of_the_public_schema(tmp_path: Path) -> None:
    water(tmp_path)
    with pytest.raises(TirtaError, match="where node n0de stands"):
        export(tmp_path, "ngsi-ld")
    assert not (tmp_path / "water_quality.jsonld").exists()
    (tmp_path / "sites.csv").write_text(
        f"node,name,latitude,longitude\n{NODE},Well,-6.914,107.609\n"
    )
    entities = json.loads(export(tmp_path, "ngsi-ld").read_text())
    assert len(entities) == 10
    assert [ngsi_ld.problems(entity) for entity in entities] == [[]] * 10
    first = entities[0]
    assert first["id"] == "urn:ngsi-ld:WaterQualityObserved:n0de:2026-03-01T00:01:00.000Z"
    assert first["pH"] == {"type": "Property", "value": 7.0, "unitCode": "Q30"}
    assert first["location"]["value"] == {"type": "Point", "coordinates": [107.609, -6.914]}
    assert [e["pH"]["value"] for e in entities] == [(700 + n) / 100 for n in range(10)]
    assert entities[3]["measurand"]["value"] == ["freeChlorine,0.203,M1,chlorine"]


def test_the_schemas_rules_find_what_they_forbid() -> None:
    assert ngsi_ld.rules()["required"] == ["id", "type", "dateObserved", "location"]
    assert ngsi_ld.problems({"type": "Other", "pH": {"value": 15}}) == [
        "id is missing", "dateObserved is missing", "location is missing",
        "type must be WaterQualityObserved", "pH is 15, which the model does not allow",
    ]  # fmt: skip


def test_frictionless_validates_the_package(archive: Path) -> None:
    folder = export(archive, "frictionless")
    report = Package(str(folder / "datapackage.json")).validate()
    assert report.valid, report.flatten(["title", "message"])
    assert [task.name for task in report.tasks] == ["records", "holes"]
    assert rows_of(folder / "records.csv") == rows_of(export(archive, "csv"))
    text = (folder / "records.csv").read_text().replace(",flow,", ",,", 1)
    (folder / "records.csv").write_text(text)
    assert not Package(str(folder / "datapackage.json")).validate().valid


@pytest.mark.parametrize("to", ["csv", "parquet", "ngsi-ld"])
def test_no_file_of_somebody_else_is_replaced(archive: Path, tmp_path: Path, to: str) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("years of work")
    with pytest.raises(TirtaError, match="is no export"):
        export(archive, to, mine)
    assert mine.read_text() == "years of work"
    mine.write_text("")
    if to != "ngsi-ld":  # that has no place for these channels
        first = export(archive, to, mine).read_bytes()
        assert first
        assert export(archive, to, mine).read_bytes() == first


@pytest.mark.parametrize("to", ["sensorthings", "frictionless"])
def test_only_an_earlier_export_is_replaced(archive: Path, tmp_path: Path, to: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(TirtaError, match="is no export"):
        export(archive, to, mine)
    assert [p.name for p in mine.iterdir()] == ["thesis.txt"]
    out = export(archive, to, tmp_path / "out", Selection(nodes=("second",)))
    before = sorted(p.name for p in out.rglob("*"))
    export(archive, to, out)
    assert len(sorted(p.name for p in out.rglob("*"))) >= len(before)
    with pytest.raises(TirtaError):
        export(archive, to, out, Selection(channels=("none",)))
    assert (out / FORMATS[to].index).exists()
    assert not list(tmp_path.glob(".*"))

# SPDX-License-Identifier: MIT
"""What opens in a spreadsheet: a row a record, local time, flow as flow, nothing lost on the way.

A second reader, openpyxl, opens the workbooks; the truth is taken from the tables row by row.
"""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from lake import NODE, Node, node, records, store
from openpyxl import load_workbook

from tirta.cli import main
from tirta.errors import TirtaError
from tirta.exports import spreadsheet
from tirta.exports.export import export
from tirta.exports.style import Style, zone_named
from tirta.tables import layout

JAKARTA = ZoneInfo("Asia/Jakarta")
KEDIRI = Style(wide=True, local_time=True, zone=JAKARTA, separator=";", decimal=",")


@pytest.fixture(name="archive")
def archive_fixture(tmp_path: Path) -> Path:
    """Two nodes; the second begins with records that have no time."""
    root = tmp_path / "archive"
    store(root, node())
    other = node(30)
    other.start()
    other.add(20)
    store(root, other, "second")
    return root


def truth(archive: Path, name: str) -> dict[tuple[int, int], dict[str, Any]]:
    """What the tables say of each record: its time, and value, unit and flag by channel."""
    flow = {}
    for path in (archive / layout.CHANNELS / f"node={name}").glob("*.parquet"):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            if row["ml"]:
                flow[row["config"], row["channel"]] = row["ml"] / row["ml_ms"]
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for month in records(archive, name).values():
        for row in month:
            one = found.setdefault((row["epoch"], row["number"]), {"time": row["time_utc"]})
            factor = flow.get((row["config"], row["channel"]))
            unit = row["unit"] if factor is None else "L/s"
            title = f"{row['channel']} ({unit})" if unit else row["channel"]
            value = row["value"]
            one[title] = None if value is None else value * (factor or 1.0), row["flag"]
    return found


def test_a_row_a_record_with_the_values_of_the_tables(archive: Path) -> None:
    path = export(archive, "csv", style=KEDIRI)
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    left = {name: truth(archive, name) for name in (NODE, "second")}
    assert len(rows) == sum(map(len, left.values()))
    for row in rows:
        one = left[row["node"]].pop((int(row["epoch"]), int(row["number"])))
        time = one.pop("time")
        local = "" if time is None else f"{time.astimezone(JAKARTA):%Y-%m-%d %H:%M:%S}"
        assert row["time_local"][:19] == local
        for title, (value, flag) in one.items():
            told = row[title]
            assert "." not in told
            assert told == "" if value is None else float(told.replace(",", ".")) == pytest.approx(
                value, rel=1e-8
            )  # fmt: skip
            assert row[f"{title.partition(' (')[0]} flag"] == str(flag)
    assert not any(left.values())


def test_flow_is_flow_and_not_pulses(archive: Path) -> None:
    with export(archive, "csv", style=Style(wide=True)).open(encoding="utf-8-sig") as file:
        head = next(csv.reader(file))
    assert head[:5] == ["time_utc", "time_quality", "node", "epoch", "number"]
    assert "flow (L/s)" in head
    assert "flow flag" in head


def test_a_second_reader_finds_the_same_workbook(archive: Path) -> None:
    path = export(archive, "xlsx", style=Style(local_time=True, zone=JAKARTA))
    book = load_workbook(path)
    assert book.sheetnames[0] == "About"
    left = [truth(archive, name) for name in (NODE, "second")]
    for page, expected in zip(book.worksheets[1:], left, strict=True):
        titles, *rows = page.iter_rows()
        names = [cell.value for cell in titles]
        assert names[0] == "Time (Asia/Jakarta)"
        for row in rows:
            one = expected.pop((row[2].value, row[3].value))
            time = one.pop("time")
            if time is None:
                assert row[0].value is None
            else:
                local = time.astimezone(JAKARTA).replace(tzinfo=None)
                assert abs(row[0].value - local) < timedelta(milliseconds=1)
            for cell, title in zip(row[4:], names[4:], strict=True):
                value, flag = one.pop(title, (None, 9))
                if value is None:
                    assert cell.value is None
                else:
                    assert cell.value == pytest.approx(value, rel=1e-8)
                    painted = cell.fill.fill_type == "solid"
                    assert painted == (flag in {2, 3, 4})
            assert not one
    assert not any(left)


def test_a_sheet_goes_on_where_its_rows_end(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "_ROWS", 1001)
    book = load_workbook(export(archive, "xlsx"), read_only=True)
    rows = [sum(1 for _ in page.rows) - 1 for page in book.worksheets[1:]]
    assert rows == [1000, 500, 50]
    assert len({name.lower() for name in book.sheetnames}) == len(book.sheetnames)


def test_the_clock_that_is_set_forward_in_spring_is_followed(tmp_path: Path) -> None:
    """A zone with summer time: each hour has its own distance from UTC."""
    berlin = ZoneInfo("Europe/Berlin")
    fake = Node()
    fake.clock(round(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp() * 1000))
    fake.add(120)
    root = tmp_path / "archive"
    store(root, fake)
    style = Style(wide=True, local_time=True, zone=berlin)
    with export(root, "csv", style=style).open(encoding="utf-8-sig") as file:
        hours = {row["time_local"][11:13] for row in csv.DictReader(file)}
    assert hours == {"01", "03", "04"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Style(separator=";;"), "cannot separate"),
        (lambda: Style(separator="."), "cannot separate"),
        (lambda: Style(decimal="x"), "no decimal sign"),
        (lambda: Style(decimal=","), "same sign"),
        (lambda: zone_named("Asia/Kediri"), "no time zone"),
    ],
)
def test_what_no_spreadsheet_could_read_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(TirtaError, match=said):
        make()


def test_a_format_without_the_style_says_which_have_it(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(archive), "--to", "parquet", "--local-time"]) == 1
    said = capsys.readouterr().err
    assert "--to parquet has no --local-time" in said
    assert "--to csv, --to xlsx" in said
    assert not (archive / "records.parquet").exists()


def test_the_command_as_an_office_calls_it(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "kediri.csv"
    words = ["export", str(archive), "--to", "csv", "--wide", "--local-time", "--separator", ";"]
    assert main([*words, "--decimal", ",", "--out", str(out)]) == 0
    assert main([*words, "--decimal", ",", "--out", str(out)]) == 0  # its own file is replaced
    assert out.read_bytes().startswith(b"\xef\xbb\xbftime_local;")

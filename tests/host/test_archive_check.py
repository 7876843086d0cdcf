# SPDX-License-Identifier: MIT
"""Bad archives: what is wrong is named, evidence is kept, and nothing right is overwritten."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from commands import on_full_disk
from lake import NODE, bytes_of, landed, node, records, shelf, store
from peer import EPOCH

from tirta.archive.evidence import Archive
from tirta.cli import main
from tirta.tables.check import check
from tirta.tables.landing import land_all


@pytest.fixture(name="archive")
def archive_fixture(tmp_path: Path) -> Path:
    root = tmp_path / "archive"
    store(root, node())
    landed(root)
    return root


Say = Callable[[], dict[str, Any]]


@pytest.fixture(name="told")
def told_fixture(archive: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """What `tirta archive check --json` says."""

    def told() -> dict[str, Any]:
        capsys.readouterr()
        code = main(["archive", "check", str(archive), "--json"])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert code == (0 if found["ok"] else 1)
        return found

    return told


def page(archive: Path, number: int) -> Path:
    return Archive(archive).epoch(NODE, EPOCH).path(number)


def test_a_whole_archive_is_whole(told: Say) -> None:
    found = told()
    assert found["ok"]
    assert (found["nodes"], found["pages"], found["tables"]) == (1, 4, 6)


def test_a_changed_page_is_found_and_its_records_stay(archive: Path, told: Say) -> None:
    before = bytes_of(archive)
    data = bytearray(page(archive, 2).read_bytes())
    data[2000] ^= 1
    page(archive, 2).write_bytes(data)
    (finding,) = told()["findings"]
    assert finding["path"] == f"{NODE}/{EPOCH}/pages/0000000002.page"
    assert "SHA-256 differs" in finding["what"]
    # A month that would have to be written again is not: its table still has the page's records.
    (archive / NODE / "calibrations.csv").write_text(
        "channel,from_utc,coefficients\np_inlet,2026-01-01,1 1\n"
    )
    done = landed(archive)
    assert any("is not what was pulled" in problem for problem in done.problems)
    kept = f"records/node={NODE}/month=2026-02/epoch-{EPOCH}.parquet"
    assert bytes_of(archive)[kept] == before[kept]


def test_rebuild_sets_the_damaged_page_and_its_month_aside_and_a_pull_mends_it(
    archive: Path, told: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    before, numbers = bytes_of(archive), len(records(archive)["2026-02"])
    whole = page(archive, 2).read_bytes()
    page(archive, 2).write_bytes(whole[:100] + b"\0" + whole[101:])
    assert main(["archive", "check", str(archive), "--rebuild", "--json"]) == 0
    aside = json.loads(capsys.readouterr().out)["rebuilt"]["aside"]
    assert aside[0] == f"{NODE}/{EPOCH}/aside/0000000002-1.page"
    assert aside[1].startswith(f"aside/records/node={NODE}/month=2026-02/")
    assert (archive / aside[1]).read_bytes() == before[aside[1].removeprefix("aside/")[:-2]]
    assert len(records(archive)["2026-02"]) < numbers
    assert told()["ok"]
    Archive(archive).epoch(NODE, EPOCH).store(2, whole)  # what the next pull does
    landed(archive)
    now = {name: data for name, data in bytes_of(archive).items() if not name.startswith("aside")}
    assert now == before


TABLES = ("records", "events", "holes", "channels", "pages")
DAMAGE = [(table, how) for table in TABLES for how in ("cut", "flipped", "empty", "text")]
DAMAGE.remove(("holes", "flipped"))  # there are none, and so no bytes of columns


@pytest.mark.parametrize(("table", "how"), DAMAGE)
def test_a_damaged_table_is_found_and_made_again(
    archive: Path, told: Say, table: str, how: str
) -> None:
    before = bytes_of(archive)
    path = min((archive / table).rglob("*.parquet"))
    data = path.read_bytes()
    flipped = data
    if how == "flipped":  # the last byte of a column: what is stored, not how
        column = pq.read_metadata(path).row_group(0).column(0)
        begin = column.dictionary_page_offset or column.data_page_offset
        at = begin + column.total_compressed_size - 1
        flipped = data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]
    damaged = {"cut": data[: len(data) // 2], "flipped": flipped, "empty": b"", "text": b"no table"}
    path.write_bytes(damaged[how])
    found = told()
    assert str(path.relative_to(archive)) in {f["path"] for f in found["findings"]}
    assert main(["archive", "check", str(archive), "--rebuild"]) == 0
    now = bytes_of(archive)
    assert {name: now[name] for name in before} == before
    assert told()["ok"]


def test_a_query_of_a_damaged_table_says_what_to_do(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in archive.rglob("month=2026-02/*.parquet"):
        path.write_bytes(path.read_bytes()[:500])
    assert main(["query", str(archive), "select sum(value) from records"]) == 1
    assert "archive check" in capsys.readouterr().err


def test_pages_of_another_node_are_named(archive: Path, told: Say) -> None:
    shutil.copytree(archive / NODE, archive / "other")
    (archive / NODE / str(EPOCH) / "pages" / "0000000099.page").write_bytes(b"Tr" + bytes(4094))
    land_all(archive)
    found = {f["path"]: f["what"] for f in told()["findings"]}
    assert "is no page of this node's epoch" in found[f"{NODE}/{EPOCH}/pages/0000000099.page"]
    assert "pages of one node under two names" in found[f"other/{EPOCH}"]


def test_a_page_is_never_written_over(archive: Path) -> None:
    epoch = Archive(archive).epoch(NODE, EPOCH)
    old = page(archive, 1).read_bytes()
    epoch.store(1, old[:50] + b"\0" * 4046)
    (kept,) = (epoch.folder / "aside").iterdir()
    assert kept.read_bytes() == old


def test_what_a_killed_landing_left_behind_is_named(archive: Path, told: Say) -> None:
    left = shelf(archive).month("2026-02")
    left.with_name(f".{left.name}.tmp123").write_bytes(b"half")
    assert "half-written" in told()["findings"][0]["what"]


def test_what_a_killed_landing_left_behind_goes_with_the_next_one(archive: Path, told: Say) -> None:
    left = shelf(archive).month("2026-02")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = left.with_name(f".{left.name}.tmp{ended.pid}")
    alive = left.with_name(f".{left.name}.tmp{os.getpid()}")
    dead.write_bytes(b"half")
    alive.write_bytes(b"half")
    landed(archive)
    assert not dead.exists()
    assert alive.exists(), "somebody writes it now"
    alive.unlink()
    assert told()["ok"]


def test_a_landing_on_a_full_disk_keeps_evidence_and_tables(archive: Path, tmp_path: Path) -> None:
    fake = node(3000)
    store(archive, fake)
    before = bytes_of(archive)
    done = on_full_disk(6000, "archive", "check", str(archive), "--rebuild")
    assert done.returncode == 1, done.stderr
    assert "Cannot write" in done.stderr
    assert "Make room" in done.stderr
    assert not list(archive.rglob("*.tmp*"))
    assert {name: data for name, data in bytes_of(archive).items() if name in before} == before
    assert landed(archive).written == ["2026-03"]
    fresh = tmp_path / "fresh"
    store(fresh, fake)
    landed(fresh)
    assert bytes_of(fresh) == bytes_of(archive)


def test_tables_of_another_version_are_left_to_it(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in archive.rglob("*.parquet"):
        table = pq.ParquetFile(path).read()
        pq.write_table(table.replace_schema_metadata({"tirta.layout": "2"}), path)
    before = bytes_of(archive)
    for words in (["query", "select 1"], ["report"], ["export", "--to", "csv"]):
        capsys.readouterr()
        assert main([words[0], str(archive), *words[1:]]) == 1
        told = capsys.readouterr().err
        assert "another version of tirta: layout 2, this one knows 1." in told
        assert "Update tirta" in told
    assert bytes_of(archive) == before
    assert main(["archive", "check", str(archive), "--rebuild"]) == 0
    assert main(["query", str(archive), "select 1"]) == 0


def test_no_archive_and_no_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["archive", "check", str(tmp_path)], ["query", str(tmp_path), "select 1"]):
        assert main(words) == 1
        assert "is not an archive" in capsys.readouterr().err
    store(tmp_path, node(1))
    assert main(["query", str(tmp_path), "select 1"]) == 1
    assert "has no tables yet" in capsys.readouterr().err
    assert [f.what for f in check(tmp_path).findings] == ["is not in the tables yet."]

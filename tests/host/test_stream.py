# SPDX-License-Identifier: MIT
"""Pages to a lake in batches: whoever is killed where, and in whatever order pages and times come,
its rows are those that the same evidence gives node by node.
"""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from generated import given, settings
from hypothesis import strategies as st
from peer import EPOCH, UNIX_MS, FakeLog

pytest.importorskip("deltalake", reason="tirta[lake] is not installed")
pytest.importorskip("duckdb", reason="tirta[query] is not installed")

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq

from tirta.archive.evidence import Archive
from tirta.archive.pack import Pack
from tirta.cli import main
from tirta.errors import TirtaError
from tirta.tables import lake, layout, stream
from tirta.tables.landing import land_all
from tirta.tables.mend import Mended, mend
from tirta.tables.query import connect
from tirta.tables.stream import Stream
from tirta_format import meta
from tirta_format import page as format_page

_BOUNDS = {"time_earliest", "time_latest"}  # of records without a time: not said before the end
_ROW = [name for name in layout.RECORD_SCHEMA.names if name not in _BOUNDS]


class KilledError(Exception):
    """Somebody pulled the plug here."""


class Sender:
    """A node whose log grows: what its archive may know of it at any time."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.log = FakeLog()
        self.chance = chance
        self.known: dict[int, int] = {}  # bytes of each page that came
        if chance.random() < 0.3:
            self.log.config_hash ^= 1  # nobody has its text: nothing can be read

    def grow(self) -> None:
        """Some records; now and then somebody tells the time of those before, too."""
        if self.log.number and self.chance.random() < 0.4:
            uptime_ms = self.log.number * 60_000 + self.chance.randrange(-900_000, 1000)
            off_ms = self.chance.choice((0, 40, 3_600_000, 40 * 86_400_000))
            payload = meta.anchor(max(uptime_ms, 1), UNIX_MS + uptime_ms + off_ms, 2, 50)
            if self.log.end + len(payload) + 8 < format_page.SIZE:
                buf = bytearray(len(payload) + 8)
                buf[2 : 2 + len(payload)] = payload
                self.log._chunk(buf, format_page.META, len(payload))
        self.log.add(self.chance.randrange(1, 90))

    def send(self, archive: Archive, *, all_of_it: bool = False) -> None:
        """More of some pages, in any order; never less than before."""
        log = self.log
        for page in self.chance.sample(sorted(log.pages), len(log.pages)):
            size = log.end if page == log.seq else format_page.SIZE
            before = self.known.get(page, 0)
            if not all_of_it and self.chance.random() < 0.4:
                continue
            if not all_of_it and self.chance.random() < 0.5:
                size = self.chance.randrange(before, size + 1)
            if size > max(before, format_page.HEADER_SIZE):
                archive.epoch(self.name, EPOCH).store(page, bytes(log.pages[page][:size]))
                self.known[page] = size


def rows_of(table: pa.Table) -> list[Any]:
    wanted = table.select(["node", *(_ROW)])
    return sorted(map(repr, zip(*(column.to_pylist() for column in wanted.columns), strict=True)))


def in_lake(where: Path, name: str = layout.RECORDS) -> pa.Table:
    return lake.table(where, name).to_pyarrow_table()


def named_in(where: Path) -> list[Any]:
    """What names each record in the lake."""
    names = in_lake(where).select(["node", "epoch", "number", "channel"])
    return list(zip(*(column.to_pylist() for column in names.columns), strict=True))


def node_by_node(root: Path) -> list[Any]:
    """What the archive itself makes of the evidence."""
    land_all(root, anew=True)
    return rows_of(tables_of(root))


def tables_of(root: Path) -> pa.Table:
    found = [layout.RECORD_SCHEMA.empty_table().append_column("node", pa.array([], pa.string()))]
    for path in (root / layout.RECORDS).rglob("*.parquet"):
        node = path.parts[-3].removeprefix("node=")
        table = pq.read_table(path, partitioning=None)
        table = table.cast(layout.RECORD_SCHEMA)
        found.append(table.append_column("node", pa.repeat(pa.scalar(node), len(table))))
    return pa.concat_tables(found)


def killed_at(chance: random.Random, patch: pytest.MonkeyPatch) -> None:
    """The process ends before or behind one of the next commits, of the lake or of the archive."""
    left = [chance.randrange(1, 12)]

    def mortal(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            done = work(*args, **named)
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            return done

        return run

    patch.setattr(stream, "write_deltalake", mortal(deltalake.write_deltalake))
    patch.setattr(Pack, "change", mortal(Pack.change))


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 32))
def test_the_lake_has_what_each_node_alone_would_have(seed: int) -> None:
    chance = random.Random(seed)
    with TemporaryDirectory() as folder:
        root, where = Path(folder) / "city", Path(folder) / "lake"
        Pack.make(root)
        nodes = [Sender(f"02fb6be3{i:04x}", chance) for i in range(3)]
        for turn in range(6):
            archive = Archive(root)
            with archive.together():
                for node in nodes:
                    node.grow()
                    node.send(archive, all_of_it=turn == 5)
            with pytest.MonkeyPatch.context() as patch:
                if turn < 5 and chance.random() < 0.7:
                    killed_at(chance, patch)
                try:
                    Stream(root, where, "1/1").land()
                except (KilledError, TirtaError):
                    continue
        assert Stream(root, where, "1/1").land() == 0
        found = rows_of(in_lake(where)) if layout.is_lake(where) else []
        assert found == node_by_node(root)
        if found:
            named = in_lake(where, layout.EVENTS).select(["node", "page", "place"])
            told = list(zip(*(c.to_pylist() for c in named.columns), strict=True))
            assert len(told) == len(set(told))


def filled(root: Path, count: int = 6) -> list[Sender]:
    Pack.make(root)
    archive = Archive(root)
    nodes = []
    for i in range(count):
        node = Sender(f"02fb6be3{i:04x}", random.Random(2))
        node.log.add(30)
        node.send(archive, all_of_it=True)
        nodes.append(node)
    return nodes


def test_a_batch_that_would_be_too_large_is_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path / "city")
    monkeypatch.setattr(stream, "MOST_VALUES", 100)
    made = Stream(tmp_path / "city", tmp_path / "lake", "1/1")
    assert made.land() == 6 * 30 * 2
    assert lake.table(tmp_path / "lake", layout.RECORDS).version() == 2
    assert rows_of(in_lake(tmp_path / "lake")) == node_by_node(tmp_path / "city")


def test_what_one_of_several_began_the_first_of_others_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, where = tmp_path / "city", tmp_path / "lake"
    nodes = filled(root)

    def fails(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(stream, "write_deltalake", fails)
        with pytest.raises(KilledError):
            Stream(root, where, "2/2", lambda node: node != nodes[0].name).land()
    first = Stream(root, where, "1/3")
    assert first.land() == 30 * 2, "the plan of another is its own"
    first.finish("3")
    assert first.land() == 0
    assert rows_of(in_lake(where)) == node_by_node(root)


def test_an_older_copy_of_the_archive_is_refused(tmp_path: Path) -> None:
    root, where = tmp_path / "city", tmp_path / "lake"
    (node, *_) = filled(root, 1)
    Stream(root, where, "1/1").land()
    node.log.add(10)
    node.send(Archive(root), all_of_it=True)
    pack = Pack.make(root)
    pack.change("UPDATE batches SET version = ?", [(0,)])
    with pytest.raises(TirtaError, match="older copy") as told:
        Stream(root, where, "1/1").land()
    assert f"tirta lake mend {where} {root}" in told.value.hint
    assert in_lake(where).num_rows == 60


def mend_at_last(root: Path, where: Path, chance: random.Random) -> None:
    """Mend, and bring what waits, however often somebody pulls the plug."""
    while True:
        with pytest.MonkeyPatch.context() as patch:
            if chance.random() < 0.7:
                killed_at(chance, patch)
            try:
                mend(root, where)
                Stream(root, where, "1/1").land()
            except (KilledError, TirtaError):
                continue
        return


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 32))
def test_an_older_copy_of_either_is_mended(seed: int) -> None:
    """Nothing of the lake goes, nothing comes twice; when nodes have sent again what the copy
    lacks, the lake is what the evidence gives node by node. Killed anywhere, it is done again.
    """
    chance = random.Random(seed)
    with TemporaryDirectory() as folder:
        root, where = Path(folder) / "city", Path(folder) / "lake"
        Pack.make(root)
        nodes = [Sender(f"02fb6be3{i:04x}", chance) for i in range(3)]
        for node in nodes:
            node.log.config_hash = FakeLog().config_hash

        def grow(*, all_of_it: bool) -> None:
            archive = Archive(root)
            with archive.together():
                for node in nodes:
                    node.grow()
                    node.send(archive, all_of_it=all_of_it)
            Stream(root, where, "1/1").land()

        grow(all_of_it=True)
        grow(all_of_it=False)
        older = root if seed % 2 else where
        shutil.copytree(older, Path(folder) / "copy")
        known = [dict(node.known) for node in nodes]
        for _ in range(3):
            grow(all_of_it=False)
        newest = {*named_in(where)}
        shutil.rmtree(older)
        shutil.copytree(Path(folder) / "copy", older)
        for node in nodes:
            page, size = node.log.seq, node.log.end
            Archive(root).epoch(node.name, EPOCH).store(page, bytes(node.log.pages[page][:size]))
        with pytest.raises(TirtaError, match="older copy"):
            Stream(root, where, "1/1").land()
        if older == root:
            for node, had in zip(nodes, known, strict=True):
                node.known = had
        mend_at_last(root, where, chance)
        mended = named_in(where)
        assert len(mended) == len({*mended})
        assert {*mended} >= newest
        grow(all_of_it=False)
        grow(all_of_it=True)
        assert rows_of(in_lake(where)) == node_by_node(root)
        named = in_lake(where, layout.EVENTS).select(["node", "page", "place"])
        told = list(zip(*(c.to_pylist() for c in named.columns), strict=True))
        assert len(told) == len(set(told))
        listed = in_lake(where, layout.CHANNELS).select(["node", "epoch", "config", "position"])
        assert len(listed) == len(listed.group_by(listed.column_names).aggregate([]))
        assert mend(root, where) == Mended()
        assert Stream(root, where, "1/1").land() == 0


def test_what_a_node_has_overwritten_stays_in_the_lake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive's copy is older, and nobody has the pages between: a late change of the others
    leaves their rows.
    """
    root, where = tmp_path / "city", tmp_path / "lake"
    (node, *_) = filled(root, 1)
    Stream(root, where, "1/1").land()
    shutil.copytree(root, tmp_path / "copy")
    node.log.add(10)
    node.send(Archive(root), all_of_it=True)
    Stream(root, where, "1/1").land()
    assert in_lake(where).num_rows == 80
    shutil.rmtree(root)
    shutil.copytree(tmp_path / "copy", root)
    assert main(["lake", "mend", str(where), str(root)]) == 0
    assert "10 records of the lake are in no page here" in capsys.readouterr().out
    (root / node.name).mkdir()
    (root / node.name / "calibrations.csv").write_text(
        "channel,from_utc,coefficients\np_inlet,2020-01-01T00:00:00Z,0.5 2\n", encoding="utf-8"
    )
    while node.log.seq == 1:
        node.log.add(1)
    Archive(root).epoch(node.name, EPOCH).store(2, bytes(node.log.pages[2][: node.log.end]))
    assert Stream(root, where, "1/1").land() == 31 * 2
    found = in_lake(where)
    values = {
        n: (v, raw)
        for n, v, raw, channel in zip(
            *(found[name].to_pylist() for name in ("number", "value", "raw", "channel")),
            strict=True,
        )
        if channel == "p_inlet"
    }
    assert len(found) == 2 * len(values)
    assert sorted(values) == [*range(40), node.log.number - 1]
    scale = values[39][1] / values[39][0]
    assert all(
        value == pytest.approx(raw / scale if 30 <= n < 40 else 0.5 + 2 * raw / scale)
        for n, (value, raw) in values.items()
    )


def test_an_archive_of_folders_stays_one(tmp_path: Path) -> None:
    log = FakeLog()
    log.add(10)
    Archive(tmp_path).epoch("02fb6be3ee96", EPOCH).store(1, bytes(log.pages[1][: log.end]))
    with pytest.raises(TirtaError, match="in folders"):
        Pack.make(tmp_path)
    assert Archive(tmp_path).pack is None


def test_what_somebody_calibrated_later_replaces_the_rows_of_that_node(tmp_path: Path) -> None:
    root, where = tmp_path / "city", tmp_path / "lake"
    (first, second) = filled(root, 2)
    Stream(root, where, "1/1").land()
    (root / first.name).mkdir()
    (root / first.name / "calibrations.csv").write_text(
        "channel,from_utc,coefficients\np_inlet,2020-01-01T00:00:00Z,0.5 2\n", encoding="utf-8"
    )
    first.log.add(3)
    first.send(Archive(root), all_of_it=True)
    assert Stream(root, where, "1/1").land() == 33 * 2
    assert rows_of(in_lake(where)) == node_by_node(root)
    assert second.name in in_lake(where)["node"].to_pylist()


def test_a_lake_that_was_filled_so_is_asked_and_restored_as_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, where = tmp_path / "city", tmp_path / "lake"
    filled(root, 2)
    Stream(root, where, "1/1").land()
    with connect(where) as con:
        found = con.sql("SELECT node, count(*) FROM flow GROUP BY 1 ORDER BY 1").fetchall()
    assert found == [("02fb6be30000", 30), ("02fb6be30001", 30)]
    again = tmp_path / "again"
    assert lake.restore(where, "city", again)
    assert rows_of(tables_of(again)) == node_by_node(root)
    assert main(["lake", "write", str(root), str(tmp_path / "other")]) == 1
    assert "as it is received" in capsys.readouterr().err

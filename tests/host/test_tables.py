# SPDX-License-Identifier: MIT
"""The archive's tables: what is in them, what a landing rewrites, and what it leaves alone."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake import (
    DAY_MS,
    MARCH,
    NIGHT,
    NODE,
    Node,
    bytes_of,
    landed,
    node,
    records,
    rows,
    shelf,
    store,
)
from peer import CONFIG_TEXT, EPOCH, Peer, peer_fixture  # noqa: F401

from tirta.cli import main
from tirta.tables import layout
from tirta.tables.landing import Landed, land_all
from tirta_format import alarm_log, meta


def test_records_go_to_their_months_with_everything_said_of_them(tmp_path: Path) -> None:
    fake = node()
    store(tmp_path, fake)
    done = landed(tmp_path)
    assert done.written == ["2026-02", "2026-03"]
    assert done.values == 3000
    assert done.problems == []
    found = records(tmp_path)
    # The record of slot 719 falls due at midnight exactly.
    assert [len(found[month]) for month in done.written] == [2 * 719, 2 * 781]
    assert found["2026-03"][781] == {
        "time_utc": datetime(2026, 3, 1, tzinfo=UTC), "time_quality": "synchronised",
        "time_uncertainty_ms": 50 + 864, "time_earliest": None, "time_latest": None,
        "epoch": EPOCH, "number": 719, "channel": "p_inlet",
        "value": Node.values(719)[1] / 100, "unit": "m", "flag": 1,
        "raw": Node.values(719)[1], "config": f"{fake.config_hash:08x}",
    }  # fmt: skip
    for month in found.values():
        assert [(r["channel"], r["number"]) for r in month] == sorted(
            (r["channel"], r["number"]) for r in month
        )


def test_each_channel_is_a_row_group_that_is_read_alone(tmp_path: Path) -> None:
    store(tmp_path, node())
    landed(tmp_path)
    groups = pq.read_metadata(shelf(tmp_path).month("2026-02"))
    at = layout.RECORD_SCHEMA.names.index("channel")
    ranges = [groups.row_group(i).column(at).statistics for i in range(groups.num_row_groups)]
    assert [(r.min, r.max) for r in ranges] == [("flow", "flow"), ("p_inlet", "p_inlet")]


def test_the_same_pages_give_the_same_bytes_and_a_second_landing_writes_none(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        store(tmp_path / name, node())
        landed(tmp_path / name)
    before = bytes_of(tmp_path / "a")
    assert before == bytes_of(tmp_path / "b")
    assert landed(tmp_path / "a") == Landed()
    assert bytes_of(tmp_path / "a") == before


def test_only_months_with_new_pages_are_written_again(tmp_path: Path) -> None:
    fake = node()
    store(tmp_path, fake)
    landed(tmp_path)
    fake.add(700)
    store(tmp_path, fake)
    assert landed(tmp_path).written == ["2026-03"]
    step_by_step = bytes_of(tmp_path)
    shutil.rmtree(tmp_path / "records")
    land_all(tmp_path, anew=True)
    assert bytes_of(tmp_path) == step_by_step


def test_a_record_without_a_time_is_kept_between_its_neighbours(tmp_path: Path) -> None:
    fake = node(60)
    fake.start()
    fake.add(30)
    fake.start()
    fake.clock(MARCH)
    fake.add(10)
    store(tmp_path, fake)
    landed(tmp_path)
    found = records(tmp_path)
    assert list(found) == ["2026-02", "2026-03", "unset"]
    unset = [r for r in found["unset"] if r["channel"] == "flow"]
    assert [r["number"] for r in unset] == list(range(60, 90))
    assert {r["time_utc"] for r in unset} == {None}
    assert {r["time_quality"] for r in unset} == {"unset"}
    times = [(r["time_earliest"].timestamp(), r["time_latest"].timestamp()) for r in unset]
    # After the 60th minute of the boot before, and the record's own minutes; to the second.
    assert times[0][0] == pytest.approx(NIGHT / 1000 + 61 * 60, abs=1)
    assert times[-1][1] == pytest.approx(MARCH / 1000, abs=1)
    assert all(early < late for early, late in times)


def test_a_late_anchor_moves_records_to_the_right_month(tmp_path: Path) -> None:
    fake = Node()
    fake.add(300)
    store(tmp_path, fake)
    assert landed(tmp_path).written == ["unset"]
    fake.clock(MARCH + 60 * 60_000)  # at minute 300: the first 240 were in February
    fake.add(5)
    store(tmp_path, fake)
    done = landed(tmp_path)
    assert (done.written, done.removed) == (["2026-02", "2026-03"], ["unset"])
    found = records(tmp_path)
    numbers = {m: [r["number"] for r in f if r["channel"] == "flow"] for m, f in found.items()}
    assert numbers == {"2026-02": list(range(239)), "2026-03": list(range(239, 305))}
    assert not list((tmp_path / "records").rglob("month=unset"))


def test_a_clock_from_1970_dates_nothing(tmp_path: Path) -> None:
    fake = Node()
    fake.clock(5000)
    fake.add(20)
    store(tmp_path, fake)
    landed(tmp_path)
    assert list(records(tmp_path)) == ["unset"]
    (anchor,) = [r for r in rows(shelf(tmp_path).table(layout.EVENTS)) if r["kind"] == "anchor"]
    assert "impossible time" in anchor["what"]
    fake.clock(NIGHT)
    store(tmp_path, fake)
    landed(tmp_path)
    assert list(records(tmp_path)) == ["2026-02"]


def test_an_alarm_has_its_value_in_the_unit_of_its_channel(tmp_path: Path) -> None:
    """Pressure in centimetres, pulses of 10 L a minute; what has no value has none."""
    alarms: list[dict[str, object]] = [
        {"name": "low", "kind": "below", "column": "p_inlet", "limit": 500},
        {"name": "dead", "kind": "fault", "column": "p_inlet"},
        {"name": "back", "kind": "below", "column": "flow", "limit": 0},
        {"name": "burst", "kind": "burst", "column": "flow", "limit": 36},
        {"name": "door", "kind": "tamper", "pin": 14},
    ]
    text = json.dumps(json.loads(CONFIG_TEXT) | {"alarms": alarms}, sort_keys=True).encode()
    fake = Node(text=text)
    below, fault, tamper, burst = (
        alarm_log.KINDS.index(kind) for kind in ("below", "fault", "tamper", "burst")
    )
    for told in (
        ("low", 1, below, 487), ("low", 0, below, 0), ("dead", 1, fault, 0),
        ("dead", 0, fault, 3012), ("back", 1, below, -3), ("burst", 1, burst, 24),
        ("burst", 0, burst, 0), ("door", 1, tamper, 0), ("gone", 1, below, 5),
    ):  # fmt: skip
        fake.say(alarm_log.record(60_000, *told))
    store(tmp_path, fake)
    landed(tmp_path)
    found = [r for r in rows(shelf(tmp_path).table(layout.EVENTS)) if r["kind"] == "alarm"]
    assert [(r["channel"], r["value"], r["unit"]) for r in found] == [
        ("p_inlet", 4.87, "m"), ("p_inlet", 0.0, "m"), ("p_inlet", None, "m"),
        ("p_inlet", 30.12, "m"), ("flow", -0.5, "L/s"), ("flow", 4.0, "L/s"),
        ("flow", None, "L/s"), (None, None, None), (None, None, None),
    ]  # fmt: skip
    assert [r["what"] for r in found[:5]] == [
        "Alarm low (below) was raised: p_inlet at 4.87 m.",
        "Alarm low (below) is over, p_inlet at 0 m.",
        "Alarm dead (fault) was raised.",
        "Alarm dead (fault) is over, p_inlet at 30.12 m.",
        "Alarm back (below) was raised: flow at -0.5 L/s.",
    ]
    assert json.loads(found[0]["fields"])["value"] == 487


def test_a_table_of_before_a_column_is_kept_without_it(tmp_path: Path) -> None:
    fake = Node()
    fake.say(alarm_log.record(60_000, "door", 1, 3, 0))
    store(tmp_path, fake)
    landed(tmp_path)
    path = shelf(tmp_path).table(layout.EVENTS)
    later = ("channel", "value", "unit")
    schema = pa.schema([f for f in layout.EVENT_SCHEMA if f.name not in later])
    old = pq.read_table(path, partitioning=None).select(schema.names)
    layout.write(path, schema, [old], "")
    before = layout.read(path, layout.EVENT_SCHEMA)
    assert before is not None
    assert before.schema.names == layout.EVENT_SCHEMA.names
    assert before.column("unit").null_count == len(before) == len(old)
    fake.skip()
    fake.clock(MARCH)
    store(tmp_path, fake)
    landed(tmp_path)
    assert [row["kind"] for row in rows(path)] == ["boot", "alarm", "anchor"]
    assert pq.read_schema(path).names == layout.EVENT_SCHEMA.names


def test_a_clock_that_was_a_month_off_splits_a_page(tmp_path: Path) -> None:
    fake = Node()
    fake.clock(MARCH - 40 * DAY_MS)
    fake.add(20)
    fake.clock(MARCH)
    fake.add(20)
    store(tmp_path, fake)
    landed(tmp_path)
    assert {month: len(found) for month, found in records(tmp_path).items()} == {
        "2026-01": 2 * 19,
        "2026-03": 2 * 21,  # the record at the moment of the second anchor is of that one
    }


def test_holes_say_what_is_not_there_and_why(tmp_path: Path) -> None:
    fake = node(50)
    fake.skip(slots=15)
    fake.say(meta.loss(fake.encoder.slot * 60_000, meta.LOSS_UNATTENDED, 50, 15, 900_000))
    fake.add(10)
    fake.skip(slots=20, numbers=20)
    fake.say(meta.loss(fake.encoder.slot * 60_000, meta.LOSS_FLASH, 80, 12, 0))
    fake.add(10)
    store(tmp_path, fake)
    landed(tmp_path)
    found = rows(shelf(tmp_path).table(layout.HOLES))
    told = [(h["state"], h["first"], h["last"], h["records"], h["reason"]) for h in found]
    assert told == [
        ("gap", None, None, 15, "nobody sampled"),
        ("missing", 60, 67, 8, None),
        ("lost", 68, 79, 12, "the flash failed"),
    ]
    start = NIGHT / 1000
    assert found[0]["time_from"].timestamp() == start + 50 * 60
    assert found[0]["time_to"].timestamp() == start + 66 * 60
    assert found[1]["time_from"].timestamp() == start + 75 * 60


def test_damage_is_a_hole_and_the_rest_is_there(tmp_path: Path) -> None:
    fake = node()
    fake.pages[2][2000] ^= 1
    store(tmp_path, fake)
    landed(tmp_path)
    have = {r["number"] for found in records(tmp_path).values() for r in found}
    (hole,) = rows(shelf(tmp_path).table(layout.HOLES))
    assert hole["state"] == "damaged"
    assert set(range(1500)) - have == set(range(hole["first"], hole["last"] + 1))


def test_a_late_calibration_changes_values_and_never_counts(tmp_path: Path) -> None:
    store(tmp_path, node())
    landed(tmp_path)
    before = records(tmp_path)
    (tmp_path / NODE / "calibrations.csv").write_text(
        "channel,from_utc,coefficients\np_inlet,2026-03-01T00:10:00Z,0.5 2\n"
    )
    assert landed(tmp_path).written == ["2026-02", "2026-03"]
    after = records(tmp_path)
    assert after["2026-02"] == before["2026-02"]
    since = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
    for old, new in zip(before["2026-03"], after["2026-03"], strict=True):
        applies = new["channel"] == "p_inlet" and new["time_utc"] >= since
        assert new["value"] == (0.5 + 2 * old["value"] if applies else old["value"])
        assert new["raw"] == old["raw"]
    (tmp_path / NODE / "calibrations.csv").unlink()
    landed(tmp_path)
    assert records(tmp_path) == before


def test_polars_reads_the_same_folder(tmp_path: Path) -> None:
    store(tmp_path, node())
    store(tmp_path, node(100), "0123")
    land_all(tmp_path)
    text = {"node": pl.String, "month": pl.String}
    found = (
        pl.scan_parquet(tmp_path / "records", hive_schema=text)
        .filter(pl.col("channel") == "flow")
        .group_by("node")
        .agg(pl.len(), pl.col("value").sum(), pl.col("time_utc").min())
        .sort("node")
        .collect()
    )
    truth = [sum(Node.values(n)[0] for n in range(count)) for count in (100, 1500)]
    first = datetime.fromtimestamp(NIGHT / 1000 + 60, UTC)
    assert found.rows() == [("0123", 100, truth[0], first), (NODE, 1500, truth[1], first)]


def test_one_record_is_a_month(tmp_path: Path) -> None:
    store(tmp_path, node(1))
    landed(tmp_path)
    assert [len(found) for found in records(tmp_path).values()] == [2]
    assert main(["query", str(tmp_path), "select count(*) from flow"]) == 0


def test_a_config_that_comes_in_two_pulls_makes_its_records_known(tmp_path: Path) -> None:
    fake = Node(config=CONFIG_TEXT[: meta.CONFIG_PART])
    fake.clock(MARCH)
    fake.add(400)
    store(tmp_path, fake)
    assert landed(tmp_path) == Landed()
    fake.skip()
    fake.say_config(meta.CONFIG_PART)
    fake.add(5)
    store(tmp_path, fake)
    assert landed(tmp_path).values == 2 * 405
    assert landed(tmp_path) == Landed()


def test_a_pull_lands_in_tables(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(300)
    words = ["pull", peer.port, "--archive", str(tmp_path)]
    assert main(words) == 0
    assert sum(map(len, records(tmp_path).values())) == 2 * 300
    assert "time_uncertainty_ms" in (tmp_path / "README.md").read_text()
    peer.log.add(10)
    assert main(words) == 0
    assert sum(map(len, records(tmp_path).values())) == 2 * 310
    # A landing that failed is made up for by the next pull, even one that brings nothing.
    shutil.rmtree(tmp_path / "records")
    assert main(words) == 0
    assert sum(map(len, records(tmp_path).values())) == 2 * 310


def test_every_column_is_in_the_archives_readme(tmp_path: Path) -> None:
    store(tmp_path, node(1))
    landed(tmp_path)
    text = (tmp_path / "README.md").read_text()
    for name in dir(layout):
        if name.endswith("_SCHEMA"):
            for column in getattr(layout, name).names:
                assert f"`{column}`" in text, (name, column)

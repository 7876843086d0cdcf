# SPDX-License-Identifier: MIT
"""`make bench` in small: the figures are there and plausible, and a wrong decode ends the run."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import archive_scale
import capacity
import decode_speed
import density
import figures
import measured
import node_cost
import numpy as np
import peers
import powercut
import product
import pytest
import quality
import regimes
import run
import series
import start_cost
import uplink_bytes
import wear
from support import micropython
from under_micropython import BenchError, can_count

from tirta.log.decode import decode
from tirta.tables.landing import land_all
from tirta.tables.query import connect

RECORDS = 400
CHANNELS = 4


def quiet(line: str) -> None:
    """No report."""


@pytest.fixture(scope="module")
def walk() -> series.Series:
    """Counts of pulses and three slow readings with gaps and missing values."""
    micropython()  # skips where there is none
    random = np.random.default_rng(20260101)
    values = random.integers(-8, 9, (RECORDS, CHANNELS)).cumsum(axis=0)
    values[:, 0] = random.poisson(12, RECORDS)
    flags = np.full((RECORDS, CHANNELS), series.GOOD, np.uint8)
    flags[50:60, 2] = series.MISSING
    slots = np.arange(RECORDS) + np.arange(RECORDS) // 100
    block = series.Block(slots, values.astype(np.int64), flags)
    return series.Series("walk", (1, 100, 10, 10), (block,), counted=(0,))


def test_bytes_of_an_uplink(walk: series.Series) -> None:
    """Both ways count, and the log's bytes are most of it."""
    found = uplink_bytes.measure(walk, quiet)
    up, down = found["uplink.bytes_per_record_up"], found["uplink.bytes_per_record_down"]
    assert found["uplink.bytes_per_record"] == up + down
    assert 4 < up < 8
    assert 0.01 < down < 1


def test_density(walk: series.Series) -> None:
    found = density.measure([walk], quiet)
    assert 3 < found["density.walk"] < 8  # 4.1 bits of entropy in each reading's step
    others = peers.bits_per_value(walk)
    assert others["FP2 (lossy)"] == pytest.approx(16.25, abs=0.01)
    assert 3 < others[peers.PCO] < others[peers.SPRINTZ]
    assert 3 < others[peers.XZ] < others["Gorilla f32"] < others["CSV"]


def test_six_paces(walk: series.Series) -> None:
    found = regimes.measure(walk, quiet)
    for pace in regimes.PACES_S:
        for commit in regimes.COMMITS_S:
            assert 3 < found[f"density.regime_{pace}s_{commit}s"] < 8
    assert found["wear.journal_bytes_per_record_1s_60s"] == 0
    assert found["wear.journal_bytes_per_record_1s_1s"] > CHANNELS
    assert found["wear.journal_years_1s_1s"] > 1
    busiest = regimes.busiest(walk, quiet)["wear.journal_years_walk_1s_1s"]
    pages = 18  # of the journal of a 4 MB board
    a_page_s = 4056 / found["wear.journal_bytes_per_record_1s_1s"]
    years = regimes.CYCLES * pages * a_page_s / regimes.YEAR_S
    assert busiest == pytest.approx(years, rel=0.2)


def test_wear() -> None:
    micropython()
    found = wear.measure(quiet, blocks=48, payload=96_000, wraps=3)
    assert 1 < found["wear.programmed_ratio"] < found["wear.erased_ratio"] < 1.2
    assert found["wear.programmed_gain_vs_lfs2"] > 20
    assert found["wear.erased_gain_vs_lfs2"] > 40
    assert found["wear.programmed_gain_vs_lfs2"] > found["wear.programmed_gain_vs_lfs2_256"]
    assert 1 < found["wear.programmed_gain_vs_lfs2_768"] < found["wear.programmed_gain_vs_lfs2_256"]
    assert found["wear.erased_gain_vs_lfs2_768"] > 1
    assert found["wear.erase_spread"] == 1


def test_decoding(walk: series.Series) -> None:
    found = decode_speed.measure(walk, quiet, least_s=0.05)
    assert found["decode.plain_values_per_s"] > 1000
    assert found.get("decode.values_per_s", 1e6) > 10_000


def test_capacity() -> None:
    found = capacity.measure({"walk": 4.0}, quiet)
    # 296 pages, 18 of them the journal's and one erased ahead, hold 4 bytes a record of 8 channels
    assert found["capacity.days_walk_60s"] == pytest.approx(277 * 4096 / 4 / 1440)


def test_steady_state_takes_no_heap(walk: series.Series) -> None:
    between, whole = node_cost.heap_bytes(walk)
    assert between == 0
    assert whole < 100


@pytest.mark.skipif(not can_count(), reason="no valgrind")
def test_worst_tick_of_mixed_periods_is_bounded() -> None:
    assert 1.2 < node_cost.worst_vs_median() < 3


def test_archive_of_moved_pages(walk: series.Series, tmp_path: Path) -> None:
    values = archive_scale.build(tmp_path, walk, nodes=2, months=2)
    done = land_all(tmp_path)
    assert (done.values, done.problems) == (values, [])
    with connect(tmp_path) as con:
        archive_scale.must_have(con, 2 * 2 * RECORDS * CHANNELS)
        nights = con.sql(archive_scale.NIGHT.replace("flow WHERE", "flow WHERE litres > 0 AND"))
        assert {night[0] for night in nights.fetchall()} == {"node0000", "node0001"}


def test_a_wrong_value_is_found(walk: series.Series) -> None:
    (logged,) = product.log(walk)
    (block,) = walk.blocks
    for name in ("values", "slots", "flags"):
        changed = getattr(block, name).copy()
        changed[200:201] += 1
        wrong = dataclasses.replace(block, **{name: changed})
        with pytest.raises(BenchError, match=f"{name} came back altered"):
            product.verify(dataclasses.replace(walk, blocks=(wrong,)), logged.pages)


def test_a_damaged_page_is_found(walk: series.Series) -> None:
    (logged,) = product.log(walk)
    seq, data = logged.pages[0]
    torn = data[:2000] + bytes([data[2000] ^ 1]) + data[2001:]
    with pytest.raises(BenchError, match="the laptop refuses the log"):
        product.verify(walk, [(seq, torn), *logged.pages[1:]])
    with pytest.raises(BenchError, match="records came back"):
        product.verify(walk.first(RECORDS - 1), logged.pages)


def test_a_wrong_decode_ends_the_run(
    walk: series.Series, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(*args: Any, **named: Any) -> Any:
        log = decode(*args, **named)
        log.records[0].values[7, 1] += 1
        return log

    kept: list[figures.Figures] = []
    monkeypatch.setattr(series, "NAMES", ("lro_mainstreet",))
    monkeypatch.setattr(series, "load", lambda name: dataclasses.replace(walk, name=name))
    monkeypatch.setattr(product, "decode", wrong)
    monkeypatch.setattr(run, "keep", kept.append)
    assert run.main() == 1
    assert "lro_mainstreet: values came back altered" in capsys.readouterr().err
    assert not kept


def test_series_of_others() -> None:
    found = series.load("lro_mainstreet")
    if found is None:
        pytest.skip("../shared/data/lro_mainstreet is absent")
    assert (found.records, found.channels) == (8736, 6)
    block = found.joined()
    assert block.values[0].tolist() == [176, 3880, 840, 1180, 388, 4052]
    assert (block.flags == series.MISSING).any()
    assert block.values.min() > -9999 * 10
    assert 5 < peers.bits_per_value(found)[peers.SPRINTZ] < 5.5


def test_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    figures.keep(
        {"wear.erase_spread": 1.0, "density.skab": 5.51902748, "decode.x": 3992704.4}, path
    )
    assert json.loads(path.read_text()) == {
        "decode.x": 3992700.0,
        "density.skab": 5.519,
        "wear.erase_spread": 1,
    }
    lines = figures.table({"density.skab": 7.0, "wear.erase_spread": 1, "decode.x": 5.0})
    assert [line.split()[-1] for line in lines[1:]] == ["5", "MISSED", "met"]


def test_power_cuts_and_faults_of_this_commit_only(tmp_path: Path) -> None:
    assert powercut.measure(quiet, tmp_path) == {}
    head = measured.commit()
    cuts = {"commit": head, "cuts": 12000, "acked_lost": 0, "invented": 0, "seed": 1}
    faults = {"commit": "0" * 40, "faults": 6000, "lost": 1, "invented": 0}
    faults["max_erases_per_attempt"] = 3
    (tmp_path / "powercut.json").write_text(json.dumps(cuts))
    (tmp_path / "flashfault.json").write_text(json.dumps(faults))
    wanted = {"powercut.cuts": 12000, "powercut.acked_lost": 0, "powercut.invented": 0}
    assert powercut.measure(quiet, tmp_path) == (wanted if head else {})
    (tmp_path / "powercut.json").write_text(json.dumps({**cuts, "commit": "0" * 40}))
    assert powercut.measure(quiet, tmp_path) == {}
    (tmp_path / "flashfault.json").write_text(json.dumps({**faults, "commit": head}))
    found = powercut.measure(quiet, tmp_path)
    assert not head or (found["flashfault.faults"], found["flashfault.lost"]) == (6000, 1)
    assert not head or found["flashfault.max_erases_per_attempt"] == 3


def test_a_start_reads_little_beside_the_headers(tmp_path: Path) -> None:
    found = start_cost.reads(quiet, str(tmp_path / "flash"))
    assert found["start.journal_other_reads"] <= 100
    assert found["start.settled_other_reads"] <= 100
    for name in ("journal", "settled"):
        assert 0 < found[f"start.{name}_programs"] <= 20
        assert found[f"start.{name}_erases"] == 0


def test_quality_is_scored_beside_a_rule_and_a_peer() -> None:
    labels = np.array([False, True, True, False, False, True])
    ours = np.array([False, True, True, False, False, False])
    its = np.array([True, True, False, True, True, False])
    assert quality.scores(ours, labels) == pytest.approx((1, 2 / 3, 0.8))
    found = quality.compared("x", ours, its, labels)
    assert found["quality.x_precision_vs_3sigma"] == 4
    assert found["quality.x_recall_vs_3sigma"] == 2
    assert quality.compared("x", ours, ~labels, labels) == {}
    pytest.importorskip("ioos_qc", reason="ioos-qc is not installed")
    random = np.random.default_rng(5)
    walk: list[int | None] = (random.integers(-9, 10, 600).cumsum() // 4).tolist()
    walk[300:303] = [None, 4000, None]
    walk[450] = -4000
    walk[500:560] = [7] * 60  # flat
    labels = np.zeros(600, bool)
    assert quality.agreement([walk], labels) == 1
    assert quality.flagged(walk, labels, clean=False).any()

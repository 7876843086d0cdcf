# SPDX-License-Identifier: MIT
"""Pages to records: damage is told and never decoded, times come from the right anchor."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from generated import given, settings
from hypothesis import strategies as st
from lake import NODE, store
from peer import CONFIG_TEXT, EPOCH, UNIX_MS, FakeLog

from tirta.archive import holes
from tirta.archive.evidence import Archive
from tirta.archive.ledger import Ledger
from tirta.exports import series
from tirta.exports.plot import plot
from tirta.exports.series import Measured
from tirta.log.dating import QUALITIES, Anchor, Dating
from tirta.log.decode import Log, decode
from tirta.tables.landing import land
from tirta.tables.layout import Shelf


def log_of(fake: FakeLog) -> Log:
    return decode((seq, bytes(page)) for seq, page in fake.pages.items())


def numbers(log: Log) -> list[int]:
    return [int(n) for batch in log.records for n in batch.number]


@pytest.fixture(name="fake")
def fake_fixture() -> FakeLog:
    fake = FakeLog()
    fake.add(1200)
    return fake


def test_short_page_is_what_was_known_of_it(fake: FakeLog) -> None:
    newest = bytes(fake.pages[fake.seq][: fake.end])
    assert numbers(decode([(1, bytes(fake.pages[1])), (fake.seq, newest)]))[-1] == 1199


def test_damaged_page_gives_the_chunks_before_and_says_where(fake: FakeLog) -> None:
    fake.pages[2][2000] ^= 1
    log = log_of(fake)
    damaged = [v for v in log.verdicts if v.problems]
    assert [v.page for v in damaged] == [2]
    assert "damaged" in damaged[0].problems[0]
    pages = ((v.first_record, bool(v.problems)) for v in log.verdicts)
    ((first, last),) = holes.in_damaged_pages(pages, 1200)
    lost = set(range(1200)) - set(numbers(log))
    assert lost
    assert first <= min(lost)
    assert max(lost) <= last


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=300), st.integers(0, 4095))
def test_no_damage_ever_makes_a_record_up(junk: bytes, at: int) -> None:
    fake = FakeLog()
    fake.add(300)
    whole = log_of(fake)
    fake.pages[1][at : at + len(junk)] = junk[: 4096 - at]
    log = log_of(fake)
    truth = dict(zip(numbers(whole), np.vstack([b.values for b in whole.records]), strict=True))
    for batch in log.records:
        for number, values in zip(batch.number, batch.values, strict=True):
            assert list(values) == list(truth[int(number)])


def test_anchor_dates_records_before_and_after_it() -> None:
    anchors = {1: [Anchor(600_000, UNIX_MS, 100, 2), Anchor(1_200_000, UNIX_MS + 601_000, 100, 2)]}
    uptime = np.array([0, 600_000, 660_000, 1_200_000, 86_400_000])
    times = Dating(anchors, {}).date(np.ones(5, dtype=np.int64), uptime)
    assert list(times.unix_ms - UNIX_MS) == [-600_000, 0, 60_000, 601_000, 601_000 + 85_200_000]
    # 85,200 s at 20 ppm are 1.7 s: no longer synchronised.
    assert list(QUALITIES[times.quality]) == ["synchronised"] * 4 + ["holdover"]


def test_page_anchor_counts_only_without_the_boots_own() -> None:
    page = {1: Anchor(0, UNIX_MS, 1, 2), 2: Anchor(0, UNIX_MS, 1, 2)}
    boots = np.array([1, 2, 3])
    dating = Dating({1: [Anchor(0, UNIX_MS + 5, 9, 2)]}, page)
    times = dating.date(boots, np.zeros(3, dtype=np.int64))
    assert list(times.unix_ms[:2]) == [UNIX_MS + 5, UNIX_MS]
    assert list(QUALITIES[times.quality]) == ["synchronised", "synchronised", "unset"]


def measured(root: Path, fake: FakeLog) -> Measured:
    """What a picture of this log is drawn from."""
    epoch = store(root, fake)
    epoch.store_config(fake.config_hash, CONFIG_TEXT)
    assert land(epoch, root).problems == []
    return series.of_epoch(Shelf(root, NODE, EPOCH))


def test_picture_breaks_the_line_where_nothing_was_measured(fake: FakeLog, tmp_path: Path) -> None:
    del fake.pages[2]
    found = measured(tmp_path, fake)
    assert (found.name, found.records) == ("test", len(numbers(log_of(fake))))
    flow, pressure = found.series
    assert flow.unit == "L/s"
    assert np.isnan(pressure.y).sum() == 1
    gap = int(np.flatnonzero(np.isnan(pressure.y))[0])
    assert pressure.x[gap + 1] - pressure.x[gap - 1] > 600
    number = 20
    assert flow.y[number] == pytest.approx(FakeLog.values(number)[0] * 10 / 60)
    hole = int(pressure.number[gap - 1]) + 1, int(pressure.number[gap + 1]) - 1
    assert pressure.span(*hole) == (pressure.x[gap - 1], pressure.x[gap + 1] - 60)
    assert pressure.span(20, hole[1]) == (pressure.x[19], pressure.x[gap - 1])
    assert pressure.span(1 << 20, 1 << 21) is None


def test_picture_tells_which_holes_were_filled(fake: FakeLog, tmp_path: Path) -> None:
    measured(tmp_path, fake)
    green = np.array([0x00, 0x9E, 0x73])

    def drawn() -> bool:
        pixels = np.round(matplotlib.image.imread(plot(tmp_path, node=NODE))[..., :3] * 255)
        return bool((pixels == green).all(axis=2).any())

    assert not drawn()
    (epoch,) = Archive(tmp_path).epochs()
    ledger = Ledger(epoch)
    ledger.detect([], 0, 100)
    ledger.save()
    assert not drawn()  # an open hole has another colour
    ledger.collect_ended([(0, 99)], [])
    ledger.save()
    assert drawn()


def test_picture_of_a_clock_that_was_never_set_counts_from_the_start(
    fake: FakeLog, tmp_path: Path
) -> None:
    del fake.pages[1]  # it has the only anchor
    flow, pressure = measured(tmp_path, fake).series
    assert not flow.dated
    first = numbers(decode(((2, bytes(fake.pages[2])),), configs=[CONFIG_TEXT]))[0]
    assert list(pressure.x[:2]) == [(first + 1) * 60, (first + 2) * 60]
    assert pressure.y[0] == pytest.approx(FakeLog.values(first)[1] / 100)

# SPDX-License-Identifier: MIT
"""Compressed runs and chunks on the laptop: the plain decoder, numba's and the reader written from
FORMAT.md say the same of anything; damage ends with a verdict, soon, and never as another record.
"""

import random
import sys
import time
from typing import Any

import format_reader
import format_runs
import pytest
from generated import HealthCheck, given, settings
from hypothesis import strategies as st
from interpreters import BOTH
from packed_pages import config_text, packed_page

from tirta.log.decode import Log, decode
from tirta.log.page_records import PageRecords
from tirta.log.unpack import MAX_COUNT, Unpacker

sys.path.insert(0, str(BOTH))
import packing  # type: ignore[import-not-found]

prove = settings(
    max_examples=100,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
Row = list[Any]  # slip, values, flags
int32 = st.one_of(
    st.integers(-300, 300),
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.sampled_from([-(1 << 31), (1 << 31) - 1, 1 << 28, -(1 << 30)]),
)
BOUND_S = 5.0


@st.composite
def series(draw: st.DrawFn) -> tuple[int, list[Row]]:
    """Channels and rows: anything, walks of any size, repeated levels, counters, registers."""
    channels = draw(st.one_of(st.integers(1, 9), st.integers(1, 32)))
    kind = draw(st.sampled_from(["anything", "walk", "levels", "counter", "register"]))
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    some = draw(st.lists(int32, min_size=channels, max_size=channels))
    rows: list[Row] = []
    for _ in range(draw(st.integers(1, 40))):
        if kind == "anything":
            some = [rng.choice([rng.getrandbits(32), rng.randint(-300, 300)]) for _ in some]
        elif kind == "walk":
            some = [
                v + rng.randint(-(1 << rng.randint(0, 20)), 1 << rng.randint(0, 20)) for v in some
            ]
        elif kind == "levels":
            some = [rng.choice([0, 328, 656, 70000, -5]) for _ in some]
        elif kind == "register":
            step = rng.choice([1, 1, 1, 1, 1, 1, 0, 2]) * (40_000_000 + 900_000 * channels)
            some = [v + step + rng.randint(0, 1 << 14) for v in some]
        else:
            some = [v + rng.randint(0, 40) for v in some]
        some = [(v + (1 << 31)) % (1 << 32) - (1 << 31) for v in some]
        odd = rng.random() < 0.2
        flags = [rng.choice([1, 1, 1, 9, 3, 4, 2]) if odd else 1 for _ in some]
        gap = rng.choice([1, 900, 86400, (1 << 31) - 1]) if rows and rng.random() < 0.1 else 0
        rows.append([gap, list(some), flags])
    return channels, rows


def mixed(seed: int, channels: int, count: int) -> list[Row]:
    """Rows as a node has them: noise, levels, counters, jumps, neighbours that move together."""
    rng = random.Random(seed)
    values = [rng.randint(-(1 << 20), 1 << 20) for _ in range(channels)]
    rows: list[Row] = []
    for i in range(count):
        for c in range(channels):
            kind = (c + i // 97) % 5
            if kind == 0:
                values[c] += round(rng.gauss(0, 30))
            elif kind == 1:
                values[c] = rng.choice([328, 0, -601, 711])
            elif kind == 2:
                values[c] += rng.randint(0, 3)
            elif kind == 3 and rng.random() < 0.1:
                values[c] = rng.getrandbits(31) - (1 << 30)
            elif kind == 4:
                values[c] = (values[c - 1] >> 2) + rng.randint(-4, 4)
        flags = [9 if rng.random() < 0.01 else 1 for _ in values]
        rows.append([rng.randint(1, 5) if rows and rng.random() < 0.03 else 0, list(values), flags])
    return rows


def unpacked(channels: int, runs: list[Row], fast: bool) -> list[Row]:
    unpacker = Unpacker(channels, fast)
    found: list[Row] = []
    for fresh, count, run in runs:
        if fresh:
            unpacker.fresh()
        slips, values, flags = unpacker.run(run[:-4], count)
        found += [
            list(row) for row in zip(slips.tolist(), values.tolist(), flags.tolist(), strict=True)
        ]
    return found


def shown(rows: list[Row]) -> list[Row]:
    """Without the values of missing ones, and without slips after fresh models."""
    return [
        [slip, [v if f != 9 else None for v, f in zip(values, flags, strict=True)], list(flags)]
        for slip, values, flags in rows
    ]


def from_the_page(channels: int, runs: list[Row]) -> list[Row]:
    models = format_runs.Models(channels)
    found: list[Row] = []
    for fresh, count, run in runs:
        if fresh:
            models = format_runs.Models(channels)
        for slip, values, flags in models.run(run[:-4], count):
            signed = [v if v is None or v < 1 << 31 else v - (1 << 32) for v in values]
            found.append([slip, signed, flags])
    return found


@prove
@given(case=series(), most=st.sampled_from([1, 7, 60, 255]), room=st.sampled_from([4050, 700, 330]))
def test_anything_comes_back_from_all_three_readers(
    case: tuple[int, list[Row]], most: int, room: int
) -> None:
    channels, rows = case
    runs = packing.runs(channels, rows, room, most)
    found = shown(unpacked(channels, runs, fast=True))
    assert [row[1:] for row in found] == [row[1:] for row in shown(rows)]
    at = 0
    for fresh, count, _ in runs:
        assert [r[0] for r in found[at + fresh : at + count]] == [
            r[0] for r in rows[at + fresh : at + count]
        ]
        at += count
    assert shown(unpacked(channels, runs, fast=False)) == found
    assert from_the_page(channels, runs) == found


@pytest.mark.parametrize(("channels", "seed"), [(1, 1), (3, 2), (8, 3), (32, 4)])
def test_long_pages_come_back(channels: int, seed: int) -> None:
    rows = mixed(seed, channels, 900)
    runs = packing.runs(channels, rows, 4050, 60)
    found = shown(unpacked(channels, runs, fast=True))
    assert [row[1:] for row in found] == [row[1:] for row in shown(rows)]
    assert from_the_page(channels, runs) == found


def test_what_never_changes_costs_next_to_nothing() -> None:
    rows: list[Row] = [[0, [7, 123456789, 0, -4000], [1] * 4]] * 600
    bits = 8 * sum(len(run) - 4 for _, _, run in packing.runs(4, rows, 4050, 60))
    assert bits / 2400 < 0.15


def verdict(unpacker: Unpacker, data: bytes, count: int) -> Any:
    try:
        return [part.tolist() for part in unpacker.run(data, count)]
    except ValueError:
        return "malformed"


@prove
@given(data=st.binary(max_size=300), count=st.integers(1, MAX_COUNT), channels=st.integers(1, 32))
def test_any_bytes_end_with_one_verdict(data: bytes, count: int, channels: int) -> None:
    plain = verdict(Unpacker(channels, fast=False), data, count)
    assert verdict(Unpacker(channels, fast=True), data, count) == plain
    try:
        format_runs.Models(channels).run(data, count)
    except format_runs.MalformedError:
        assert plain == "malformed"
    else:
        assert plain != "malformed"


def read(pages: dict[int, bytes]) -> Log:
    return decode(pages.items(), None, [config_text(4)])


def rows_of(log: Log) -> dict[int, list[Any]]:
    return {
        int(number): [int(slot), [v if f != 9 else None for v, f in zip(v_, f_, strict=True)]]
        for batch in log.records
        for number, slot, v_, f_ in zip(
            batch.number, batch.slot, batch.values.tolist(), batch.flags.tolist(), strict=True
        )
    }


def from_the_pages(data: bytes) -> dict[int, list[Any]]:
    return {r.number: [r.slot, list(r.values)] for r in format_reader.read_log(data).records}


def test_every_flipped_bit_of_a_page_ends_with_a_verdict() -> None:
    data, truth = packed_page(mixed(5, 4, 90), 4, most=40)
    whole = read({1: data})
    assert [v.problems for v in whole.verdicts] == [[]]
    assert rows_of(whole) == truth == from_the_pages(data)
    used = len(data.rstrip(b"\xff"))
    for bit in range(8 * used):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        start = time.process_time()
        log = read({1: bytes(bad)})
        assert time.process_time() - start < BOUND_S
        (told,) = log.verdicts
        assert told.problems, bit
        found = rows_of(log)
        assert all(truth[number] == row for number, row in found.items()), bit
        assert len(found) < len(truth), bit


@pytest.mark.parametrize("placed", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(40))
def test_mutated_pages_with_right_crcs_read_alike(
    seed: int, placed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CRC that is right in spite of it all: both readers still end, and give out the same, and
    what is read at once is what is read chunk by chunk.
    """
    rng = random.Random(seed)
    channels = rng.choice([1, 4, 9])

    def mutate(content: bytes) -> bytes:
        bad = bytearray(content)
        for _ in range(rng.choice([0, 0, 1, 1, 3, 30])):
            how = rng.randrange(4)
            if how == 0:
                bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
            elif how == 1:
                bad[rng.randrange(min(len(bad), 12))] = rng.choice(
                    [0, 127, 128, 255, rng.randrange(256)]
                )
            elif how == 2 and len(bad) > 2:
                del bad[rng.randrange(1, len(bad)) :]
            else:
                bad += rng.randbytes(rng.randrange(9))
        return bytes(bad)

    rows = mixed(seed, channels, 300)
    data, _ = packed_page(rows, channels, most=20, placed=placed, mutate=mutate)
    start = time.process_time()
    log = decode({1: data}.items(), None, [config_text(channels)])
    assert time.process_time() - start < BOUND_S
    assert rows_of(log) == from_the_pages(data)
    monkeypatch.setattr(PageRecords, "take_together", lambda *_: False)
    one_by_one = decode({1: data}.items(), None, [config_text(channels)])
    assert (one_by_one.verdicts, rows_of(one_by_one)) == (log.verdicts, rows_of(log))


def test_numbers_beyond_any_log_are_malformed() -> None:
    rows = mixed(1, 4, 10)
    ((_, count, run),) = packing.runs(4, rows, 4000, 127)
    for place in ((1, (1 << 32) - 5, 0), (1, 0, (1 << 32) - 1), (1 << 32, 0, 0), (1, 1 << 69, 0)):
        content = packing.payload(place, (), count, run[:-4])
        data, _ = packed_page([], 4, extra=[(5, content)])
        log = decode({1: data}.items(), None, [config_text(4)])
        assert rows_of(log) == {} == from_the_pages(data)
        assert "malformed" in log.verdicts[0].problems[0]


def test_unpacking_is_as_fast_as_promised() -> None:
    pytest.importorskip("numba")
    runs = packing.runs(8, mixed(3, 8, 600), 4050, 60)
    unpacked(8, runs, fast=True)
    start = time.process_time()  # whoever else wants the processor
    for _ in range(20):
        unpacker = Unpacker(8, fast=True)
        for fresh, count, run in runs:
            if fresh:
                unpacker.fresh()
            unpacker.run(run[:-4], count)
    assert 20 * 600 * 8 / (time.process_time() - start) > 500_000


def test_arrays_have_the_types_that_decoding_wants() -> None:
    ((_, count, run),) = packing.runs(2, [[0, [-1, 1 << 30], [1, 9]]], 4000, 60)
    for fast in (True, False):
        slips, values, flags = Unpacker(2, fast).run(run[:-4], count)
        assert [part.dtype.str for part in (slips, values, flags)] == ["<i8", "<i4", "|u1"]
        assert values[0, 0] == -1

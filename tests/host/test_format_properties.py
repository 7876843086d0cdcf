# SPDX-License-Identifier: MIT
"""One property each: what one interpreter encodes the other decodes to the same, in the same bytes;
and arbitrary bytes end in the same verdict on both, soon, as a result or a ValueError.

Every request of tests/both/format_ops.py goes to CPython (here) and to a MicroPython beside it.
"""

import json
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from generated import given, settings
from hypothesis import example
from hypothesis import strategies as st
from interpreters import BOTH, COMMANDS, FIRMWARE, Peer, as_json, peer

from tirta_format import config as format_config
from tirta_format import kinds, meta, page, uplink_hello, uplink_ledger

sys.path.insert(0, str(BOTH))
import format_ops  # type: ignore[import-not-found]

START = {
    "unix-64": "import format_ops\nformat_ops.serve()",
    "wasm-32": "from format_ops import answer",
}
prove = settings(max_examples=80, derandomize=True)


@pytest.fixture(scope="module", params=COMMANDS)
def other(request: pytest.FixtureRequest) -> Iterator[Peer]:
    command = COMMANDS[request.param](START[request.param], [FIRMWARE, BOTH])
    with peer(command) as running:
        yield running


def both(other: Peer, name: str, *arguments: Any) -> Any:
    """The answer that both interpreters give."""
    line = json.dumps([name, as_json(arguments)], ensure_ascii=False)
    here = json.loads(format_ops.answer(line))
    there = json.loads(other.ask(line))
    assert here == there, line[:1000]
    assert here.get("error", "ValueError") == "ValueError", line[:1000]
    return here.get("ok", ValueError)


u8 = st.integers(0, 255)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
u64 = st.integers(0, (1 << 64) - 1)
int32 = st.one_of(st.integers(-200, 200), st.integers(-(1 << 31), (1 << 31) - 1))
flag = st.sampled_from([1, 1, 1, 2, 3, 4, 9])
# Bytes that exercise COBS and varints more than evenly drawn ones: runs, zeros, 0xFF.
lumps = st.builds(
    lambda byte, n: bytes([byte]) * n, st.sampled_from([0, 1, 127, 128, 255]), st.integers(0, 300)
)
data = st.one_of(
    st.binary(max_size=700),
    st.lists(st.one_of(st.binary(max_size=40), lumps), max_size=6).map(b"".join),
)
text = st.text(max_size=12)


@st.composite
def runs(draw: st.DrawFn) -> tuple[int, list[int], list[list[Any]]]:
    """Channels, place of the first record, rows (slot, values, flags)."""
    channels = draw(st.integers(1, 32))
    place = [draw(u32), draw(u32), draw(st.integers(0, 1 << 30))]
    rows = []
    slot = place[2]
    for gap in draw(st.lists(st.one_of(st.just(0), st.integers(0, 100000)), max_size=8)):
        slot += gap
        values = draw(st.lists(int32, min_size=channels, max_size=channels))
        flags = bytes(draw(st.lists(flag, min_size=channels, max_size=channels)))
        rows.append([slot, values, flags])
        slot += 1
    return channels, place, rows


@prove
@given(plain=data)
def test_cobs(other: Peer, plain: bytes) -> None:
    coded = both(other, "cobs_encode", plain)
    assert "00" not in {coded["hex"][i : i + 2] for i in range(0, len(coded["hex"]), 2)}
    assert both(other, "cobs_decode", bytes.fromhex(coded["hex"])) == as_json(plain)


@prove
@given(coded=data)
def test_cobs_of_anything(other: Peer, coded: bytes) -> None:
    both(other, "cobs_decode", coded)


@prove
@given(kind=u8, sequence=u8, payload=data)
def test_frames(other: Peer, kind: int, sequence: int, payload: bytes) -> None:
    coded = bytes.fromhex(both(other, "frame_encode", kind, sequence, payload)["hex"])
    assert both(other, "frame_decode", coded[1:-1]) == as_json([kind, sequence, payload])


@prove
@given(coded=data)
def test_frames_of_anything(other: Peer, coded: bytes) -> None:
    both(other, "frame_decode", coded)


@prove
@given(
    channels=st.integers(1, 32),
    fields=st.lists(u32, min_size=6, max_size=6),
    unix_ms=st.one_of(st.just(0), st.integers(1000, 0xFFFFFFFF * 1000)),
    source=u8,
    uncertainty_ms=u32,
)
def test_headers(
    other: Peer, channels: int, fields: list[int], unix_ms: int, source: int, uncertainty_ms: int
) -> None:
    coded = both(other, "header_pack", [channels, *fields], unix_ms, source, uncertainty_ms)
    back = both(other, "header_parse", bytes.fromhex(coded["hex"]))
    assert [back[0], *back[1:7]] == [channels, *fields]
    assert back[8:10] == [unix_ms, source]
    power = back[10]
    assert (
        power == 255
        if not unix_ms
        else (1 << power >= uncertainty_ms > (1 << power) // 2 or power == 0)
    )


@prove
@given(body=st.binary(min_size=34, max_size=34), whole=st.booleans(), marked=st.booleans())
def test_headers_of_anything(other: Peer, body: bytes, whole: bool, marked: bool) -> None:
    crc = zlib.crc32(body).to_bytes(4, "little") if whole else body[:4]
    both(other, "header_parse", (page.MARK if marked else b"\xff\xff") + body + crc)


@prove
@given(run=runs(), placed=st.booleans())
def test_records(other: Peer, run: tuple[int, list[int], list[list[Any]]], placed: bool) -> None:
    channels, place, rows = run
    coded = bytes.fromhex(both(other, "records_encode", channels, place, placed, rows)["hex"])
    start = [0, 0, 0] if placed else place
    whole, found = both(other, "records_decode", channels, start, placed, coded)
    assert whole
    assert found == as_json(
        [
            [
                place[0],
                place[1] + i,
                slot,
                [v if f != 9 else None for v, f in zip(vs, fs, strict=True)],
                fs,
            ]
            for i, (slot, vs, fs) in enumerate(rows)
        ]
    )


@prove
@given(run=runs(), more=st.sampled_from([8, 300, 2900]), most=st.sampled_from([1, 3, 60]))
def test_packed_records(
    other: Peer, run: tuple[int, list[int], list[list[Any]]], more: int, most: int
) -> None:
    """Viper, its twin on 32 bits and its twin here write the same bytes."""
    channels, (_, _, slot), rows = run
    slips = []
    for at, values, flags in rows:
        slips.append([at - slot, values, flags])
        slot = at + 1
    room = 32 * (channels + 1) + more  # the worst record fits
    found = both(other, "records_pack", channels, slips, room, most)
    assert sum(count for _, count, _ in found) == len(rows)


@prove
@given(channels=st.integers(1, 32), placed=st.booleans(), payload=data)
def test_records_of_anything(other: Peer, channels: int, placed: bool, payload: bytes) -> None:
    _, found = both(other, "records_decode", channels, [1, 2, 3], placed, payload)
    assert len(found) <= len(payload)


@prove
@given(kind=st.integers(0, 15), payload=st.binary(max_size=300), page_crc=u32, tail=data)
def test_chunks(other: Peer, kind: int, payload: bytes, page_crc: int, tail: bytes) -> None:
    chunk = bytes.fromhex(both(other, "chunk_make", kind, payload, page_crc)["hex"])
    found = both(other, "page_chunks", bytes(40) + chunk + tail, page_crc)
    if 0 < kind < 15:
        assert found[0] == [kind, 42, len(payload)]


@prove
@given(body=st.binary(max_size=4056), page_crc=u32)
def test_chunks_of_anything(other: Peer, body: bytes, page_crc: int) -> None:
    found = both(other, "page_chunks", bytes(40) + body, page_crc)
    assert len(found) <= page.SIZE


METAS = {
    "boot": st.tuples(u64, u32, u8, text, text),
    "anchor": st.tuples(u64, u64, u8, u32),
    "config": st.tuples(u64, u32, st.binary(max_size=1500), st.sampled_from([0, 1024])),
    "loss": st.tuples(u64, u8, u32, u32, u64),
    "checkpoint": st.tuples(u64, u32, u32, st.lists(st.tuples(text, u64), max_size=5)),
    "stop": st.tuples(u64, u8),
}


@prove
@given(made=st.sampled_from(sorted(METAS)).flatmap(lambda n: st.tuples(st.just(n), METAS[n])))
def test_metas(other: Peer, made: tuple[str, tuple[Any, ...]]) -> None:
    name, arguments = made
    coded = bytes.fromhex(both(other, "meta_make", name, arguments)["hex"])
    _, uptime_ms, fields = both(other, "meta_parse", coded)
    assert uptime_ms == arguments[0]
    found = dict(fields)
    expected = as_json(arguments[1:])
    if name == "config":
        key, whole, offset = arguments[1:]
        expected = [key, len(whole), offset, as_json(whole[offset : offset + meta.CONFIG_PART])]
        assert [found[k] for k in ("hash", "length", "offset", "part")] == expected
    else:
        assert sorted(map(repr, found.values())) == sorted(map(repr, expected))


@prove
@given(payload=st.one_of(data, st.builds(lambda k, d: bytes([k]) + d, st.integers(1, 6), data)))
def test_metas_of_anything(other: Peer, payload: bytes) -> None:
    both(other, "meta_parse", payload)


@prove
@given(sequence=u32, fields=st.dictionaries(u8, st.binary(max_size=300), max_size=6))
def test_state(other: Peer, sequence: int, fields: dict[int, bytes]) -> None:
    coded = bytes.fromhex(both(other, "state_encode", sequence, list(fields.items()))["hex"])
    assert both(other, "state_decode", coded) == as_json([sequence, sorted(fields.items())])


@prove
@given(body=data, length=st.one_of(st.none(), u32), whole=st.booleans())
def test_state_of_anything(other: Peer, body: bytes, length: int | None, whole: bool) -> None:
    n = len(body) if length is None else length
    copy = b"TSta\x01\0\0\0" + bytes(4) + n.to_bytes(4, "little") + body
    both(other, "state_decode", copy + zlib.crc32(copy).to_bytes(4, "little") * whole)


sequences = st.sets(st.one_of(st.integers(1, 60), st.integers(1, 0xFFFFFFFF)), max_size=60)


@prove
@given(fields=st.tuples(u32, u32, u32, u32, u32, u16, u32, u64, u32), pages=sequences)
def test_hellos(other: Peer, fields: tuple[int, ...], pages: set[int]) -> None:
    spans = uplink_hello.spans_of(pages)
    coded = bytes.fromhex(both(other, "hello_make", fields, spans)["hex"])
    told, kept = both(other, "hello_read", coded)
    assert told == list(fields)
    assert kept == as_json(spans[: uplink_hello.MOST_SPANS])


@prove
@given(
    head=st.tuples(u32, u32, u32, u64, u32),
    pages=sequences,
    parts=st.dictionaries(st.integers(1, 0xFFFFFFFF), st.integers(40, 4095), max_size=5),
)
def test_ledgers(
    other: Peer, head: tuple[int, ...], pages: set[int], parts: dict[int, int]
) -> None:
    """What a ledger says of each page is what the archive has, from the floor on; below it nothing
    is asked for.
    """
    whole = pages - set(parts)
    spans = uplink_hello.spans_of(whole)
    listed = sorted(parts.items(), reverse=True)
    coded = bytes.fromhex(both(other, "ledger_make", head, spans, listed)["hex"])
    assert len(coded) <= uplink_ledger.MOST_BYTES
    told, *_ = both(other, "ledger_read", coded)
    assert told[:5] == list(head)
    floor = told[5]
    asked = sorted({*whole, *parts, *(n + 1 for n in whole), *range(62)})
    expected = [
        parts.get(page, page_size(page in whole)) if page >= floor else page_size(True)
        for page in asked
    ]
    assert both(other, "ledger_known", coded, asked) == expected


def page_size(whole: bool) -> int:
    return page.SIZE * whole


@prove
@given(body=st.one_of(data, st.builds(lambda head, rest: head + rest, st.binary(min_size=28,
       max_size=28), data)), pages=st.lists(u32, max_size=4))  # fmt: skip
def test_hellos_and_ledgers_of_anything(other: Peer, body: bytes, pages: list[int]) -> None:
    both(other, "hello_read", body)
    both(other, "ledger_read", body)
    both(other, "ledger_known", body, pages)


junk = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(1 << 40), 1 << 40), text, st.floats(-1e6, 1e6)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=6,
)
NODE_KEYS: list[str] = sorted(format_config.NODE)
SENSORS: Any = {kind: kinds.rules(kind) for kind in kinds.SENSORS}
CHANNEL_KEYS = sorted({*format_config.CHANNEL, *(k for rules in SENSORS.values() for k in rules)})
mostly_int = st.one_of(st.integers(-10, 70000), junk)
some_channel = st.one_of(
    st.dictionaries(st.sampled_from(CHANNEL_KEYS), mostly_int, max_size=9).flatmap(
        lambda c: st.sampled_from(sorted(SENSORS)).map(lambda kind: {**c, "sensor": kind})
    ),
    st.dictionaries(st.sampled_from(CHANNEL_KEYS), mostly_int, max_size=4),
    junk,
)
some_config = st.builds(
    lambda node, channels: {**node, "channels": channels},
    st.dictionaries(st.sampled_from(NODE_KEYS), mostly_int, max_size=6),
    st.one_of(st.lists(some_channel, max_size=3), junk),
)


@prove
@given(tree=st.one_of(some_config, junk))
@example(tree={"modbus": {}, "sdi12": {}, "i2c": {}, "channels": []})
def test_config_rules_say_the_same(other: Peer, tree: Any) -> None:
    if isinstance(tree, dict) and "hex" in tree:
        return  # how bytes travel
    both(other, "config_check", tree)


@prove
@given(blob=st.binary(max_size=200))
def test_config_of_anything(other: Peer, blob: bytes) -> None:
    both(other, "config_hash", blob)
    both(
        other, "config_parses", b"\x01" + blob
    )  # the two json modules differ in what else they forgive


@pytest.mark.parametrize("depth", [10, 7999])
def test_a_deeply_nested_config_is_refused(other: Peer, depth: int) -> None:
    assert both(other, "config_parses", b"[" * depth) is ValueError


def _plain_config() -> bytes:
    channel = {"name": "q", "sensor": "pulse", "pin": 4, "counter": 0, "ml": 1000}
    return json.dumps({"board": "virtual", "channels": [channel]}).encode()


def test_a_plain_config_is_accepted(other: Peer) -> None:
    assert both(other, "config_parses", _plain_config()) == sorted(
        key for key, rule in format_config.NODE.items() if rule[3] is not kinds.OMIT
    )

# SPDX-License-Identifier: MIT
"""Compressed records on the node: golden bytes, viper against its plain run, heap and RAM."""

import gc
import sys
from binascii import crc32, unhexlify

import golden
import packing
import plain_viper
from harness import skip
from packing import a_ring, packer, ring

from tirta_format import page, record
from tirta_format.prior import PRIOR

RAM_BYTES = 8192  # of ring, packer and tables, for eight channels


def numbers(seed):
    """Pseudo-random numbers below 2^22, the same everywhere and never on the heap."""
    while True:
        seed = (seed * 4093 + 1021) & 0x3FFFFF
        yield seed


def leap(value, more):
    """A value that grew by 40 million and `more`; it wraps early, so that a plain `push`, which
    reads whole values, makes no object of it on 32 bits.
    """
    value += 40000000 + more
    return value if value < 500000000 else value - 1000000000


def samples(channels, count):
    """[slip, values, flags]: a counter, noise, jumps, a level; gaps and missing values."""
    draw = numbers(channels)
    values = [0] * channels
    out = []
    for _ in range(count):
        for c in range(channels):
            kind = c & 3
            if kind == 0:
                values[c] += next(draw) >> 20
            elif kind == 1:
                values[c] += (next(draw) >> 12) - 512
            elif kind == 2 and next(draw) < 1 << 16:
                values[c] = (next(draw) << 9) - (1 << 30)
            elif kind == 3 and c > 3:  # a register with a pace
                values[c] = leap(values[c], next(draw) >> 6)
        flags = [9 if next(draw) < 1 << 14 else 1 for _ in range(channels)]
        out.append([next(draw) & 1023 if next(draw) < 1 << 17 else 0, list(values), flags])
    return out


def plain(records):
    """Golden records as the packer takes them: slip instead of slot, a number where none is."""
    out = []
    due = records[0][0]
    for slot, values, flags in records:
        out.append([slot - due, [value or 0 for value in values], flags])
        due = slot + 1
    return out


def test_packed_chunks_golden():
    for version, crc, chunks in (
        (1, golden.PAGE_CRC, golden.PACKED_1),
        (2, golden.PAGE_CRC_2, golden.PACKED_2),
    ):
        for kind, place, sums, records, coded in chunks:
            most = page.MOST_OLDEST if version == page.OLDEST else page.MOST_RECORDS
            ((fresh, count, run),) = packing.runs(3, plain(records), 4000, most, True, version)
            assert fresh
            assert count == len(records)
            content = packing.payload(place, sums, count, run[:-4], version)
            assert packing.chunk(kind, content, crc) == unhexlify(coded)


def test_viper_and_its_plain_run_write_the_same():
    if not plain_viper.has_viper():
        skip("no viper here")
    for channels in (1, 3, 8, 32):
        rows = samples(channels, 260)
        for version in (page.OLDEST, page.VERSION):
            assert packing.runs(channels, rows, 1500, 60, True, version) == packing.runs(
                channels, rows, 1500, 60, False, version
            )


def test_a_run_fills_its_page_and_no_more():
    for room in (64, 65, 100, 333):
        found = packing.runs(8, samples(8, 120), room, 127)
        assert sum(count for _, count, _ in found) == 120
        assert room - 3 <= max(len(run) - 4 for _, _, run in found) <= room


def test_the_crc_goes_on_from_the_pages():
    pack = packer.Packer(ring.Ring(2))
    data = bytes(range(256)) + b"123456789"
    pack.chunk[: len(data)] = data
    for first in (0, 1, 0x8E6F3069, 0xFFFFFFFF):
        pack.page(first & 65535, first >> 16)
        pack.crc(3, len(data))
        coded = pack.chunk[len(data) : len(data) + 4]
        assert bytes(coded) == crc32(data[3:], first).to_bytes(4, "little")


def test_the_ring_packs_halves():
    for viper in (True, False):
        for channels in (1, 4, 5, 8, 9):
            _push_and_look(a_ring(channels, viper), channels)


def shown(kept, i):
    """(values, flags) of the i-th oldest record."""
    values, flags = [0] * kept.channels, [0] * kept.channels
    kept.unpack(i, values, flags)
    return values, flags


def _push_and_look(kept, channels):
    values = [(-1 - i * 70000) >> (i & 1) for i in range(channels)]
    values[-1] = -(1 << 31)
    flags = [9, 1, 2, 3, 4, 1, 1, 1, 9][:channels]
    slot = 70001
    for i in range(3 * kept.capacity):
        kept.values[0] = values[0] = i - 5
        packing.put(kept, slot, values, flags)
        if i >= kept.capacity // 2:
            kept.drop(1)
        at = kept.at(kept.count() - 1)
        assert kept.slots[at // kept.width] == slot
        assert [kept.records[at], kept.records[at + 1]] == ([4465, 1] if i == 0 else [1, 0])
        for c in range(channels):
            low, high = kept.records[at + 2 + 2 * c], kept.records[at + 3 + 2 * c]
            assert low | high << 16 == values[c] & 0xFFFFFFFF
            assert shown(kept, kept.count() - 1)[0][c] == values[c]
            assert shown(kept, kept.count() - 1)[1][c] == flags[c]
        slot += 2


def test_a_full_ring_takes_nothing():
    for viper in (True, False):
        kept = a_ring(2, viper)
        for slot in range(kept.capacity + 9):
            packing.put(kept, slot, [slot, -slot], [1, 1])
        assert kept.count() == kept.capacity
        assert [shown(kept, i)[0][0] for i in range(kept.capacity)] == list(range(kept.capacity))
        assert list(kept.slots) == list(range(kept.capacity))


def test_the_ring_adds_up():
    for viper in (True, False):
        kept = a_ring(3, viper)
        total = 0
        for i in range(kept.capacity + 20):
            missing = i % 7 == 3
            value = -(1 << 31) if i % 3 else (1 << 31) - 1 - i
            packing.put(kept, i, [i, value, -1], [1, 9 if missing else 2, 1])
            if kept.count() == kept.capacity:
                kept.drop(20)
                total = 0
                for j in range(kept.count()):
                    values, flags = shown(kept, j)
                    if flags[1] != 9:
                        total += values[1]
                assert kept.total(kept.count(), 1) == total
                assert kept.total(0, 1) == 0
                assert kept.total(kept.count(), 2) == -kept.count()
        assert total


def test_a_record_of_the_journal_is_that_of_the_encoder():
    """Values of all sizes, missing ones, flags, around the end of the ring, numbers of 32 bits."""
    for viper in (True, False):
        for channels in (1, 3, 4, 8, 9, 32):
            kept = a_ring(channels, viper, 24)
            slot = 0
            for i, (slip, values, flags) in enumerate(samples(channels, 60)):
                if i % 5 == 3:
                    values[0] = (1 << 31) - 1 - 9000 * i if i & 1 else -(1 << 31)
                slot += slip
                packing.put(kept, slot, values, flags)
                slot += 1
                if kept.count() == 24:
                    for k, number in ((0, 0), (1, 127), (9, 128), (20, 70000), (23, (1 << 32) - 1)):
                        _compare_alone(kept, k, number)
                    kept.drop(17)


def _compare_alone(kept, i, number):
    encoder = record.Encoder(kept.channels)
    slot = kept.slot(i)
    encoder.restart(5, number, slot)
    wanted, found = bytearray(300), bytearray(300)
    wanted[0] = 5
    at = encoder.put_place(wanted, 0)
    found[:1] = wanted[:1]
    at = encoder.put(wanted, at, slot, *shown(kept, i), 0)
    assert kept.alone(kept.handle, found, i, 1, number & 65535, number >> 16) == at
    assert found == wanted


def test_nothing_is_allocated():
    if sys.implementation.name == "cpython":
        skip("CPython allocates as it likes")
    for viper in (True, False):
        _pack_with_the_heap_locked(viper)


def _pack_with_the_heap_locked(viper):
    import micropython  # noqa: PLC0415 - not there on CPython

    rows = samples(8, 200)
    rows[100][1][3] = rows[150][1][2] = -(1 << 20)
    kept = a_ring(8, viper)
    pack = packer.Packer(kept)
    rows = [[slip, values, bytes(flags)] for slip, values, flags in rows]
    plain_chunk = bytearray(256)
    gc.collect()
    micropython.heap_lock()
    try:
        slot = chunks = 0
        pack.page(0x1234, 0xFFFF)
        pack.begin(700, 50)
        for row in rows:
            slot += row[0]
            values = row[1]
            flags = row[2]
            c = 0
            while c < 8:
                kept.values[c] = values[c]
                kept.flags[c] = flags[c]
                c += 1
            kept.push(slot)
            slot += 1
            while pack.count() < kept.count() and pack.add() != packer.IN:
                end = packer.HEAD + pack.finish()
                pack.crc(packer.HEAD - 20, end)
                chunks += 1
                kept.total(pack.count(), 1)
                kept.alone(kept.handle, plain_chunk, pack.count() - 1, 9, 1, 2)
                kept.drop(pack.count())
                if end - packer.HEAD > 697:
                    pack.page(0x1234, 0xFFFF)
                pack.begin(700, 50)
    finally:
        micropython.heap_unlock()
    assert chunks >= 3


def test_ring_and_packer_fit_their_ram():
    if sys.implementation.name == "cpython":
        skip("the node's RAM is meant")
    if sys.platform == "webassembly":
        skip("nothing is collected here while Python runs")
    gc.collect()
    before = gc.mem_alloc()
    pack = packer.Packer(ring.Ring(8))
    gc.collect()
    used = gc.mem_alloc() - before + len(PRIOR)
    print("ring, packer and tables of 8 channels:", used, "bytes;", len(pack.chunk), "of a chunk")
    assert used <= RAM_BYTES

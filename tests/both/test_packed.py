# SPDX-License-Identifier: MIT
"""Compressed records on the node: golden bytes, viper against its twin, heap and RAM."""

import gc
import sys
from array import array
from binascii import crc32, unhexlify

import golden
import packing
from harness import skip

from tirta_format import page
from tirta_format.prior import PRIOR
from tirta_node import packer

RAM_BYTES = 8192  # of ring, packer and tables, for eight channels


def numbers(seed):
    """Pseudo-random numbers below 2^22, the same everywhere and never on the heap."""
    while True:
        seed = (seed * 4093 + 1021) & 0x3FFFFF
        yield seed


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
    for kind, place, sums, records, coded in golden.PACKED:
        ((fresh, count, run),) = packing.runs(3, plain(records), 4000, 127)
        assert fresh
        assert count == len(records)
        assert kind in (page.PACKED, page.PACKED_AT)
        content = packing.payload(place, sums, count, run[:-4])
        assert packing.chunk(kind, content, golden.PAGE_CRC) == unhexlify(coded)


def test_viper_and_twin_write_the_same():
    if not packer.VIPER:
        skip("no viper here")
    for channels in (1, 3, 8, 32):
        rows = samples(channels, 260)
        assert packing.runs(channels, rows, 1500, 60) == packing.runs(
            channels, rows, 1500, 60, False
        )


def test_a_run_fills_its_page_and_no_more():
    for room in (64, 65, 100, 333):
        found = packing.runs(8, samples(8, 120), room, 127)
        assert sum(count for _, count, _ in found) == 120
        assert room - 3 <= max(len(run) - 4 for _, _, run in found) <= room


def test_the_crc_goes_on_from_the_pages():
    pack = packer.Packer(2)
    data = bytes(range(256)) + b"123456789"
    pack.chunk[: len(data)] = data
    for first in (0, 1, 0x8E6F3069, 0xFFFFFFFF):
        pack.crc(3, len(data), first & 65535, first >> 16)
        coded = pack.chunk[len(data) : len(data) + 4]
        assert bytes(coded) == crc32(data[3:], first).to_bytes(4, "little")


def test_capture_packs_halves():
    for channels in (1, 4, 5, 8, 9):
        width = packer.record_halves(channels)
        records = array("H", [7] * (width + 2))
        values = array("i", [-1 - i * 70000 for i in range(channels)])
        flags = bytearray([9, 1, 2, 3, 4, 1, 1, 1, 9][:channels])
        packer.capture(records, 1, values, flags, channels, 70001)
        assert records[0] == records[width + 1] == 7
        assert list(records[1:3]) == [4465, 1]
        for c in range(channels):
            low, high = records[3 + 2 * c], records[4 + 2 * c]
            assert low | high << 16 == values[c] & 0xFFFFFFFF
        nibbles = [records[3 + 2 * channels + c // 4] >> c % 4 * 4 & 15 for c in range(channels)]
        assert bytes(nibbles) == flags


def test_nothing_is_allocated():
    if sys.implementation.name == "cpython":
        skip("CPython allocates as it likes")
    for viper in (True, False):
        _pack_with_the_heap_locked(viper)


def _pack_with_the_heap_locked(viper):
    import micropython  # noqa: PLC0415 - not there on CPython

    width = packer.record_halves(8)
    rows = samples(8, 200)
    rows[100][1][3] = rows[150][1][2] = -(1 << 31)
    records = array("H", bytes(2 * width * len(rows)))
    for i, (slip, values, flags) in enumerate(rows):
        packer.capture(records, i * width, array("i", values), bytearray(flags), 8, slip)
    pack = packer.Packer(8, viper=viper)
    gc.collect()
    micropython.heap_lock()
    try:
        i = chunks = 0
        pack.page()
        pack.begin(700)
        while i < 200:
            done = pack.add(records, i * width)
            i += done != packer.NO
            if done != packer.IN:
                end = packer.HEAD + pack.finish()
                pack.crc(packer.HEAD - 20, end, 0x1234, 0xFFFF)
                chunks += 1
                if pack.page_is_full():
                    pack.page()
                pack.begin(700)
    finally:
        micropython.heap_unlock()
    assert chunks >= 3


def test_ring_and_packer_fit_their_ram():
    if sys.implementation.name == "cpython":
        skip("the node's RAM is meant")
    if sys.platform == "webassembly":
        skip("nothing is collected here while Python runs")
    from tirta_node import ring  # noqa: PLC0415 - CPython cannot import it

    gc.collect()
    before = gc.mem_alloc()
    kept = packer.Packer(8), ring.Ring(8)
    gc.collect()
    used = gc.mem_alloc() - before + len(PRIOR)
    print("ring, packer and tables of 8 channels:", used, "bytes;", kept[1].capacity, "records")
    assert used <= RAM_BYTES

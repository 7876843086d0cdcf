# SPDX-License-Identifier: MIT
"""Page headers, chunks, records and meta records against the golden bytes, both ways."""

import struct
from array import array
from binascii import crc32, unhexlify

import golden
from harness import refuses

from tirta_format import meta, page, page_chunks, record, record_reader, varint

FIELDS = ("channels", "seq", "epoch", "number", "slot", "boot", "config_hash")


def chunk(kind, payload):
    buf = bytearray(2) + payload + bytearray(4)
    assert page.finish_chunk(buf, kind, len(payload), golden.PAGE_CRC) == len(buf)
    return bytes(buf)


def encode(encoder, buf, at, records):
    """As the node does: from arrays, beginning in the middle of them."""
    for slot, values, flags in records:
        row = array("i", [7] + [value or 0 for value in values])
        at = encoder.put(buf, at, slot, row, b"\x09" + bytes(flags), 1)
    return at


def decode(decoder, payload, placed):
    found = []
    for number, slot, values, flags in decoder.records(payload, placed):
        shown = [v if f != record.MISSING else None for v, f in zip(values, flags)]
        found.append((number, slot, tuple(shown), tuple(flags)))
    return found


def numbered(first, records):
    return [(first + i,) + item for i, item in enumerate(records)]


def page_with(*chunks):
    """A page with the first golden header and these (offset, bytes)."""
    whole = bytearray(b"\xff" * page.SIZE)
    whole[: page.HEADER_SIZE] = unhexlify(golden.HEADERS_1[0][2])
    for at, data in chunks:
        whole[at : at + len(data)] = data
    return whole


def test_headers_golden():
    for version, headers in ((1, golden.HEADERS_1), (2, golden.HEADERS_2)):
        for one in headers:
            header_golden(version, *one)
    assert page.header(unhexlify(golden.HEADERS_1[0][2])).crc == golden.PAGE_CRC
    assert page.header(unhexlify(golden.HEADERS_2[0][2])).crc == golden.PAGE_CRC_2


def header_golden(version, fields, date, coded):
    head = page.Header(*fields)
    head.version = version
    unix_ms, source, uncertainty = date
    head.date(unix_ms, source, 1 << uncertainty)
    assert page.MARK + head.pack() == unhexlify(coded)
    back = page.header(unhexlify(coded))
    assert tuple(getattr(back, name) for name in FIELDS) == fields
    assert (back.unix_ms, back.source, back.uncertainty) == (unix_ms, source, uncertainty)
    assert (back.version, back.crc) == (version, head.crc)


def test_versions_of_others_are_refused():
    data = bytearray(unhexlify(golden.HEADERS_2[0][2]))
    for version in (0, 3, 255):
        data[2] = version
        struct.pack_into("<I", data, 36, crc32(data[2:36]))
        assert page.header(data) is None


def test_every_flipped_bit_of_a_header_costs_the_header():
    data = bytearray(unhexlify(golden.HEADERS_1[0][2]))
    for bit in range(len(data) * 8):
        data[bit // 8] ^= 1 << bit % 8
        assert page.header(data) is None
        data[bit // 8] ^= 1 << bit % 8


def test_records_golden():
    coded = unhexlify(golden.RECORDS_CHUNK)
    encoder = record.Encoder(3)
    encoder.restart(5, 1000, 2000)
    buf = bytearray(200)
    at = encode(encoder, buf, 0, golden.RECORDS)
    assert chunk(page.RECORDS, buf[:at]) == coded
    decoder = record_reader.Decoder(3)
    decoder.restart(5, 1000, 2000)
    assert decode(decoder, coded[2:-4], False) == numbered(1000, golden.RECORDS)
    assert (decoder.number, decoder.slot) == (encoder.number, encoder.slot) == (1008, 2138)


def test_placed_records_golden():
    coded = unhexlify(golden.PLACED_CHUNK)
    encoder = record.Encoder(3)
    encoder.restart(*golden.PLACE)
    buf = bytearray(200)
    at = encode(encoder, buf, encoder.put_place(buf, 0), golden.PLACED)
    assert chunk(page.RECORDS_AT, buf[:at]) == coded
    decoder = record_reader.Decoder(3)
    assert decode(decoder, coded[2:-4], True) == numbered(1008, golden.PLACED)
    assert decoder.boot == 5


def test_a_record_fits_its_bound():
    for channels in (1, 2, 3, 31, 32):
        encoder = record.Encoder(channels)
        buf = bytearray(300)
        low, high = [golden.LEAST] * channels, [golden.MOST] * channels
        slot = 0xFFFFFFFE
        for values, flag in ((low, 2), (high, 3)):
            at = encoder.put(buf, 0, slot, values, bytes([flag] * channels), 0)
            assert at <= encoder.bound()
            slot += 1


def test_a_slot_never_goes_back():
    encoder = record.Encoder(1)
    encoder.restart(1, 0, 10)
    assert refuses(encoder.put, bytearray(20), 0, 9, [0], b"\x01", 0)


def test_records_cut_off_are_refused():
    payload = unhexlify(golden.RECORDS_CHUNK)[2:-4]
    ends = []
    for n in range(len(payload) + 1):
        decoder = record_reader.Decoder(3)
        try:
            ends.append(len(decode(decoder, payload[:n], False)))
        except ValueError:
            ends.append(-1)
    assert [n for n in ends if n >= 0] == list(range(len(golden.RECORDS) + 1))


def test_metas_golden():
    kinds = {
        "boot": meta.BOOT, "anchor": meta.ANCHOR, "config": meta.CONFIG, "loss": meta.LOSS,
        "checkpoint": meta.CHECKPOINT, "stop": meta.STOP,
    }  # fmt: skip
    for name, arguments, fields, coded in golden.METAS:
        payload = unhexlify(coded)
        assert getattr(meta, name)(*arguments) == payload
        kind, uptime_ms, back = meta.parse(payload)
        assert (kind, uptime_ms, back) == (kinds[name], arguments[0], fields)
        for n in range(len(payload) if name != "config" else 8):
            assert refuses(meta.parse, payload[:n]), (name, n)
    assert chunk(page.META, unhexlify(golden.METAS[3][3])) == unhexlify(golden.META_CHUNK)


def test_an_unknown_meta_record_has_no_fields():
    assert meta.parse(b"\x40\x05abc") == (0x40, 5, {})


def test_chunks_of_a_page():
    records, placed, note = (
        unhexlify(coded) for coded in (golden.RECORDS_CHUNK, golden.PLACED_CHUNK, golden.META_CHUNK)
    )
    at = 40 + len(records)
    whole = page_with((40, records), (at, note), (at + len(note), placed))
    assert list(page_chunks.chunks(whole, golden.PAGE_CRC)) == [
        (page.RECORDS, 42, len(records) - 6),
        (page.META, at + 2, len(note) - 6),
        (page.RECORDS_AT, at + len(note) + 2, len(placed) - 6),
    ]
    assert list(page_chunks.chunks(page_with(), golden.PAGE_CRC)) == []


def test_a_torn_chunk_costs_only_itself():
    records, placed = unhexlify(golden.RECORDS_CHUNK), unhexlify(golden.PLACED_CHUNK)
    resume = (40 + len(records) + 15) // 16 * 16
    for cut in range(1, len(records)):
        torn = (records[:cut], bytes(cut) + records[cut:], b"\xff" * cut + records[cut:])
        for shape in torn:
            whole = page_with((40, shape), (resume, placed))
            found = list(page_chunks.chunks(whole, golden.PAGE_CRC))
            assert found == [
                (page_chunks.DAMAGED, 40, resume - 40),
                (page.RECORDS_AT, resume + 2, 14),
            ]


def test_a_torn_tail_is_told():
    whole = page_with((40, unhexlify(golden.RECORDS_CHUNK)[:-1]))
    assert list(page_chunks.chunks(whole, golden.PAGE_CRC)) == [
        (page_chunks.DAMAGED, 40, page.SIZE - 40)
    ]
    whole = page_with((page.SIZE - 1, b"\x00"))
    assert list(page_chunks.chunks(whole, golden.PAGE_CRC)) == [
        (page_chunks.DAMAGED, 40, page.SIZE - 40)
    ]


def test_a_chunk_of_another_page_is_not_valid():
    whole = page_with((40, unhexlify(golden.RECORDS_CHUNK)))
    assert page_chunks.chunk_at(whole, 40, golden.PAGE_CRC) == (page.RECORDS, 62)
    assert page_chunks.chunk_at(whole, 40, golden.PAGE_CRC ^ 1)[0] == page_chunks.DAMAGED


def test_varints_at_their_ends():
    for n in (0, 127, 128, 16383, 16384, 0x3FFFFFFF, 0x40000000, 0xFFFFFFFF, (1 << 64) - 1):
        coded = varint.encode(n)
        assert varint.get(coded, 0, len(coded)) == (n, len(coded))
        assert refuses(varint.get, coded, 0, len(coded) - 1)
    assert refuses(varint.get, b"\x80" * 10 + b"\x00", 0, 11)
    for n in (0, -1, 1, golden.MOST, golden.LEAST):
        assert varint.unzigzag(varint.zigzag(n)) == n

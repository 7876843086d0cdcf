# SPDX-License-Identifier: MIT
"""COBS and frames against the golden bytes, both ways."""

import json
from binascii import unhexlify

import golden
from harness import refuses, shared

from tirta_format import cobs, frame


def test_cobs_golden():
    for plain, coded in golden.COBS:
        assert cobs.encode(plain) == coded
        assert cobs.decode(coded) == plain


def test_cobs_refuses_what_no_encoder_writes():
    for coded in golden.NOT_COBS:
        assert refuses(cobs.decode, coded), coded


def test_cobs_vectors_of_another_implementation():
    data = json.loads(shared("ds18b20_crc_cobs/cobs.json"))
    assert len(data["vectors"]) >= 11
    for vector in data["vectors"]:
        plain, coded = unhexlify(vector["plain"]), unhexlify(vector["coded"])
        assert coded[-1] == 0
        assert cobs.encode(plain) == coded[:-1]
        assert cobs.decode(coded[:-1]) == plain
    for coded in data["undecodable_hex"]:
        assert refuses(cobs.decode, unhexlify(coded)), coded


def test_cobs_in_pieces_is_the_same_and_writes_nothing_beyond_its_end():
    for plain, coded in golden.COBS:
        for size in (1, 7, 192):
            out, place = bytearray(b"\xaa" * 600), [0, 0, 1]
            sent, high = b"", 0
            for at in range(0, len(plain), size):
                cobs.stuff(out, place, plain, at, min(at + size, len(plain)))
                high = max(high, place[2])
                assert high < 258 + size
                assert out[high:] == b"\xaa" * (600 - high)
                sent += bytes(out[place[0] : place[1]])
                place[0] = place[1]
            _, block, end = place
            out[block] = end - block
            assert sent + bytes(out[place[0] : end]) == coded


def test_cobs_decodes_in_place():
    for plain, coded in golden.COBS:
        buf = bytearray(coded)
        n = cobs.decode_into(buf, len(coded), memoryview(buf))
        assert bytes(buf[:n]) == plain


def test_frames_golden():
    for kind, sequence, payload, coded in golden.FRAMES:
        whole = unhexlify(coded)
        assert frame.encode(kind, sequence, payload) == whole
        assert whole[0] == whole[-1] == 0
        assert frame.decode(whole[1:-1]) == (kind, sequence, payload)


def test_every_flipped_bit_of_a_frame_costs_the_frame():
    for _, _, _, coded in golden.FRAMES:
        body = bytearray(unhexlify(coded)[1:-1])
        for bit in range(len(body) * 8):
            body[bit // 8] ^= 1 << bit % 8
            assert frame.decode(bytes(body)) is None
            body[bit // 8] ^= 1 << bit % 8


def test_frames_shorter_than_their_overhead_are_nothing():
    for n in range(frame.OVERHEAD):
        assert frame.decode(cobs.encode(b"\x01" * n)) is None

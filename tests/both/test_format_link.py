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


def test_cobs_in_place_writes_nothing_beyond_its_end():
    for plain, coded in golden.COBS:
        out = bytearray(b"\xaa" * (len(coded) + 5))
        end = cobs.encode_into(bytearray(plain), len(plain), memoryview(out), 3)
        assert out[:3] == b"\xaa\xaa\xaa"
        assert out[3:end] == coded
        assert out[end:] == b"\xaa" * (len(out) - end)


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

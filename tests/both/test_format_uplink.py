# SPDX-License-Identifier: MIT
"""Messages over a network against golden bytes; what a ledger says, page by page."""

import sys
from binascii import hexlify, unhexlify

import golden_access
import golden_uplink as golden
from harness import refuses, skip

from tirta_format import uplink, uplink_hello, uplink_ledger, uplink_notes, uplink_seal

KEYS = tuple(unhexlify(key) for key in golden.UP_KEYS)
_AES = []


def _aes():
    """AES of this interpreter, looked for once: on a chip that asks the laptop for files."""
    if not _AES:
        name = "tirta.link.aes" if sys.implementation.name == "cpython" else "cryptolib"
        try:
            _AES.append(__import__(name, None, None, ("aes",)).aes)
        except ImportError:
            skip("this MicroPython has no cryptolib")
    return _AES[0]


def _sealed(kind, counter, body):
    buf = bytearray(5) + body + bytearray(uplink_seal.ROOM)
    end = uplink_seal.close(_aes(), KEYS, kind, counter, buf, 5, 5 + len(body))
    assert buf[:5] == bytes(5)
    return bytes(buf[5:end])


def test_keys_golden():
    key = uplink.uplink_key(unhexlify(golden_access.NODE_KEY), golden_access.NODE)
    assert hexlify(key).decode() == golden.UPLINK_KEY
    made = uplink.up_keys(key, golden_access.NODE, golden.RUN)
    assert tuple(hexlify(part).decode() for part in made) == golden.UP_KEYS
    made = uplink.down_keys(key, golden_access.NODE, golden.RUN, golden.ARCHIVE)
    assert tuple(hexlify(part).decode() for part in made) == golden.DOWN_KEYS


def test_seals_golden():
    for kind, counter, n, sealed in golden.SEALED:
        body = bytes(range(n))
        assert hexlify(_sealed(kind, counter, body)).decode() == sealed
        assert uplink.open_(_aes(), KEYS, kind, counter, unhexlify(sealed)) == body


def test_every_length_comes_back_as_it_was():
    for n in range(uplink_seal.LEAST, 90):
        body = bytes(range(n))
        sealed = _sealed(uplink_seal.PIECE, n, body)
        assert len(sealed) == n + uplink_seal.TAG_SIZE
        assert uplink.open_(_aes(), KEYS, uplink_seal.PIECE, n, sealed) == body
        assert uplink.open_(_aes(), KEYS, uplink_seal.PIECE, n, memoryview(sealed)) == body
    for n in range(uplink_seal.LEAST):
        assert refuses(uplink_seal.close, None, KEYS, 1, 1, bytearray(64), 0, n)


def test_every_flipped_bit_of_a_sealed_message_is_refused():
    kind, counter, _, sealed = golden.SEALED[2]
    message = bytearray(unhexlify(sealed))
    for bit in range(len(message) * 8):
        message[bit // 8] ^= 1 << bit % 8
        assert uplink.open_(_aes(), KEYS, kind, counter, bytes(message)) is None, bit
        message[bit // 8] ^= 1 << bit % 8
    for n in range(len(message)):
        assert uplink.open_(_aes(), KEYS, kind, counter, bytes(message[:n])) is None
    for bit in range(32):
        assert uplink.open_(_aes(), KEYS, kind, counter ^ 1 << bit, bytes(message)) is None
    for bit in range(8):
        assert uplink.open_(_aes(), KEYS, kind ^ 1 << bit, counter, bytes(message)) is None
    others = tuple(unhexlify(key) for key in golden.DOWN_KEYS)
    assert uplink.open_(_aes(), others, kind, counter, bytes(message)) is None


def test_one_body_is_never_sealed_to_the_same_bytes():
    body = bytes(40)
    sealed = [_sealed(kind, counter, body) for kind in (1, 2) for counter in (1, 2, 256, 65537)]
    assert len({part[i : i + 16] for part in sealed for i in (0, 16)}) == 2 * len(sealed)


def test_hello_golden():
    body = uplink_hello.hello(golden.HELLO, golden.HELLO_SPANS)
    assert hexlify(body).decode() == golden.HELLO_BODY
    fields, spans = uplink_notes.read_hello(body)
    assert [fields[name] for name in uplink_notes.FIELDS] == list(golden.HELLO)
    assert spans == golden.HELLO_SPANS
    for n in range(len(body)):
        assert refuses(uplink_notes.read_hello, body[:n]), n
    assert refuses(uplink_notes.read_hello, body + b"\0")


def test_ledger_golden():
    body = uplink_notes.ledger(*golden.LEDGER, golden.LEDGER_SPANS, golden.LEDGER_PARTS)
    assert hexlify(body).decode() == golden.LEDGER_BODY
    told = uplink_notes.read_ledger(body)
    assert told == (golden.LEDGER + (0,), golden.LEDGER_SPANS, golden.LEDGER_PARTS)
    for page in range(50):
        size = {1: 40, 39: 0, 41: 1024}.get(page, 4096 if 0 < page < 41 else 0)
        assert uplink_ledger.known(body, page) == size, page
    for n in range(len(body)):
        assert refuses(uplink_notes.read_ledger, body[:n]), n


def test_a_ledger_without_room_says_from_where_on_it_speaks():
    spans = [(9000 - 10 * i, 9001 - 10 * i) for i in range(300)]
    body = uplink_notes.ledger(1, 2, 3, 4, 5, spans, [(9002, 99), (5, 7)])
    assert len(body) <= uplink_ledger.MOST_BYTES
    head, told, parts = uplink_notes.read_ledger(body)
    assert told == spans[: len(told)]
    assert len(told) == uplink_hello.MOST_SPANS
    assert parts == [(9002, 99)]
    assert head[5] == spans[len(told)][1] + 1
    for page in range(head[5]):
        assert uplink_ledger.known(body, page) == 4096  # not spoken of: nothing to send
    assert uplink_ledger.known(body, head[5]) == 0


def test_spans_of_pages():
    assert uplink_hello.spans_of([]) == []
    assert uplink_hello.spans_of([3, 1, 2, 7, 9, 8]) == [(7, 9), (1, 3)]

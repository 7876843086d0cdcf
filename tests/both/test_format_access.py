# SPDX-License-Identifier: MIT
"""HMAC and HKDF against the RFCs' vectors; keys, proofs and sealed frames against golden bytes."""

from binascii import hexlify, unhexlify

import golden_access as golden
from harness import refuses

from tirta_format import access, access_log, hmac, meta, seals


def test_hmac_of_rfc_4231():
    for key, data, digest in golden.RFC_4231:
        made = hmac.hmac(unhexlify(key), unhexlify(data))
        assert hexlify(made)[: len(digest)] == digest.encode(), key
        parts = [unhexlify(data)[i : i + 7] for i in range(0, len(data) // 2, 7)]
        assert hmac.hmac(unhexlify(key), *parts) == made


def test_hkdf_of_rfc_5869():
    for secret, salt, info, key, expanded in golden.RFC_5869:
        made = hmac.extract(unhexlify(salt), unhexlify(secret))
        assert hexlify(made) == key.encode()
        out = unhexlify(expanded)
        assert hmac.expand(made, unhexlify(info), len(out)) == out


def test_equal():
    assert hmac.equal(b"", b"")
    assert hmac.equal(b"abc", bytearray(b"abc"))
    for other in (b"", b"ab", b"abcd", b"abd", b"Abc"):
        assert not hmac.equal(b"abc", other)
        assert not hmac.equal(other, b"abc")


def test_keys_golden():
    node_key = access.node_key(golden.FLEET, golden.NODE)
    assert hexlify(node_key).decode() == golden.NODE_KEY
    claims = access.claims(*golden.CLAIMS)
    assert hexlify(claims).decode() == golden.CLAIMED
    credential = access.credential_key(node_key, claims)
    assert hexlify(credential).decode() == golden.CREDENTIAL
    for function, wanted in (
        (access.laptop_proof, golden.LAPTOP_PROOF),
        (access.node_proof, golden.NODE_PROOF),
    ):
        proof = function(credential, golden.NODE, golden.NONCES, claims)
        assert hexlify(proof).decode() == wanted
    keys = access.session_keys(credential, golden.NODE, golden.NONCES)
    assert [hexlify(key).decode() for key in keys] == list(golden.SESSION_KEYS)


def test_sealed_frame_golden():
    to_node = unhexlify(golden.SESSION_KEYS[0])
    payload = seals.seal(to_node, seals.SEALED, 17, 5, 0x0C, b"abc")
    assert hexlify(payload).decode() == golden.SEALED
    assert seals.unseal(to_node, seals.SEALED, 17, payload) == (0x0C, 5, b"abc")


def test_every_flipped_bit_of_a_sealed_frame_is_refused():
    key = unhexlify(golden.SESSION_KEYS[0])
    payload = bytearray(unhexlify(golden.SEALED))
    for bit in range(len(payload) * 8):
        payload[bit // 8] ^= 1 << bit % 8
        assert seals.unseal(key, seals.SEALED, 17, payload) is None, bit
        payload[bit // 8] ^= 1 << bit % 8
    for bit in range(8):
        assert seals.unseal(key, seals.SEALED, 17 ^ 1 << bit, payload) is None
        assert seals.unseal(key, seals.SEALED ^ 1 << bit, 17, payload) is None
    for n in range(len(payload)):
        assert seals.unseal(key, seals.SEALED, 17, payload[:n]) is None
    for other in golden.SESSION_KEYS[1:]:
        assert seals.unseal(unhexlify(other), seals.SEALED, 17, payload) is None


def test_access_record_golden():
    payload = access_log.record(60000, access_log.LOGIN, access.TECHNICIAN, 300, 2)
    assert hexlify(payload).decode() == golden.RECORD
    kind, uptime_ms, fields = meta.parse(payload)
    assert (kind, uptime_ms) == (9, 60000)
    assert fields == {"what": 1, "role": 1, "serial": 300, "wrong": 2}
    for n in range(len(payload)):
        assert refuses(meta.parse, payload[:n])

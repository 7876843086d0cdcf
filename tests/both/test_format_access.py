# SPDX-License-Identifier: MIT
"""HMAC and HKDF against the RFCs' vectors; keys, proofs and sealed frames against golden bytes."""

from binascii import hexlify, unhexlify

import golden_access as golden
from harness import refuses

from tirta_format import access, access_log, entries, hmac, meta, seals


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
    assert hexlify(access.key_name(node_key, golden.NODE)).decode() == golden.KEY_NAME
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


def test_entries_golden():
    for kind, value, data in golden.ENTRIES:
        assert hexlify(entries.encode(kind, value)).decode() == data
    found = entries.Sum({5: b"\7\0\0\0", 6: b"\2\0"})
    written = [unhexlify(data) for _, _, data in golden.ENTRIES]
    torn = written[3][:5] + b"\xff\xff\xff"
    found.read(written + [entries.ERASED, torn] + [entries.ERASED] * 3)
    assert (found.floor_s, found.wrong, found.used) == (1800000000, 2, 6)
    fields = {6: b"\2\0padding"}
    found.put_into(fields)
    assert fields == {5: b"\x00\xd2\x49\x6b", 6: b"\2\0padding"}


def test_the_latest_time_of_issue_that_a_node_believes():
    day = 86400
    assert access.latest_issue(0, 0) == 1796083200 + 1464 * day
    assert access.latest_issue(1900000000, 0) == 1900000000 + 1464 * day
    assert access.latest_issue(1800000000, 1800000001) == 1800000001 + 400 * day
    assert access.latest_issue(1800000002, 1800000001) == 1800000002 + 1464 * day

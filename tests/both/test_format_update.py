# SPDX-License-Identifier: MIT
"""The update record and the fields of a trial against golden bytes, made by hand from FORMAT.md."""

from binascii import unhexlify

from tirta_format import meta, state, updates

RECORD = "0a80800402" + "05" + "302e312e30" + "06" + "302e31302e30"
# Slot a in force; b on trial with one boot begun, 0.1.0 to 0.2.0; a way back; an outcome.
COPY = (
    "5453746101000000090000002c000000"
    "01010061"
    "0a0d006201302e312e3000302e322e30"
    "0b060061302e312e30"
    "0c0c0003302e312e3000302e322e30"
)
FIELDS = {
    state.SLOT: b"a",
    state.TRIAL: b"b\x010.1.0\x000.2.0",
    state.PREVIOUS: b"a0.1.0",
    state.OUTCOME: b"\x030.1.0\x000.2.0",
}


def test_the_record_golden():
    payload = unhexlify(RECORD)
    assert updates.record(65536, updates.CONFIRMED, b"0.1.0", b"0.10.0") == payload
    kind, uptime_ms, fields = meta.parse(payload)
    assert (kind, uptime_ms) == (updates.RECORD, 65536)
    assert fields == {"reason": updates.CONFIRMED, "before": "0.1.0", "firmware": "0.10.0"}


def test_the_state_golden():
    copy = state.encode(9, FIELDS)
    assert copy[:-4] == unhexlify(COPY)
    assert state.decode(copy) == (9, FIELDS)


def test_versions_are_ordered_by_their_numbers():
    ordered = ["", "0.1", "0.1.0", "0.1.9", "0.1.10", "0.2.0rc1", "0.10.0", "1.0.0"]
    keys = [updates.order(version) for version in ordered]
    assert keys == sorted(keys)
    assert updates.order("0.2.0rc1") == updates.order("0.2.0")


def test_a_record_cut_off_is_refused():
    payload = unhexlify(RECORD)
    for n in range(1, len(payload)):
        try:
            meta.parse(payload[:n])
        except ValueError:
            continue
        raise AssertionError("%d bytes were taken for a record" % n)


def test_a_state_with_a_flipped_bit_is_refused():
    copy = state.encode(9, FIELDS)
    for at in range(len(copy) * 8):
        flipped = bytearray(copy)
        flipped[at // 8] ^= 1 << at % 8
        assert state.decode(flipped) is None

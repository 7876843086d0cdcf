# SPDX-License-Identifier: MIT
"""State copies and the config's hash and rules against the golden bytes, both ways."""

import json
from binascii import unhexlify

import golden
from harness import refuses

from tirta_format import config, state


def test_state_golden():
    sequence, fields, coded = golden.STATE
    copy = unhexlify(coded)
    assert state.encode(sequence, fields) == copy
    assert state.decode(copy) == (sequence, fields)
    assert state.decode(copy + b"\xff" * 20) == (sequence, fields)
    assert state.length(copy[: state.HEADER_SIZE], len(copy)) == len(copy)
    assert state.length(copy[: state.HEADER_SIZE], len(copy) - 1) == 0


def test_every_flipped_bit_of_a_copy_costs_the_copy():
    data = bytearray(unhexlify(golden.STATE[2]))
    for bit in range(len(data) * 8):
        data[bit // 8] ^= 1 << bit % 8
        assert state.decode(data) is None, bit
        data[bit // 8] ^= 1 << bit % 8


def test_a_copy_cut_off_is_none():
    data = unhexlify(golden.STATE[2])
    for n in range(len(data)):
        assert state.decode(data[:n]) is None


def test_the_larger_sequence_is_in_force():
    old, new = (3, {1: b"a"}), (4, {1: b"b"})
    assert state.newest(old, new) == (1, 4, {1: b"b"})
    assert state.newest(new, old) == (0, 4, {1: b"b"})
    assert state.newest(None, old) == (1, 3, {1: b"a"})
    assert state.newest(old, None) == (0, 3, {1: b"a"})
    assert state.newest(None, None) == (-1, 0, {})


def test_config_golden():
    assert config.config_hash(golden.CONFIG) == golden.CONFIG_HASH
    parsed = config.parse(golden.CONFIG)
    assert parsed["channels"][0]["ml"] == 10000
    assert config.check(parsed) == []


def test_config_rules():
    for path, value in (
        (("interval_ms",), 99),
        (("interval_ms",), True),
        (("interval_ms",), "60000"),
        (("version",), 2),
        (("board",), ""),
        (("surprise",), 1),
        (("channels",), []),
        (("channels", 0, "sensor"), "thermal"),
        (("channels", 0, "sensor"), []),
        (("channels", 0, "sensor"), {}),
        (("channels", 0), None),
        (("channels",), {"0": 1}),
        (("channels", 0, "pin"), -1),
        (("channels", 0, "name"), "x" * 17),
    ):
        tree = json.loads(golden.CONFIG)
        table = tree
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = value
        assert config.check(tree), path
        assert refuses(config.parse, json.dumps(tree).encode()), path


def test_config_refuses_what_is_no_json_object():
    for text in (b"", b"[]", b"null", b"3", b'{"board":', b"\xff\xfe", b" " * 9000, b"[" * 7999):
        assert refuses(config.parse, text), text[:20]

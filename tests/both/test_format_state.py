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
    old, new = state.encode(3, {1: b"a"}), state.encode(4, {1: b"b"})
    cut = new[:-1] + bytes((new[-1] ^ 1,))
    none = b"\xff" * state.HEADER_SIZE

    def newest(*copies):
        return state.newest(copies, lambda index: state.decode(copies[index]))

    assert newest(old, new) == (1, 4, {1: b"b"})
    assert newest(new, old) == (0, 4, {1: b"b"})
    assert newest(old, old) == (0, 3, {1: b"a"})
    assert newest(none, old) == (1, 3, {1: b"a"})
    assert newest(old, none) == (0, 3, {1: b"a"})
    assert newest(old, cut) == (0, 3, {1: b"a"})
    assert newest(cut, old) == (1, 3, {1: b"a"})
    assert newest(cut, none) == (-1, 0, {})


def test_the_older_copy_is_not_decoded_where_the_newer_is_whole():
    copies = state.encode(4, {1: b"b"}), state.encode(3, {1: b"a"})
    asked = []

    def decoded(index):
        asked.append(index)
        return state.decode(copies[index])

    assert state.newest(copies, decoded) == (0, 4, {1: b"b"})
    assert asked == [0]


def test_config_golden():
    assert config.config_hash(golden.CONFIG) == golden.CONFIG_HASH
    parsed = config.parse(golden.CONFIG)
    assert parsed["channels"][0]["ml"] == 10000
    assert config.check(parsed) == []


def test_config_rules():
    for path, value in (
        (("interval_ms",), 9),
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
        (("channels", 0, "period_ms"), 9),
        (("channels", 0, "stats"), ["mean"]),  # of one sample
        (("channels", 0, "qc_fail"), [2, 1]),
        (("channels", 0, "qc_rate"), True),
        (("channels", 0, "raw"), 1),
        (("channels", 0, "qc_spike"), [1, 2]),  # of counts
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

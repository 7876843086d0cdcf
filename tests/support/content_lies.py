# SPDX-License-Identifier: MIT
"""Lies inside what a node keeps: configs, and log pages whose CRCs are right.

Made from FORMAT.md sections 2, 4, 5 and 8, not from the code that reads them.
"""

import json
import random
import struct
from typing import Any
from zlib import crc32

import peer
from peer import FakeLog

from tirta_format import config as format_config
from tirta_format import page as pages

NUMBERS = (
    0, 1, 2, 59, 1000, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**53, 2**53 + 1,
    2**63 - 1, 2**63, 2**64 - 1, 2**69, 1_741_000_000, 1_741_000_000_000, 4_102_444_800_000,
    253_402_300_800_000,
)  # fmt: skip
TEXTS = (
    "", "flow", "p_inlet", "10", "\x1b[31mEVIL\x07", "\u202eabc", "a\u2028b", "\ud800", "a\nb",
    "\x00", "../../x", "/dev/zero", "=1+1", "<script>alert(1)</script>", "a" * 300, "con", "%s{0}",
    '{"low": 1}', '{"low": [1e999]}', "[" * 500, "\U0001f600", "a b", "0.1.0", "Ä", "a.b",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    10**300, -(10**300), 2**63, 2**32, 2**31, -1, 0, 1, 1.5, 1e308, float("nan"), float("inf"),
    True, None, [], {}, [[]], {"a": [1]}, [1, 2, 3],
)  # fmt: skip
# Fields of a meta record by type: n varint, b byte, t text, p totals.
META = {1: "nbtt", 2: "nbn", 4: "bnnn", 5: "nnp", 6: "b", 7: "tnttttt", 8: "tbbn", 9: "bbnn",
        10: "btt", 0: "", 255: "nnn"}  # fmt: skip
RAW = (
    b"",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"[" * 7000,
    b'{"channels":' * 600,
    b'{"a":' + b"9" * 5000,
)


def config(chance: random.Random) -> bytes:
    """A text that a node may say its config is: some key of a real one is another."""
    if chance.random() < 0.1:
        return chance.choice(RAW)
    found = json.loads(peer.CONFIG_TEXT)
    for _ in range(chance.choice((1, 1, 2, 4))):
        table = chance.choice([found, *found["channels"]])
        if not isinstance(table, dict) or not table:
            continue
        key = chance.choice([*table])
        which = chance.random()
        if which < 0.5:
            table[key] = chance.choice(TEXTS)
        elif which < 0.8:
            table[key] = chance.choice(VALUES)
        elif which < 0.9:
            del table[key]
        else:
            table[chance.choice(TEXTS)] = chance.choice(VALUES)
        if not isinstance(found.get("channels"), list):
            break
    escaped = chance.random() < 0.7
    return json.dumps(found, sort_keys=True, ensure_ascii=escaped).encode(errors="surrogatepass")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def _field(chance: random.Random, what: str) -> bytes:
    if what == "n":
        return _varint(chance.choice(NUMBERS))
    if what == "b":
        return bytes((chance.choice((0, 1, 2, 3, 4, 5, 6, 9, 127, 255)),))
    if what == "t":
        text = chance.choice(TEXTS).encode(errors="surrogatepass")
        return _varint(len(text)) + text
    count = chance.choice((0, 1, 2, 40))
    return bytes((count,)) + b"".join(
        _field(chance, "t") + _field(chance, "n") for _ in range(count)
    )


def meta_record(chance: random.Random) -> bytes:
    """One of any type, with anything in it, now and then cut off or too long."""
    kind = chance.choice([*META])
    uptime = chance.choice((*NUMBERS, *[60_000] * 20))
    out = bytes((kind,)) + _varint(uptime) + b"".join(_field(chance, f) for f in META[kind])
    if chance.random() < 0.1:
        out = out[: chance.randrange(len(out))] or b"\x01"
    return (out + bytes(chance.choice((0, 0, 0, 20))))[:3000]


class LyingLog(FakeLog):
    """Pages whose headers, meta records and chunks of records say anything, under right CRCs."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance

    def put(self, kind: int, content: bytes) -> None:
        """Add a chunk, where there is room."""
        if self.end + len(content) + 60 <= pages.SIZE:
            buf = bytearray(len(content) + 8)
            buf[2 : 2 + len(content)] = content
            self._chunk(buf, kind, len(content))

    def _open(self) -> None:
        super()._open()
        chance = self.chance
        if chance.random() < 0.5:
            self._spoil(self.pages[self.seq])
        for _ in range(chance.choice((0, 1, 3, 10))):
            self.put(pages.META, meta_record(chance))
        if chance.random() < 0.2:
            text = config(chance)
            head = b"\x03\x00" + struct.pack("<I", format_config.config_hash(text))
            self.put(pages.META, head + _varint(len(text)) + b"\x00" + text[:2000])
        for _ in range(chance.choice((0, 0, 3))):
            place = b"".join(_varint(chance.choice(NUMBERS)) for _ in range(3))
            self.put(
                chance.choice((1, 2, 4, 5, 6, 7)),
                place + chance.randbytes(chance.choice((0, 6, 30))),
            )

    def _spoil(self, page: bytearray) -> None:
        """Change what the header says of numbers and time; its CRC is right."""
        chance = self.chance
        for at in (12, 16, 20):
            if chance.random() < 0.2:
                struct.pack_into(
                    "<I", page, at, chance.choice((0, 1, 7, 2**31, 2**32 - 2, 2**32 - 1))
                )
        if chance.random() < 0.5:
            unix_s = chance.choice((0, 1, 2**31, 2**32 - 1, 1_741_000_000))
            millis = chance.choice((0, 999, 65_535))
            struct.pack_into("<IHBB", page, 28, unix_s, millis, chance.randrange(256),
                             chance.choice((0, 31, 63, 64, 254, 255)))  # fmt: skip
        self.head_crc = crc32(bytes(page[2:36]))
        struct.pack_into("<I", page, 36, self.head_crc)

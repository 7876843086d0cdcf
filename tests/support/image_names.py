# SPDX-License-Identifier: MIT
"""What a MicroPython image for the ESP32 knows by name: modules, types and their attributes, read
out of the constants in its flash.

They lie there as the C compiler laid them (object representation A of py/obj.h): a *qstr* is a
number, (number << 3 | 2) as an object; a fixed dictionary is a word (size << 3 | 7), the size again
and the address of its pairs; a type has its name and, by one byte a slot, where its dictionary is.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

_APP_AT = 0x10000 - 0x1000  # combined images begin at 0x1000 of the flash
_FIRST = b"__dir__"  # the qstrs that every image has begin with "", "__dir__", "\n"
_FIXED = 7
_SLOTS_AT = 8  # bytes into a type: one for each of 12 slots, the last is locals_dict
_SLOTS = 12


class Image:
    """`modules[name]` and `types[address]` are dictionaries of names and objects (words)."""

    def __init__(self, path: Path) -> None:
        self.segments = dict(_segments(path.read_bytes()[_APP_AT:]))
        self._rom = max(
            (at, data) for at, data in self.segments.items() if at < 0x3F80_0000
        )  # constants are read through the data cache
        self.qstrs = self._all_qstrs()
        self.modules: dict[str, dict[str, int]] = {}
        self.dicts = dict(self._all_dicts())
        for found in self.dicts.values():
            name = self.qstr(found.get("__name__", 0))
            if name and len(found) > len(self.modules.get(name, ())):
                self.modules[name] = found

    def word(self, at: int) -> int:
        """A word of flash or RAM as the image fills them; 0 elsewhere."""
        for start, data in self.segments.items():
            if start <= at <= start + len(data) - 4:
                return int(struct.unpack_from("<I", data, at - start)[0])
        return 0

    def qstr(self, word: int) -> str:
        """The name that an object is, or nothing."""
        return self.qstrs.get(word >> 3, "") if word & 7 == 2 else ""

    def number(self, word: int) -> int | None:
        """The small integer that an object is."""
        return (word - (word >> 31 << 32)) >> 1 if word & 1 else None

    def type_name(self, at: int) -> str:
        return self.qstrs.get(self.word(at + 4) >> 16, "")

    def attributes(self, at: int) -> dict[str, int]:
        """Of the type at an address."""
        slot = self.word(at + _SLOTS_AT + _SLOTS - 4) >> 24
        return (
            self.dicts.get(self.word(at + _SLOTS_AT + _SLOTS + 4 * (slot - 1)), {}) if slot else {}
        )

    def methods(self, name: str) -> set[str]:
        """Of all types that are called so."""
        start, data = self._rom
        type_of_types = self.modules["builtins"]["type"]
        found: set[str] = set()
        for place in _places(data, struct.pack("<I", type_of_types)):
            if self.type_name(start + place) == name:
                found.update(self.attributes(start + place))
        return found

    def frozen(self) -> set[str]:
        """The modules in Python that the image brings."""
        names = max(re.findall(rb"(?:[\w/]+\.py\0)+", self._rom[1]), key=len)
        return set(names.decode().split("\0"))

    def _all_qstrs(self) -> dict[int, str]:
        """Of both pools: that of C code, and that of frozen modules, whose `prev` is the first."""
        start, data = self._rom
        at = start + data.index(b"\0" + _FIRST + b"\0") + 1
        for place in _places(data, struct.pack("<I", at)):
            pool = (
                start + place - 4 * 8
            )  # prev, length before, alloc, length, hashes, lengths, "", …
            if self.word(pool) == 0 and 100 < self.word(pool + 12) < 10000:
                break
        else:
            raise ValueError("no pool of qstrs")
        found: dict[int, str] = {}
        pools = [pool]
        while pools:
            pool = pools.pop()
            before, count = self.word(pool + 4) & 0x7FFF_FFFF, self.word(pool + 12)
            for i in range(count):
                found[before + i] = self._string(self.word(pool + 24 + 4 * i))
            pools += [
                start + place
                for place in _places(data, struct.pack("<I", pool))
                if self.word(start + place + 4) & 0x7FFF_FFFF == before + count
            ]
        return found

    def _all_dicts(self) -> Iterator[tuple[int, dict[str, int]]]:
        start, data = self._rom
        words = memoryview(data[: len(data) & ~3]).cast("I")
        for i in range(1, len(words) - 2):
            head, alloc, table = words[i], words[i + 1], words[i + 2]
            if head & 7 == _FIXED and head >> 3 == alloc and 0 < alloc < 2000:
                pairs = {}
                for j in range(alloc):
                    name = self.qstr(self.word(table + 8 * j))
                    if not name:
                        break
                    pairs[name] = self.word(table + 8 * j + 4)
                if len(pairs) == alloc:
                    yield start + 4 * (i - 1), pairs

    def _string(self, at: int) -> str:
        for start, data in self.segments.items():
            if start <= at < start + len(data):
                end = data.index(b"\0", at - start)
                return data[at - start : end].decode(errors="replace")
        return ""


def _segments(app: bytes) -> Iterator[tuple[int, bytes]]:
    """(address, content): esptool's image format."""
    magic, count = app[0], app[1]
    assert magic == 0xE9
    at = 24
    for _ in range(count):
        address, size = struct.unpack_from("<II", app, at)
        yield address, app[at + 8 : at + 8 + size]
        at += 8 + size


def _places(data: bytes, what: bytes) -> Iterator[int]:
    at = data.find(what)
    while at >= 0:
        if at % 4 == 0:
            yield at
        at = data.find(what, at + 1)

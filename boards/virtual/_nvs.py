# SPDX-License-Identifier: MIT
"""Non-volatile storage in the partition `nvs`, as ESP-IDF lays it out: pages of 126 entries of 32
bytes, of which only bits are cleared until a page is full.

Source: ESP-IDF Programming Guide, "Non-Volatile Storage Library", internals. Integers of 32 bits
only; a namespace is an entry, too.
"""

import struct
from binascii import crc32

import _flash

_ENTRIES_AT = 64
_ENTRY = 32
_COUNT = 126
_ACTIVE, _FULL = 0xFFFFFFFE, 0xFFFFFFFC
_VERSION = 0xFE
_U8, _I32 = 0x01, 0x14
_WRITTEN, _ERASED = 2, 0  # two bits an entry; 3 is empty
_NOT_FOUND = (-0x1102, "ESP_ERR_NVS_NOT_FOUND")
_NO_SPACE = (-0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")


def _crc(data):
    return crc32(data, 0xFFFFFFFF)


class Store:
    """The partition from `at` on, of `size` bytes."""

    def __init__(self, at, size):
        self._pages = range(at, at + size, _flash.BLOCK)

    def get(self, space, key):
        """The integer. Raises OSError when there is none."""
        found = self._find(self._space(space), _I32, key)
        if found is None:
            raise OSError(*_NOT_FOUND)
        return struct.unpack("<i", found[1][:4])[0]

    def set(self, space, key, value):
        index = self._space(space)
        before = self._find(index, _I32, key)
        if before is None or struct.unpack("<i", before[1][:4])[0] != value:
            self._write(index, _I32, key, struct.pack("<i", value))
            if before is not None:
                self._mark(before[0], _ERASED)

    def erase(self, space, key):
        found = self._find(self._space(space), _I32, key)
        if found is None:
            raise OSError(*_NOT_FOUND)
        self._mark(found[0], _ERASED)

    def open(self, space):
        """Make the namespace, unless there is one."""
        if not self._space(space):
            used = [data[0] for _, _, kind, _, data in self._entries(0) if kind == _U8]
            self._write(0, _U8, space, bytes((max(used + [0]) + 1,)))

    def _space(self, name):
        found = self._find(0, _U8, name)
        return found[1][0] if found else 0

    def _find(self, space, kind, key):
        last = None
        for place, of, what, name, data in self._entries(space):
            if (of, what, name) == (space, kind, key):
                last = place, data
        return last

    def _used(self):
        """Pages in the order of their numbers: [number, address, state]."""
        head = bytearray(32)
        found = []
        for page in self._pages:
            _flash.read(page, head)
            state, number = struct.unpack_from("<II", head)
            if (
                state in (_ACTIVE, _FULL)
                and _crc(head[4:28]) == struct.unpack_from("<I", head, 28)[0]
            ):
                found.append((number, page, state))
        return sorted(found)

    def _bits(self, page, i):
        one = bytearray(1)
        _flash.read(page + 32 + i // 4, one)
        return one[0] >> i % 4 * 2 & 3

    def _entries(self, space):
        """(place, namespace, type, key, 8 bytes) of what is written, oldest first."""
        entry = bytearray(_ENTRY)
        for _, page, _ in self._used():
            for i in range(_COUNT):
                if self._bits(page, i) != _WRITTEN:
                    continue
                _flash.read(page + _ENTRIES_AT + i * _ENTRY, entry)
                if struct.unpack_from("<I", entry, 4)[0] == _crc(entry[:4] + entry[8:]):
                    key = bytes(entry[8:24]).split(b"\0")[0].decode()
                    yield (page, i), entry[0], entry[1], key, bytes(entry[24:])

    def _mark(self, place, bits):
        page, i = place
        shift = i % 4 * 2
        _flash.program(page + 32 + i // 4, bytes((255 ^ (3 ^ bits) << shift,)))

    def _write(self, space, kind, key, value):
        head = bytes((space, kind, 1, 0xFF))
        tail = key.encode() + bytes(16 - len(key)) + value + b"\xff" * (8 - len(value))
        page, i = self._room()
        at = page + _ENTRIES_AT + i * _ENTRY
        _flash.program(at, head + struct.pack("<I", _crc(head + tail)) + tail)
        self._mark((page, i), _WRITTEN)

    def _room(self):
        """(page, index) of an entry that nothing was written to."""
        used = self._used()
        if used and used[-1][2] == _ACTIVE:
            page = used[-1][1]
            for i in range(_COUNT):
                if self._bits(page, i) == 3:
                    return page, i
            _flash.program(page, struct.pack("<I", _FULL))
        free = [page for page in self._pages if page not in [u[1] for u in used]]
        if not free:
            raise OSError(*_NO_SPACE)
        _flash.erase(free[0])
        head = struct.pack("<IB19s", used[-1][0] + 1 if used else 0, _VERSION, b"\xff" * 19)
        _flash.program(free[0], struct.pack("<I", _ACTIVE) + head + struct.pack("<I", _crc(head)))
        return free[0], 0

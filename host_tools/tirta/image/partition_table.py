# SPDX-License-Identifier: MIT
"""The ESP32 partition table, bytes out of a board and back.

The table lies at 0x8000: entries of 32 bytes (magic 0xAA 0x50, type, subtype, offset, size, label
of 16 bytes, flags), then an MD5 entry (0xEB 0xEB, fourteen 0xFF, digest of all entries before it),
then 0xFF up to 0xC00 bytes. ESP-IDF's guide "Partition Tables" documents the format.
"""

import hashlib
import struct
from typing import Literal

from tirta.boards.model import Board, Partition
from tirta.boards.rules import MAX_ENTRIES, TABLE_OFFSET
from tirta.errors import TirtaError

__all__ = ["TABLE_OFFSET", "TABLE_SIZE", "parse", "table"]

TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_END = b"\xff" * _ENTRY.size
_TYPES = {"app": 0x00, "data": 0x01}


def table(board: Board) -> bytes:
    """Make the table's 0xC00 bytes, entries in the order of their offsets."""
    entries = b"".join(
        _ENTRY.pack(_MAGIC, _TYPES[p.type], p.subtype, p.offset, p.size, p.name.encode(), 0)
        for p in sorted(board.flash.partitions, key=lambda p: p.offset)
    )
    digest = _MD5_MAGIC + hashlib.md5(entries, usedforsecurity=False).digest()
    return (entries + digest).ljust(TABLE_SIZE, b"\xff")


def parse(data: bytes) -> list[Partition]:
    """Read the entries of a table, its MD5 checked where it has one."""
    found: list[Partition] = []
    for start in range(0, min(len(data), TABLE_SIZE), _ENTRY.size):
        entry = data[start : start + _ENTRY.size]
        if entry == _END:
            return found
        if entry[:16] == _MD5_MAGIC:
            if entry[16:] != hashlib.md5(data[:start], usedforsecurity=False).digest():
                raise _damaged("its MD5 does not match")
            continue
        if len(entry) < _ENTRY.size:
            raise _damaged(f"it ends inside entry {start // _ENTRY.size}")
        found.append(_partition(entry, start // _ENTRY.size))
        if len(found) > MAX_ENTRIES:
            raise _damaged("it has too many entries")
    raise _damaged("it has no end")


def _partition(entry: bytes, number: int) -> Partition:
    magic, kind, subtype, offset, size, label, _flags = _ENTRY.unpack(entry)
    if magic != _MAGIC:
        raise _damaged(f"entry {number} does not start with 0xAA 0x50")
    if kind not in _TYPES.values():
        raise _damaged(f"entry {number} has the unknown type {kind:#x}")
    name = label.rstrip(b"\0").decode("ascii", "replace")
    type_name: Literal["app", "data"] = "app" if kind == _TYPES["app"] else "data"
    try:
        return Partition(name=name, type=type_name, subtype=subtype, offset=offset, size=size)
    except ValueError as error:
        raise _damaged(f"entry {number} ({name!r}) has a value out of range") from error


def _damaged(why: str) -> TirtaError:
    return TirtaError(f"This is not a valid partition table: {why}.", "Flash the board again.")

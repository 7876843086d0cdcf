# SPDX-License-Identifier: MIT
"""MicroPython's `uctypes` for the node's modules that also run on CPython in tests: addresses of
buffers, and arrays of integers at an address. What lies behind the end of a buffer is no memory.

An address is a number of the buffer and a place in it; the latest buffers are known.
"""

import ctypes
import itertools
from typing import Any

ARRAY, NATIVE = 0, 0
UINT8, UINT16, INT32 = 1 << 28, 2 << 28, 3 << 28
_LENGTH = (1 << 28) - 1
_TYPES: dict[int, Any] = {
    UINT8: ctypes.c_uint8,
    UINT16: ctypes.c_uint16,
    INT32: ctypes.c_int32,
}
_SHIFT = 24
_INSIDE = (1 << _SHIFT) - 1
_MOST = 1000  # buffers
_buffers: dict[int, tuple[Any, memoryview]] = {}  # each with its bytes
_NOTHING = None, memoryview(b"")
_numbers: dict[int, int] = {}  # by id
_next = itertools.count(1)


def addressof(of: Any) -> int:
    """Where the content of a buffer or an array begins; the latter stays there."""
    if isinstance(of, ctypes.Array):
        return int(of.address)  # type: ignore[attr-defined]  # `struct` gave it one
    number = _numbers.get(id(of), 0)
    if _buffers.get(number, _NOTHING)[0] is not of:
        number = next(_next)
        _buffers[number] = of, memoryview(of).cast("B")
        _numbers[id(of)] = number
        if len(_buffers) > _MOST:
            del _buffers[next(iter(_buffers))]
    return number << _SHIFT


def struct(address: int, layout: tuple[int, int], kind: int) -> Any:
    """An array of integers: as many as `layout` asks, but none behind the end of the buffer, and
    none at all where no buffer is known or a word would not be aligned.
    """
    assert kind == NATIVE
    what = _TYPES[layout[1] & ~_LENGTH]
    size = ctypes.sizeof(what)
    _, buffer = _buffers.get(address >> _SHIFT, _NOTHING)
    at = address & _INSIDE
    count = 0 if at % size else max(0, min(layout[1] & _LENGTH, (len(buffer) - at) // size))
    several = what * count
    at = at if count else 0
    made = (several.from_buffer_copy if buffer.readonly else several.from_buffer)(buffer, at)
    made.address = address
    return made


def bytearray_at(address: int, count: int) -> memoryview:
    """The bytes there."""
    _, buffer = _buffers[address >> _SHIFT]
    at = address & _INSIDE
    assert at + count <= len(buffer)
    return buffer[at : at + count]

# SPDX-License-Identifier: MIT
"""The NOR flash in a file: programming only clears bits, erasing sets a block of 4096 bytes.

Every program and every erase is one *operation* and counted. At the operation that the supervisor named
the power goes: the operation is not done, or leaves its block *torn* in one of the shapes below.
"""

from array import array

import _power
import _state
import micropython

BLOCK = 4096
CLEAN, NOTHING, HALF, RANDOM, BITS, ERASE_HALF = range(6)  # as in tirta/virtual/state.py
_CHUNK = 512
_file = open("flash.bin", "r+b")
_size = _file.seek(0, 2)
_old = memoryview(bytearray(_CHUNK))
_erased = memoryview(b"\xff" * _CHUNK)
_random = array("q", [0])


@micropython.viper
def _and(into: ptr8, data: ptr8, at: int, size: int):  # noqa: F821
    for i in range(size):
        into[i] = into[i] & data[at + i]


def read(at, buf):
    _file.seek(at)
    _file.readinto(buf)


def program(at, data):
    size = len(data)
    _state.put(_state.BUSY, 1)
    if _last_operation():
        _tear_program(at, data, size)
        _power.cut()
    _program(at, data, size)
    _state.put(_state.BUSY, 0)


def erase(block_at):
    _state.put(_state.BUSY, 1)
    if _last_operation():
        _tear_erase(block_at)
        _power.cut()
    _file.seek(block_at)
    for _ in range(BLOCK // _CHUNK):
        _file.write(_erased)
    _state.put(_state.BUSY, 0)


def _last_operation():
    if _power.dead:
        _power.stand_still()
    number = _state.get(_state.FLASH_OPS) + 1
    _state.put(_state.FLASH_OPS, number)
    return number == _state.get(_state.CUT_AT_OP)


def _program(at, data, size):
    done = 0
    while done < size:
        count = min(_CHUNK, size - done)
        part = _old if count == _CHUNK else _old[:count]
        _file.seek(at + done)
        _file.readinto(part)
        _and(part, data, done, count)
        _file.seek(at + done)
        _file.write(part)
        done += count


def _next_random():
    """xorshift: the same seed and operation tear in the same way."""
    x = _random[0]
    x = (x ^ (x << 13)) & 0x3FFFFFFFFFFF
    x ^= x >> 7
    x = (x ^ (x << 17)) & 0x3FFFFFFFFFFF
    _random[0] = x
    return (x >> 8) & 0xFF


def _tear_program(at, data, size):
    shape = _state.get(_state.TORN_SHAPE)
    _random[0] = _state.get(_state.SEED) * 2654435761 + _state.get(_state.FLASH_OPS) + 1
    if shape in (HALF, ERASE_HALF):
        _program(at, data, size // 2)
    elif shape == RANDOM:
        _program(at, bytes(_next_random() for _ in range(size)), size)
    elif shape == BITS:
        _program(at, bytes(b | _next_random() for b in data), size)


def _tear_erase(block_at):
    shape = _state.get(_state.TORN_SHAPE)
    _random[0] = _state.get(_state.SEED) * 2654435761 + _state.get(_state.FLASH_OPS) + 1
    if shape in (HALF, ERASE_HALF):
        _file.seek(block_at)
        for _ in range(BLOCK // _CHUNK // 2):
            _file.write(_erased)
    elif shape in (RANDOM, BITS):
        for at in range(block_at, block_at + BLOCK, _CHUNK):
            read(at, _old)
            for i in range(_CHUNK):
                _old[i] |= _next_random()
            _file.seek(at)
            _file.write(_old)

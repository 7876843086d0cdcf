# SPDX-License-Identifier: MIT
"""The NOR flash: programming only clears bits, erasing sets a block of 4096 bytes.

Every program and every erase is one *operation* and counted. At the operation that the supervisor
named the power goes: it is not done, or leaves its bytes *torn* in one of the shapes below.
"""

import _clock
import _memory
import _power
import _state
from micropython import const

BLOCK = 4096
_SHORTEST_MS = const(30)  # an erase on the chip lasts 30 to 400 ms
_HALF = const(2)  # the shapes as in tirta/virtual/state.py; 0 and 1 leave everything as it was
_RANDOM = const(3)
_BITS = const(4)
_ERASE_HALF = const(5)


def read(at, buf):
    _memory.load(buf, _memory.FLASH + at, len(buf))


def program(at, data):
    address = _memory.FLASH + at
    if _is_last():
        _tear_program(address, data, len(data))
        _power.cut()
    _memory.store_and(address, data, len(data))


def erase(block_at):
    address = _memory.FLASH + block_at
    if _is_last():
        _tear_erase(address)
        _power.cut()
    _memory.fill_ff(address, BLOCK)
    _take_time()


def _take_time():
    """While the chip erases, nothing runs; what the line brings waits in its ring."""
    number = _state.get(_state.ERASES) + 1
    _state.put(_state.ERASES, number)
    longest = _state.get(_state.ERASE_MS)
    if longest:
        span = max(1, longest - _SHORTEST_MS)
        _clock.sleep_us(1000 * (_SHORTEST_MS + _noise_seed() % span))


def _is_last():
    if _power.dead:
        _power.stand_still()
    number = _state.get(_state.FLASH_OPS) + 1
    _state.put(_state.FLASH_OPS, number)
    return number == _state.get(_state.CUT_AT_OP)


def _noise_seed():
    mixed = _state.get(_state.SEED) * 40503 + _state.get(_state.FLASH_OPS)
    return mixed * 2654435761 & 0xFFFFFFFF


def _tear_program(address, data, size):
    shape = _state.get(_state.TORN_SHAPE)
    if shape in (_HALF, _ERASE_HALF):
        _memory.store_and(address, data, size // 2)
    elif shape == _RANDOM:
        _memory.store_random(address, data, size, 0, _noise_seed())
    elif shape == _BITS:
        _memory.store_random(address, data, size, 1, _noise_seed())


def _tear_erase(address):
    shape = _state.get(_state.TORN_SHAPE)
    if shape in (_HALF, _ERASE_HALF):
        _memory.fill_ff(address, BLOCK // 2)
    elif shape in (_RANDOM, _BITS):
        _memory.store_random(address, b"", BLOCK, 2, _noise_seed())

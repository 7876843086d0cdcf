# SPDX-License-Identifier: MIT
"""The files of a node as memory: flash, state and scenario, which the process has mapped.

Their addresses come as arguments of the process. Nothing here takes heap: a finaliser may close a
file, and so reach the flash, while the collector has locked the heap.
"""

# ruff: noqa: F821 - viper knows ptr8 and ptr32

import sys

import micropython
import uctypes

STATE = int(sys.argv[1])
FLASH = int(sys.argv[2])
FLASH_SIZE = int(sys.argv[3])
SCENARIO = int(sys.argv[4])  # 0: there is none
_words = uctypes.struct(
    STATE, {"all": (uctypes.ARRAY | 0, 512 | uctypes.INT64)}, uctypes.NATIVE
).all


@micropython.viper
def get64(address: int) -> int:
    halves = ptr32(address)
    return halves[0] | (halves[1] << 32)


def put_state(slot, value):
    """One store of 64 bits: the supervisor reads along."""
    _words[slot] = value


@micropython.viper
def load(buf: ptr8, address: int, size: int):
    source = ptr8(address)
    for i in range(size):
        buf[i] = source[i]


@micropython.viper
def store(address: int, buf: ptr8, size: int):
    target = ptr8(address)
    for i in range(size):
        target[i] = buf[i]


@micropython.viper
def store_and(address: int, buf: ptr8, size: int):
    """As NOR flash programs: bits only go from 1 to 0."""
    target = ptr8(address)
    for i in range(size):
        target[i] = target[i] & buf[i]


@micropython.viper
def fill_ff(address: int, size: int):
    target = ptr8(address)
    for i in range(size):
        target[i] = 255


@micropython.viper
def store_random(address: int, buf: ptr8, size: int, shape: int, seed: int):
    """What a torn operation leaves; `shape` 0: random bytes programmed, 1: some of the bits
    programmed, 2: some of the bits erased. xorshift: the same seed tears in the same way."""
    target = ptr8(address)
    x = seed | 1
    for i in range(size):
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        noise = (x >> 8) & 0xFF
        if shape == 0:
            target[i] = target[i] & noise
        elif shape == 1:
            target[i] = target[i] & (buf[i] | noise)
        else:
            target[i] = target[i] | noise

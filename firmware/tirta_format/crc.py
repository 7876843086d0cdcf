# SPDX-License-Identifier: MIT
"""The table for CRC-32 in 16-bit halves (storage/codec_viper.py): on a 32-bit MicroPython its value
would be a heap object.

Four bits at a time: the table takes 64 bytes of RAM, that for eight bits a kilobyte, and what a
record grows to when compressed is only a few bytes.
"""

from array import array


def make_table():
    """16 low halves, then 16 high halves."""
    table = array("H", bytes(64))
    for i in range(16):
        low, high = i, 0
        for _ in range(4):
            odd = low & 1
            low = low >> 1 | (high & 1) << 15
            high >>= 1
            if odd:
                low ^= 0x8320
                high ^= 0xEDB8
        table[i] = low
        table[16 + i] = high
    return table

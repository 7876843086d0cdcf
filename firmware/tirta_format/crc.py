# SPDX-License-Identifier: MIT
"""CRC-32 in 16-bit halves: on a 32-bit MicroPython its value would be a heap object.

Four bits at a time: the table takes 64 bytes of RAM, that for eight bits a kilobyte, and what a
record grows to when compressed is only a few bytes. `crc32` is also the source of a viper kernel
(host_tools/make_kernels.py).
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


def crc32(low, high, table, buf, start, end):
    """Write the CRC-32 of buf[start:end] into buf[end:end + 4], low byte first.

    `low` and `high` are the halves to go on from: 65535 to begin, or those of a finished CRC, each
    XOR 65535.
    """
    while start < end:
        low ^= buf[start]
        i = low & 15
        low = (low >> 4) ^ ((high & 15) << 12) ^ table[i]
        high = (high >> 4) ^ table[16 + i]
        i = low & 15
        low = (low >> 4) ^ ((high & 15) << 12) ^ table[i]
        high = (high >> 4) ^ table[16 + i]
        start += 1
    low ^= 65535
    high ^= 65535
    buf[end] = low & 255
    buf[end + 1] = low >> 8
    buf[end + 2] = high & 255
    buf[end + 3] = high >> 8

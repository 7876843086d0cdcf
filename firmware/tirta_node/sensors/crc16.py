# SPDX-License-Identifier: MIT
"""CRC-16 with the polynomial 0x8005 reflected (0xA001): Modbus starts it at 0xFFFF, SDI-12 at 0."""

from array import array

_NIBBLES = array(
    "H",
    (
        0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401,
        0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400,
    ),
)  # fmt: skip


def crc16(buf, at, end, crc):
    """Go on from `crc` over `buf[at:end]`: 32 bytes of table, two steps a byte."""
    table = _NIBBLES
    while at < end:
        crc ^= buf[at]
        crc = crc >> 4 ^ table[crc & 15]
        crc = crc >> 4 ^ table[crc & 15]
        at += 1
    return crc

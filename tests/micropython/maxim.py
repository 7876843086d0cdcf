# SPDX-License-Identifier: MIT
"""CRC-8 of 1-Wire (Maxim application note 27), as the port's `onewire` has it."""


def crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc

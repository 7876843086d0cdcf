# SPDX-License-Identifier: MIT
"""Frames of Modbus RTU (MODBUS over serial line V1.02; application protocol V1.1b3, 6.3 and 6.4).

Bytes only: no port and no clock. An *answer* is looked for anywhere in what was received, because
noise, an echo or the end of an older frame may stand before it.
"""

from micropython import const

from tirta_node.sensors.crc16 import crc16

NOTHING = const(-1)
EXCEPTION_BYTES = const(5)
_START = const(0xFFFF)


def request(slave, function, register, count):
    """The bytes that ask for `count` registers; `register` is the address in the frame, from 0."""
    frame = bytearray(
        (slave, function, register >> 8, register & 255, count >> 8, count & 255, 0, 0)
    )
    crc = crc16(frame, 0, 6, _START)
    frame[6] = crc & 255
    frame[7] = crc >> 8
    return bytes(frame)


def is_valid(buf, at, end):
    """Whether `buf[at:end]` ends with its CRC: of a right frame the CRC over all of it is 0."""
    return end - at >= 4 and crc16(buf, at, end, _START) == 0


def find(buf, end, head, size, echo):
    """Where an answer of `size` bytes that begins with `head` lies in `buf[:end]`, or NOTHING.

    `echo`: the request, which some transceivers give back; its beginning is no answer.
    """
    at = buf.find(head, 0, end)
    while 0 <= at <= end - size:
        if is_valid(buf, at, at + size) and not _is_echo(buf, at, size, echo):
            return at
        at = buf.find(head, at + 1, end)
    return NOTHING


def _is_echo(buf, at, size, echo):
    i = min(size, len(echo))
    while i and buf[at + i - 1] == echo[i - 1]:  # a generator would come from the heap
        i -= 1
    return i == 0

# SPDX-License-Identifier: MIT
"""The state partition (FORMAT.md section 7): two copies, of which the newer whole one counts."""

import struct
from binascii import crc32

VERSION = 1
MAGIC = b"TSta"
SLOT = 1
MODE = 2
CONFIG = 3
HEADER_SIZE = 16


def encode(sequence, fields):
    """A copy as bytes; `fields` maps tags to bytes."""
    body = b""
    for tag in sorted(fields):
        body += struct.pack("<BH", tag, len(fields[tag])) + fields[tag]
    copy = MAGIC + struct.pack("<B3xII", VERSION, sequence, len(body)) + body
    return copy + struct.pack("<I", crc32(copy))


def length(head, limit):
    """Bytes of the copy whose first 16 are `head`, or 0 when there is none within `limit`."""
    if bytes(head[:4]) != MAGIC:
        return 0
    n = struct.unpack_from("<I", head, 12)[0]
    return n + HEADER_SIZE + 4 if n + HEADER_SIZE + 4 <= limit else 0


def decode(copy):
    """(sequence, fields) of a copy, or None when it is damaged or of another version."""
    n = length(copy, len(copy)) if len(copy) >= HEADER_SIZE else 0
    if not n or copy[4] != VERSION:
        return None
    if crc32(memoryview(copy)[: n - 4]) != struct.unpack_from("<I", copy, n - 4)[0]:
        return None
    fields = {}
    at = HEADER_SIZE
    while at + 3 <= n - 4:
        tag, size = struct.unpack_from("<BH", copy, at)
        fields[tag] = bytes(copy[at + 3 : at + 3 + size])
        at += 3 + size
    return struct.unpack_from("<I", copy, 8)[0], fields


def newest(first, second):
    """Which of two decoded copies is in force: (index, sequence, fields); index -1 when none."""
    if first and (not second or first[0] >= second[0]):
        return 0, first[0], first[1]
    if second:
        return 1, second[0], second[1]
    return -1, 0, {}

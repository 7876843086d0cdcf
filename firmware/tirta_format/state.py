# SPDX-License-Identifier: MIT
"""The state partition (FORMAT.md section 7): two copies, of which the newer whole one counts."""

import struct
from binascii import crc32
from hashlib import sha256

VERSION = 1
MAGIC = b"TSta"
SLOT = 1
MODE = 2
CONFIG = 3
KEY = 4
FLOOR = 5
GUESSES = 6
TRIAL = 10  # u8 slot, u8 boots begun, then versions: from, 00, to
PREVIOUS = 11  # u8 slot, then its version: what `rollback` starts
OUTCOME = 12  # u8 result (meta.UPDATE_*), then versions as in TRIAL: not in the log yet
HEADER_SIZE = 16


def config_hash(text):
    """The first four bytes of SHA-256 of a config text (bytes), as an integer."""
    return int.from_bytes(sha256(text).digest()[:4], "little")


def encode(sequence, fields):
    """A copy as bytes; `fields` maps tags to bytes."""
    body = b""
    for tag in sorted(fields):
        body += struct.pack("<BH", tag, len(fields[tag])) + fields[tag]
    copy = head(sequence, len(body)) + body
    return copy + struct.pack("<I", crc32(copy))


def head(sequence, n):
    """The first 16 bytes of a copy with n bytes of fields."""
    return MAGIC + struct.pack("<B3xII", VERSION, sequence, n)


def length(first, limit):
    """Bytes of the copy whose first 16 are `first`, or 0 when there is none within `limit`."""
    if bytes(first[:4]) != MAGIC:
        return 0
    n = struct.unpack_from("<I", first, 12)[0]
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
    view = memoryview(copy)  # a slice of the bytearray itself would be one more copy of a config
    while at + 3 <= n - 4:
        tag, size = struct.unpack_from("<BH", copy, at)
        fields[tag] = bytes(view[at + 3 : at + 3 + size])
        at += 3 + size
    return struct.unpack_from("<I", copy, 8)[0], fields


def newest(heads, decoded):
    """The copy in force: (index, sequence, fields); index -1 when neither is whole.

    `heads`: the first 16 bytes or more of both; `decoded(index)`: what `decode` says of one. The
    newer is asked first, and the other only where that is not whole: RAM may have no room for both.
    """
    first, second = (struct.unpack_from("<I", head, 8)[0] for head in heads)
    for index in (1, 0) if first < second else (0, 1):
        copy = decoded(index)
        if copy:
            return index, copy[0], copy[1]
    return -1, 0, {}

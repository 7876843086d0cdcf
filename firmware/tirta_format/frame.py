# SPDX-License-Identifier: MIT
"""Frames of the serial link (FORMAT.md sections 9 and 10): type, sequence, payload, CRC-32."""

import struct
from binascii import crc32

from tirta_format import cobs

PROTOCOL = 1

HELLO = 0x01
STATUS = 0x02
COMMIT = 0x03
INDEX = 0x04
READ = 0x05
CONFIG_GET = 0x07
CONFIG_PUT = 0x08
CONFIG_APPLY = 0x09
CLOCK_SET = 0x0A
RESTART = 0x0B
VALUES = 0x0C
PULLED = 0x0D
TIMING = 0x20
RATE = 0x10

ANSWER = 0x80  # added to the request's type
DATA = READ + ANSWER
END = 0x86
REFUSAL = 0xFF

BAD_REQUEST = 1
BAD_PAYLOAD = 2
NOT_NOW = 3
CONFIG_REFUSED = 4
FLASH_FAILED = 5

END_DONE = 0

OVERHEAD = 6  # type, sequence, CRC
MAX_FROM_LAPTOP = 230  # content bytes: with COBS and delimiters it fits the node's 256-byte window
MAX_FROM_NODE = 4118  # a whole page in one data frame
SLICES = (256, 512, 1024, 2048, 4096)  # data frames begin at multiples of the one that is asked for
READ_SLICE = "<H"
READ_RANGE = "<IHIH"  # first page, offset in it, last page, end in it
MAX_RANGES = 17  # sealed, too
DATA_HEAD = "<IHH"  # page, offset, bytes that the frame stands for
INDEX_ENTRY = "<III"  # page, first number, header CRC


def valid(buf, n):
    """Whether `buf[:n]` is the content of a frame that arrived whole."""
    if n < OVERHEAD:
        return False
    return crc32(memoryview(buf)[: n - 4]) == struct.unpack_from("<I", buf, n - 4)[0]


def encode(kind, seq, payload=b""):
    """A whole frame as bytes, between two delimiters."""
    content = bytes((kind, seq)) + payload
    return b"\x00" + cobs.encode(content + struct.pack("<I", crc32(content))) + b"\x00"


def decode(data):
    """(type, sequence, payload) of what stood between two delimiters, or None when damaged."""
    try:
        content = cobs.decode(data)
    except ValueError:
        return None
    if not valid(content, len(content)):
        return None
    return content[0], content[1], content[2:-4]

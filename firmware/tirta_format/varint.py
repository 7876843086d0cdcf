# SPDX-License-Identifier: MIT
"""Variable-length integers: LEB128 for counts, zigzag for differences (FORMAT.md section 1)."""

MAX_BYTES = 10


def put(buf, at, n):
    """Write `n` (not negative) into `buf` at `at`; return the index after it."""
    while n > 127:
        buf[at] = n & 127 | 128
        n >>= 7
        at += 1
    buf[at] = n
    return at + 1


def get(buf, at, end):
    """Read one integer from `buf[at:end]`; return (value, index after it).

    Raises ValueError when it is cut off or longer than 10 bytes.
    """
    n = shift = 0
    while at < end and shift < 7 * MAX_BYTES:
        byte = buf[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128:
            return n, at
        shift += 7
    raise ValueError("varint is cut off or too long")


def encode(n):
    """`n` (not negative) as bytes."""
    buf = bytearray(MAX_BYTES)
    return bytes(buf[: put(buf, 0, n)])


def zigzag(n):
    """Fold a difference, taken modulo 2^32, into 0 .. 2^32 - 1: small either way stays small."""
    n = wrap32(n)
    return n << 1 if n >= 0 else -n * 2 - 1


def unzigzag(n):
    """The difference that `zigzag` folded."""
    return n >> 1 if not n & 1 else -(n >> 1) - 1


def wrap32(n):
    """`n` modulo 2^32, as a signed integer of 32 bits."""
    return (n + 0x80000000 & 0xFFFFFFFF) - 0x80000000

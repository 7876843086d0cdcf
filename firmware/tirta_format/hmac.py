# SPDX-License-Identifier: MIT
"""HMAC-SHA256 and HKDF, which MicroPython lacks: it has the hash alone.

Sources: RFC 2104 (HMAC), RFC 5869 (HKDF); checked against the vectors of RFC 4231 and RFC 5869.
"""

from hashlib import sha256

SIZE = 32
_BLOCK = 64  # SHA-256 takes its input in blocks of this size


def hmac(key, *parts):
    """HMAC-SHA256 of `parts`, one after the other: 32 bytes."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    inner = sha256(_padded(key, 0x36))
    for part in parts:
        inner.update(part)
    outer = sha256(_padded(key, 0x5C))
    outer.update(inner.digest())
    return outer.digest()


def extract(salt, secret):
    """HKDF's first half: a key of 32 bytes out of a secret that need not look random."""
    return hmac(salt, secret)


def expand(key, info, length):
    """HKDF's second half: `length` bytes, others for each `info`; at most 8,160."""
    out = last = b""
    while len(out) < length:
        last = hmac(key, last, info, bytes((len(out) // SIZE + 1,)))
        out += last
    return out[:length]


def equal(a, b):
    """Whether both are the same bytes, in a time that does not tell where they differ."""
    different = len(a) ^ len(b)
    for x, y in zip(a, b):
        different |= x ^ y
    return different == 0


def _padded(key, pad):
    block = bytearray(_BLOCK)
    for i in range(_BLOCK):
        block[i] = pad ^ (key[i] if i < len(key) else 0)
    return block

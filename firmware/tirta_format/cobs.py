# SPDX-License-Identifier: MIT
"""Consistent Overhead Byte Stuffing: bytes without a zero, so that a zero can end a frame.

Source: Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999. A frame grows by one
byte in 254. The node works in buffers that exist, the laptop with bytes.
"""

_ZERO = b"\x00"


def encode_into(src, n, dst, at):
    """Encode `src[:n]` (a bytearray) into `dst` from `at` on; return the index after it."""
    data = memoryview(src)
    start = 0
    while True:
        zero = src.find(_ZERO, start, n)
        end = n if zero < 0 else zero
        full = False
        while end - start >= 254:
            dst[at] = 255  # 254 bytes without a zero, and none implied behind them
            dst[at + 1 : at + 255] = data[start : start + 254]
            start += 254
            at += 255
            full = True
        if zero < 0 and full and start == n:
            return at
        length = end - start
        dst[at] = length + 1
        dst[at + 1 : at + 1 + length] = data[start:end]
        at += 1 + length
        if zero < 0:
            return at
        start = zero + 1


def decode_into(src, n, dst):
    """Decode `src[:n]` into `dst`, at least as long; return the length, or -1 when malformed."""
    data = memoryview(src)
    i = at = 0
    while i < n:
        code = data[i]
        if code == 0 or i + code > n:
            return -1
        dst[at : at + code - 1] = data[i + 1 : i + code]
        i += code
        at += code - 1
        if code < 255 and i < n:
            dst[at] = 0
            at += 1
    return at


def encode(data):
    """`data` without zeros, the delimiter not included."""
    out = bytearray(len(data) + len(data) // 254 + 1)
    n = encode_into(bytearray(data), len(data), memoryview(out), 0)
    return bytes(out[:n])


def decode(data):
    """What `encode` was given. Raises ValueError when malformed."""
    out = bytearray(len(data))
    n = -1 if _ZERO in data else decode_into(data, len(data), memoryview(out))
    if n < 0:
        raise ValueError("not COBS")
    return bytes(out[:n])

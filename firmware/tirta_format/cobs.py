# SPDX-License-Identifier: MIT
"""Consistent Overhead Byte Stuffing: bytes without a zero, so that a zero can end a frame.

Source: Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999. A frame grows by one
byte in 254. The node decodes in place, and encodes piece by piece: with the kernel of
storage/codec_viper.py that is `stuff` line for line, and with this where no application is, which
has the kernel. The laptop has no viper.
"""

_ZERO = b"\x00"


def decode_into(src, n, dst):
    """Decode `src[:n]` into `dst`, at least as long or `src` itself; return the length, or -1 when
    malformed.
    """
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


def stuff(to, place, src, start, end):
    """Append `src[start:end]`; what is not sent moves to the front of `to`. Up to one byte in 254
    more than that is written: the caller has made room. `place` says what lies in `to`: what is
    not sent begins here; the *open block*, whose code byte is known at its end, begins here; the
    next byte goes here.
    """
    sent = place[0]
    block = place[1] - sent
    at = 0
    n = place[2] - sent
    if sent != 0:
        while at < n:
            to[at] = to[at + sent]
            at += 1
    at = n
    i = start
    while i < end:
        if at - block == 255:
            to[block] = 255  # 254 bytes without a zero, and none implied behind them
            block = at
            at += 1
        byte = src[i]
        if byte == 0:
            to[block] = at - block
            block = at
            at += 1
        else:
            to[at] = byte
            at += 1
        i += 1
    place[0] = 0
    place[1] = block
    place[2] = at


def encode(data):
    """`data` without zeros, the delimiter not included."""
    out = bytearray(len(data) + len(data) // 254 + 2)
    place = [0, 0, 1]
    stuff(out, place, data, 0, len(data))
    block, end = place[1:]
    out[block] = end - block
    return bytes(out[:end])


def decode(data):
    """What `encode` was given. Raises ValueError when malformed."""
    out = bytearray(len(data))
    n = -1 if _ZERO in data else decode_into(data, len(data), memoryview(out))
    if n < 0:
        raise ValueError("not COBS")
    return bytes(out[:n])

# SPDX-License-Identifier: MIT
"""Numbers of other devices as integers below 2^30, exactly rounded, without float or allocation.

A number of 32 bits would be a heap object on the chip, so it comes as two halves of 16 bits, and
products are kept as a high and a low part of 15 bits.
"""

from micropython import const

BAD = const(-0x3FFFFFFF - 1)  # not a number, or too large
U16, S16, U32, S32, F32 = range(5)
_LOW_BITS = const(15)
_LOW_MASK = const(0x7FFF)
_ROOM = const(1 << 29)
_EXPONENT_BIAS = const(150)  # of a float32 whose mantissa is taken as an integer
_NO_NUMBER = const(255)
_FARTHEST = const(44)  # a product has no more bits: shifted by more it is 0


def scaled(high, low, exponent, mul, div):
    """round((high * 65536 + low) * 2^exponent * mul / div), or BAD from 2^30 on.

    `mul` < 2^20, `div` < 2^28; with a negative exponent the number has 24 bits at most. 32 rounds
    of long division, some 0.2 ms on an ESP32.
    """
    product = 0  # its bits from 15 up
    bits = 0  # its bits below
    rest = 0
    for i in range(32 + max(exponent, 0)):
        if product >= _ROOM:
            return BAD
        rest += rest
        if i < 16:
            rest += mul * (high >> 15 - i & 1)
        elif i < 32:
            rest += mul * (low >> 31 - i & 1)
        bits += bits + rest // div
        rest %= div
        product += product + (bits >> _LOW_BITS)
        bits &= _LOW_MASK
    if exponent >= 0:
        if product > _LOW_MASK:
            return BAD
        return (product << _LOW_BITS | bits) + (1 if rest + rest >= div else 0)
    return _shifted(product, bits, -exponent)


def _shifted(product, bits, shift):
    """Divide by 2^shift, rounded: halves go up."""
    if shift > _FARTHEST:
        return 0
    if shift > _LOW_BITS:
        return product + (1 << shift - _LOW_BITS - 1) >> shift - _LOW_BITS
    bits += 1 << shift - 1
    product += bits >> _LOW_BITS
    if product >> _LOW_BITS + shift:
        return BAD
    return product << _LOW_BITS - shift | (bits & _LOW_MASK) >> shift


def number(kind, high, low, mul, div):
    """A register value of a kind, times mul / div; BAD when it is none, or too large.

    `high` is ignored for 16 bits. IEEE 754 for F32: infinity and NaN are no numbers.
    """
    exponent = 0
    negative = False
    if kind < U32:
        negative = kind == S16 and low >= 0x8000
        high = 0
        if negative:
            low = 0x10000 - low
    elif kind == F32:
        negative = high >= 0x8000
        exponent = high >> 7 & 255
        if exponent == _NO_NUMBER:
            return BAD
        high &= 0x7F
        if exponent:
            high |= 0x80
        else:
            exponent = 1  # so small that it has no leading one
        exponent -= _EXPONENT_BIAS
    elif kind == S32 and high >= 0x8000:
        negative = True
        low = -low & 0xFFFF
        high = (~high & 0xFFFF) + (0 if low else 1)
        if high > 0xFFFF:
            return BAD
    found = scaled(high, low, exponent, mul, div)
    return -found if negative and found != BAD else found

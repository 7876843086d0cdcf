# SPDX-License-Identifier: MIT
"""Numbers that devices send as text, as integers below 2^30, without float or allocation."""

from micropython import const

BAD = const(-0x3FFFFFFF - 1)  # as in numbers.py: not a number, or too large


def decimal(buf, at, end, scale):
    """The decimal number in `buf[at:end]` (ASCII: sign, digits, a point) times `scale`, a power of
    ten; rounded, or BAD when it is no number or too large.
    """
    negative = at < end and buf[at] == 0x2D
    if at < end and (negative or buf[at] == 0x2B):
        at += 1
    total = 0
    digits = 0
    left = 0  # of the scale, behind the point
    while at < end:
        byte = buf[at]
        at += 1
        if byte == 0x2E and not left:
            left = scale
            continue
        if not 0x30 <= byte <= 0x39 or total > 0x3FFFFFF:
            return BAD
        digits += 1
        if left == 1:  # the first digit that is not kept decides about rounding
            left = -1
            if byte >= 0x35:
                total += 1
        elif left >= 0:
            total = total * 10 + byte - 0x30
            if left:
                left //= 10
    if not digits:
        return BAD
    left = left or scale
    while left > 1:
        if total > 0x3FFFFFF:
            return BAD
        total *= 10
        left //= 10
    return -total if negative else total

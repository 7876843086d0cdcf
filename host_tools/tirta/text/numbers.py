# SPDX-License-Identifier: MIT
"""Numbers as people write them: with a point, or with a comma where their language has one."""

import math
import re

_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


def with_point(text: str) -> str:
    """Read `4,01` as `4.01`, and anything else as it is. Raises ValueError where both were meant
    once: 1,4
    """
    if _THOUSANDS.fullmatch(text):
        point, none = text.replace(",", "."), text.replace(",", "")
        raise ValueError(f"{text} may be {point} or {none}: write one of these")
    return text.replace(",", ".") if _COMMA.fullmatch(text) else text


def number(text: str) -> float:
    """Read a finite number. Raises ValueError with a message for a person."""
    plain = with_point(text.strip())
    try:
        value = float(plain)
    except ValueError:
        raise ValueError(f"{text!r} is not a number, as 4.01 is") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def whole(text: str) -> int:
    """Read a whole number. Raises ValueError with a message for a person."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number, as 115200 is") from None

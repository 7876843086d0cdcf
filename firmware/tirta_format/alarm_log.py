# SPDX-License-Identifier: MIT
"""The alarm record (FORMAT.md section 5) and the kinds of alarms, in the order of their numbers.

Apart from `meta`: a node whose config names no alarm needs none of it in RAM.
"""

from tirta_format import varint

RECORD = 8  # the meta record
KINDS = ("above", "below", "fault", "tamper", "burst", "night")
ABOVE, BELOW, FAULT, TAMPER, BURST, NIGHT = range(6)


def record(uptime_ms, name, raised, kind, value):
    """An alarm is raised, or over; `value` is the column's, times its scale."""
    text = name.encode()
    out = bytes((RECORD,)) + varint.encode(uptime_ms) + varint.encode(len(text)) + text
    return out + bytes((raised, kind)) + varint.encode(value * 2 if value >= 0 else -value * 2 - 1)

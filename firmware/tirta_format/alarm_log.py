# SPDX-License-Identifier: MIT
"""The alarm record (FORMAT.md section 5) and the kinds of alarms, in the order of their numbers.

Apart from `meta`, and on a node loaded for the moment: alarms are few.
"""

from tirta_format import varint

RECORD = 8  # the meta record
KINDS = ("above", "below", "fault", "tamper", "burst", "night", "stuck", "doubled", "reversed")
ABOVE, BELOW, FAULT, TAMPER, BURST, NIGHT, STUCK, DOUBLED, REVERSED = range(9)


def record(uptime_ms, name, raised, kind, value):
    """An alarm is raised, or over; `value` is the column's, times its scale."""
    text = name.encode()
    out = bytes((RECORD,)) + varint.encode(uptime_ms) + varint.encode(len(text)) + text
    return out + bytes((raised, kind)) + varint.encode(value * 2 if value >= 0 else -value * 2 - 1)

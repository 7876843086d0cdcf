# SPDX-License-Identifier: MIT
"""The meta record of who did what with a locked node (FORMAT.md section 5).

Rare on a node, so not in `meta`.
"""

from tirta_format import varint

ACCESS = 9

LOGIN = 1
LOCKED_OUT = 2
REPL = 3
KEY = 4
MODE = 5
FLOOR = 6


def record(uptime_ms, what, role, serial, wrong):
    """Somebody with this role and credential did it, after so many wrong guesses."""
    return (
        bytes((ACCESS,))
        + varint.encode(uptime_ms)
        + bytes((what, role))
        + varint.encode(serial)
        + varint.encode(wrong)
    )

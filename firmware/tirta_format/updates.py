# SPDX-License-Identifier: MIT
"""Updates of the application (FORMAT.md sections 5, 7 and 10): requests, results, versions.

Apart from `frame` and `meta`, because a node that is not being updated needs none of it in RAM.
"""

from tirta_format import varint

SLOTS = 0x28
BEGIN = 0x29
HASHES = 0x2A
ERASE = 0x2B
WRITE = 0x2C
TRY = 0x2D
BACK = 0x2E
REFUSED = 8  # the code of a refusal
DOWNGRADE = 1  # a flag of TRY and BACK

BEGUN = 13  # tag of the state: u8 slot that an update was begun in and is not on trial yet
RECORD = 10  # the meta record
TRIAL = 1  # its results
CONFIRMED = 2
FAILED = 3
UNCONFIRMED = 4
UNREADABLE = 5


def record(uptime_ms, result, old, new):
    """The meta record: what became of the version `new` (bytes) that was to follow `old`."""
    out = bytes((RECORD,)) + varint.encode(uptime_ms) + bytes((result,))
    for text in (old, new):
        out += varint.encode(len(text)) + text
    return out


def order(version):
    """What versions are compared by: their numbers."""
    numbers = []
    for part in version.split("."):
        digits = ""
        for letter in part:
            if not "0" <= letter <= "9":
                break
            digits += letter
        numbers.append(int(digits or "0"))
    return numbers

# SPDX-License-Identifier: MIT
"""Entries behind the state copy in force: what a locked node learned of logins since that copy was
written (FORMAT.md section 7).

The copy's tags FLOOR and GUESSES together with these entries are the truth; whoever writes another
copy writes what both come to.
"""

import struct
from binascii import crc32

from tirta_format import state

SIZE = 8
ERASED = b"\xff" * SIZE

CHALLENGED = 1  # the first challenge of a boot
WRONG = 2  # a wrong guess
RIGHT = 3  # a login after wrong guesses
FLOOR = 4  # the value is a Unix time in s that is past


def encode(kind, value=0):
    """Return the 8 bytes of an entry."""
    head = struct.pack("<BI", kind, value)
    return head + struct.pack("<I", crc32(head))[:3]


def room(end, block):
    """Return how many entries fit behind a copy of `end` bytes, in the last of its blocks."""
    return (-end % block) // SIZE


class Sum:
    """What a copy's fields and the entries behind it come to: `wrong` guesses since the last right
    one, `floor_s`, a Unix time that is past or 0, and how many entries are `used`.
    """

    def __init__(self, fields):
        self.floor_s = int.from_bytes(fields.get(state.FLOOR, b""), "little")
        self.wrong = fields.get(state.GUESSES, b"\0")[0]
        self.used = 0

    def read(self, entries):
        """Add what the entries say: an iterable of all that fit, 8 bytes each, in their order."""
        skipped = n = 0
        for entry in entries:
            n += 1
            if entry == ERASED:
                skipped += 1  # torn, if another one follows
                continue
            self.wrong = min(255, self.wrong + skipped)
            skipped = 0
            self.used = n
            self.add(entry)

    def add(self, entry):
        """Add one entry; a torn one counts as a wrong guess."""
        kind, value = struct.unpack_from("<BI", entry)
        if entry != encode(kind, value) or kind == WRONG:
            self.wrong = min(255, self.wrong + 1)
        elif kind == RIGHT:
            self.wrong = 0
        elif kind == FLOOR:
            self.floor_s = max(self.floor_s, value)

    def put_into(self, fields):
        """Put the sum into the fields of another copy."""
        if self.floor_s:
            fields[state.FLOOR] = struct.pack("<I", self.floor_s)
        guesses = fields.get(state.GUESSES, b"\0\0")
        if guesses[0] != self.wrong:
            fields[state.GUESSES] = bytes((self.wrong,)) + guesses[1:]

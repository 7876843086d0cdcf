# SPDX-License-Identifier: MIT
"""What a locked node remembers of logins, behind the state copy in force (FORMAT.md section 7).

Entries are programmed one after the other into what the copy left erased of its last block, so that
neither a login nor a wrong guess costs an erase. When the room is used up, the copy is written anew
with what the entries came to, as every writer of the state does it (copies.py). A cut leaves an
entry whole, torn or absent; a torn one counts as a wrong guess. Called by `unload`.
"""

import struct

from tirta_format import entries, state
from tirta_node.state import copies

CLOSED = "the node's state is damaged, its key is gone, and it stays closed: flash it"
_SPARE = 64  # entries that a boot may need without an erase
_PADDING = bytes(_SPARE * entries.SIZE)


class LoginNotes:
    """`sequence` and `used` together only grow, whatever happens to the power; `wrong` guesses came
    since the last right one; `floor_s` is a Unix time that is past, 0 when nothing is known;
    `fields` are the state's that this module cares for. Raises OSError without a whole copy.
    """

    def __init__(self, flash):
        self._flash = flash
        self._load()

    def _load(self):
        self._first, self.sequence, self._end, self.fields = _newest(self._flash)
        self.room = entries.room(self._end, self._flash.BLOCK)
        self._sum = entries.Sum(self.fields)
        self._sum.read(copies.behind(self._flash, self._first, self._end))

    @property
    def used(self):
        """Bytes of entries behind the copy in force."""
        return self._sum.used

    @property
    def wrong(self):
        """Wrong guesses since the last login."""
        return self._sum.wrong

    @property
    def floor_s(self):
        """Seconds since 2020 that are known to be past (FORMAT.md section 13)."""
        return self._sum.floor_s

    def tidy(self):
        """At a start: make room for what this boot may bring, while no sample waits."""
        if self.room - self.used < _SPARE and (self.used or self._has_room_for_padding()):
            self._renew()

    def add(self, kind, value=0):
        """Remember an entry. Raises OSError when it does not read back."""
        entry = entries.encode(kind, value)
        if self.used >= self.room:
            self._sum.add(entry)
            self._renew()  # with what it says
            return
        at = self._end + self.used * entries.SIZE
        self._flash.program(self._first, at, entry)
        back = bytearray(entries.SIZE)
        self._flash.read(self._first, at, back)
        self._sum.used += 1
        if back != entry:
            raise OSError("the state partition does not keep what is written")
        self._sum.add(entry)

    def _renew(self):
        """The copy anew, with what the entries came to and, where it can be had, room behind it."""
        old = self.fields.get(state.GUESSES, b"\0\0")
        head = bytes((self.wrong, (old[1] + 1) & 255))
        floor = struct.pack("<I", self.floor_s)
        for padding in (b"", _PADDING):
            if padding and not self._has_room_for_padding():
                return
            guesses = head + padding
            copies.change(self._flash, {state.FLOOR: floor, state.GUESSES: guesses})
            self._load()
            if self.room >= _SPARE:
                return

    def _has_room_for_padding(self):
        return self._end + len(_PADDING) + 16 <= self._flash.blocks // 2 * self._flash.BLOCK


def _newest(flash):
    """(first block, sequence, length, short fields) of the copy in force; RAM never holds it whole.

    Raises OSError when neither copy is whole.
    """
    found = None
    for first in (0, flash.blocks // 2):
        copy = _copy(flash, first)
        if copy and (found is None or copy[1] > found[1]):
            found = copy
    if found is None:
        raise OSError(CLOSED)
    return found


def _copy(flash, first):
    """The same of the copy that begins at block `first`, or None when it is not whole."""
    head = bytearray(state.HEADER_SIZE)
    flash.read(first, 0, head)
    n = state.length(head, flash.blocks // 2 * flash.BLOCK)
    if not n or head[4] != state.VERSION:
        return None
    if not copies.ends_with(flash, first, n - 4, copies.crc_of(flash, first, n - 4)):
        return None
    fields = {}
    at = state.HEADER_SIZE
    tag = bytearray(3)
    while at + 3 <= n - 4:
        flash.read(first, at, tag)
        size = tag[1] | tag[2] << 8
        if state.KEY <= tag[0] <= state.GUESSES:
            data = bytearray(size)
            flash.read(first, at + 3, data)
            fields[tag[0]] = bytes(data)
        at += 3 + size
    return first, struct.unpack_from("<I", head, 8)[0], n, fields

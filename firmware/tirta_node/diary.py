# SPDX-License-Identifier: MIT
"""What a locked node remembers of logins, behind the state copy in force (FORMAT.md section 7).

Entries of 8 bytes are programmed one after the other into what the copy left erased of its last
block, so that neither a login nor a wrong guess costs an erase. When the room is used up, the copy
is written anew with what the entries came to. A cut leaves an entry whole, torn or absent; a torn
one counts as a wrong guess. Called by `rarely`.
"""

import struct
from binascii import crc32

from tirta_format import state
from tirta_node import store

CHALLENGED = 1  # the first challenge of a boot
WRONG = 2  # a wrong guess
RIGHT = 3  # a login after wrong guesses
FLOOR = 4  # the value is a Unix time in s that is past

_SIZE = 8
_SPARE = 64  # entries that a boot may need without an erase
_ERASED = b"\xff" * _SIZE
_PADDING = bytes(_SPARE * _SIZE)
_LOST = "the state partition does not keep what is written"


class Diary:
    """`sequence` and `used` together only grow, whatever happens to the power; `wrong` guesses came
    since the last right one; `floor_s` is a Unix time that is past, 0 when nothing is known;
    `fields` are the state's that this module cares for.
    """

    def __init__(self, flash):
        self._flash = flash
        self._load()

    def _load(self):
        self._first, self.sequence, end, self.fields = _newest(self._flash)
        self._start = end
        self.room = (-end % self._flash.BLOCK) // _SIZE
        self.floor_s = int.from_bytes(self.fields.get(state.FLOOR, b""), "little")
        self.wrong = self.fields.get(state.GUESSES, b"\0")[0]
        self.used = 0
        entry = bytearray(_SIZE)
        skipped = 0
        for i in range(self.room):
            self._flash.read(self._first, end + i * _SIZE, entry)
            if entry == _ERASED:
                skipped += 1  # torn, if another one follows
                continue
            self.wrong = min(255, self.wrong + skipped)
            skipped = 0
            self.used = i + 1
            self._take(entry)

    def _take(self, entry):
        kind, value = struct.unpack_from("<BI", entry)
        if entry != _entry(kind, value) or kind == WRONG:
            self.wrong = min(255, self.wrong + 1)
        elif kind == RIGHT:
            self.wrong = 0
        elif kind == FLOOR:
            self.floor_s = max(self.floor_s, value)

    def tidy(self):
        """At a start: make room for what this boot may bring, while no sample waits."""
        if self.room - self.used < _SPARE:
            self._renew()

    def add(self, kind, value=0):
        """Program an entry. Raises OSError when it does not read back."""
        if self.used >= self.room:
            self._renew()
        entry = _entry(kind, value)
        at = self._start + self.used * _SIZE
        self._flash.program(self._first, at, entry)
        back = bytearray(_SIZE)
        self._flash.read(self._first, at, back)
        self.used += 1
        if back != entry:
            raise OSError(_LOST)
        self._take(entry)

    def _renew(self):
        """The copy anew, with what the entries came to and room behind it."""
        old = self.fields.get(state.GUESSES, b"\0\0")
        head = bytes((self.wrong, (old[1] + 1) & 255))
        floor = struct.pack("<I", self.floor_s)
        for padding in (b"", _PADDING):
            guesses = head + padding
            store.change(self._flash, {state.FLOOR: floor, state.GUESSES: guesses})
            self._load()
            if self.room >= _SPARE:
                return


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
        raise OSError("no state on this board")
    return found


def _copy(flash, first):
    """The same of the copy that begins at block `first`, or None when it is not whole."""
    head = bytearray(state.HEADER_SIZE)
    flash.read(first, 0, head)
    n = state.length(head, flash.blocks // 2 * flash.BLOCK)
    if not n or head[4] != state.VERSION:
        return None
    end = bytearray(4)
    flash.read(first, n - 4, end)
    if _crc(flash, first, n - 4) != struct.unpack("<I", end)[0]:
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


def _crc(flash, first, n):
    piece = bytearray(256)
    crc = 0
    for at in range(0, n, 256):
        part = memoryview(piece)[: min(256, n - at)]
        flash.read(first, at, part)
        crc = crc32(part, crc)
    return crc


def _entry(kind, value):
    head = struct.pack("<BI", kind, value)
    return head + struct.pack("<I", crc32(head))[:3]

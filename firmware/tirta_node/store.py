# SPDX-License-Identifier: MIT
"""The state partition on flash: two copies, the older of which is replaced (FORMAT.md section 7).

Whatever happens during a save, one whole copy remains: the old or the new.
"""

from tirta_format import state


class Store:
    """`fields` maps the tags of `tirta_format.state` to bytes."""

    def __init__(self, flash):
        self._flash = flash
        self._half = flash.blocks // 2
        self._index = -1
        self._sequence = 0
        self.fields = {}

    def load(self):
        """Read the copy in force into `fields`."""
        found = state.newest(self._read(0), self._read(1))
        self._index, self._sequence, self.fields = found

    def save(self, tag, data):
        """Change one field. Raises OSError when the copy does not read back."""
        fields = dict(self.fields)
        fields[tag] = data
        copy = state.encode(self._sequence + 1, fields)
        index = 1 if self._index == 0 else 0
        first = index * self._half
        for block in range((len(copy) + self._flash.BLOCK - 1) // self._flash.BLOCK):
            self._flash.erase(first + block)
        self._flash.program(first, 0, copy)
        if self._read(index) != (self._sequence + 1, fields):
            raise OSError("the state partition does not keep what is written")
        self._index, self._sequence, self.fields = index, self._sequence + 1, fields

    def _read(self, index):
        first = index * self._half
        head = bytearray(state.HEADER_SIZE)
        self._flash.read(first, 0, head)
        n = state.length(head, self._half * self._flash.BLOCK)
        if not n:
            return None
        copy = bytearray(n)
        self._flash.read(first, 0, copy)
        return state.decode(copy)

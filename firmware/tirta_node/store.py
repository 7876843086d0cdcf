# SPDX-License-Identifier: MIT
"""The state partition on flash: two copies, the older of which is replaced (FORMAT.md section 7).

Whatever happens during a change, one whole copy remains: the old or the new. Called by `rarely`.
"""

from tirta_format import state


def config(flash):
    """The text of the config in force, or nothing."""
    return _load(flash)[2].get(state.CONFIG, b"")


def change_config(flash, text):
    """Put another config in force. Raises OSError when the copy does not read back."""
    index, sequence, fields = _load(flash)
    fields = dict(fields)
    fields[state.CONFIG] = text
    copy = state.encode(sequence + 1, fields)
    half = flash.blocks // 2
    index = 1 if index == 0 else 0
    for block in range((len(copy) + flash.BLOCK - 1) // flash.BLOCK):
        flash.erase(index * half + block)
    flash.program(index * half, 0, copy)
    if _read(flash, index) != (sequence + 1, fields):
        raise OSError("the state partition does not keep what is written")


def _load(flash):
    return state.newest(_read(flash, 0), _read(flash, 1))


def _read(flash, index):
    half = flash.blocks // 2
    head = bytearray(state.HEADER_SIZE)
    flash.read(index * half, 0, head)
    n = state.length(head, half * flash.BLOCK)
    if not n:
        return None
    copy = bytearray(n)
    flash.read(index * half, 0, copy)
    return state.decode(copy)

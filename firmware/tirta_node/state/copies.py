# SPDX-License-Identifier: MIT
"""The state partition on flash: two copies, the older of which is replaced (FORMAT.md section 7).

Whatever happens during a change, one whole copy remains: the old or the new. Every copy is written
here, and holds what the entries behind the one before it came to, so no writer forgets a login.
A copy is written field by field: RAM has no room for it beside two long configs. Called by
`unload`.
"""

import struct
from binascii import crc32

from micropython import const

from tirta_format import staging, state

_PIECE = const(512)


def config(flash):
    """The text of the config that this boot runs with, on trial or in force, or nothing."""
    fields = load(flash)
    return tried(fields) or fields.get(state.CONFIG, b"")


def tried(fields):
    """The text of the config that this boot tries, or nothing: its test took two boots."""
    staged = fields.get(staging.STAGED, b"\0")
    return staged[staging.HEAD_SIZE :] if staged[0] > 2 else b""


def secrets(fields):
    """The passwords that this boot runs with, on trial or in force, or nothing."""
    offered = fields.get(staging.TRIED_SECRETS) if tried(fields) else None
    return offered or fields.get(staging.SECRETS, b"")


def runs_with(flash):
    """(hash of the config that this boot runs with, `trial`, `active` or `none`, its passwords)."""
    fields = load(flash)
    text, how = tried(fields), "trial"
    if not text:
        text = fields.get(state.CONFIG, b"")
        how = "active" if state.CONFIG in fields else "none"
    return state.config_hash(text), how, secrets(fields)


def mode(flash):
    """`locked`, `open`, or nothing."""
    return load(flash).get(state.MODE, b"")


def load(flash):
    """What is in force: {tag: bytes}, empty when neither copy is whole."""
    return newest(flash)[2]


def change(flash, changes):
    """Put other fields into force, all or none: {tag: bytes, or None to take the field out}.

    Time floor and wrong guesses stay what copy and entries come to, unless `changes` has them.
    Returns whether anything had to be written. Raises OSError when the copy does not read back or
    would be too long.
    """
    index, sequence, old = newest(flash)
    if index >= 0:
        _learned(flash, index, old).put_into(old)
    fields = dict(old)
    for tag, value in changes.items():
        if value is None:
            fields.pop(tag, None)
        else:
            fields[tag] = value
    if fields == old:
        return False
    n = sum([3 + len(value) for value in fields.values()])
    size = state.HEADER_SIZE + n + 4
    half = flash.blocks // 2
    if size > half * flash.BLOCK:
        raise OSError("the state partition has no room for %d bytes" % size)
    first = half if index == 0 else 0
    for block in range((size + flash.BLOCK - 1) // flash.BLOCK):
        flash.erase(first + block)
    head = state.head(sequence + 1, n)
    flash.program(first, 0, head)
    crc = crc32(head)
    at = len(head)
    for tag in sorted(fields):
        for part in (struct.pack("<BH", tag, len(fields[tag])), fields[tag]):
            flash.program(first, at, part)
            crc = crc32(part, crc)
            at += len(part)
    flash.program(first, at, struct.pack("<I", crc))
    if crc_of(flash, first, at) != crc or not ends_with(flash, first, at, crc):
        raise OSError("the state partition does not keep what is written")
    return True


def damage(flash, in_force):
    """What is wrong with the copies but the one in force (its index, or -1), as a text; nothing
    when the spare one was never written.
    """
    for index in (0, 1):
        if index == in_force or _head(flash, index) == b"\xff" * state.HEADER_SIZE:
            continue
        if in_force < 0:
            return "both copies of the state are damaged: flash the node"
        if _read(flash, index) is None:
            return "a copy of the state is damaged or was cut off; the other one is in force"
    return ""


def newest(flash):
    """(index of the copy in force, its sequence, its fields); index -1 when neither is whole."""
    return state.newest((_head(flash, 0), _head(flash, 1)), lambda index: _read(flash, index))


def _learned(flash, index, fields):
    """The Sum of these fields of a copy and the entries behind it."""
    from tirta_format import entries  # which those who only read a config do without

    found = entries.Sum(fields)
    first = index * (flash.blocks // 2)
    end = state.length(_head(flash, index), flash.blocks // 2 * flash.BLOCK)
    found.read(behind(flash, first, end))
    return found


def behind(flash, first, end):
    """Yield what lies in each place for an entry behind a copy of `end` bytes at block `first`."""
    piece = bytearray(_PIECE)
    size = -end % flash.BLOCK & ~7
    while size:
        part = memoryview(piece)[: min(size, _PIECE)]
        flash.read(first, end, part)
        for at in range(0, len(part), 8):
            yield bytes(part[at : at + 8])
        end += len(part)
        size -= len(part)


def _head(flash, index):
    head = bytearray(state.HEADER_SIZE)
    flash.read(index * (flash.blocks // 2), 0, head)
    return head


def _read(flash, index):
    half = flash.blocks // 2
    n = state.length(_head(flash, index), half * flash.BLOCK)
    if not n:
        return None
    copy = bytearray(n)
    flash.read(index * half, 0, copy)
    return state.decode(copy)


def crc_of(flash, first, size):
    """CRC-32 of `size` bytes from block `first` on, read in pieces."""
    piece = bytearray(256)
    crc = 0
    for at in range(0, size, 256):
        part = memoryview(piece)[: min(256, size - at)]
        flash.read(first, at, part)
        crc = crc32(part, crc)
    return crc


def ends_with(flash, first, at, crc):
    """Whether the four bytes at `at` are that CRC."""
    tail = bytearray(4)
    flash.read(first, at, tail)
    return struct.unpack("<I", tail)[0] == crc

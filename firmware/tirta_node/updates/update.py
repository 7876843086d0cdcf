# SPDX-License-Identifier: MIT
"""Requests that bring another application into the slot that is not running. Called by `unload`.

The laptop sends the blocks of a LittleFS image that differ; each is erased and programmed between
samples, and read back. Only when the whole slot is what the laptop meant does one write of the
state put it on trial (start_trial.py). Nothing depends on what is kept here: a cable that was
pulled and a power cut cost the block under way.
"""

import json
import struct
import sys
import time
from binascii import crc32

from micropython import const

from tirta_format import frame, state, updates
from tirta_node import unload
from tirta_node.hal import chip
from tirta_node.hal.flash import SlotBlocks

_HASHES = const(16)  # blocks in one answer: 10 ms
_PIECE = const(256)
_ATTEMPT = "tirta_node.updates.start_trial"
_OTHER = {b"a": b"b", b"b": b"a"}


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises KeyError for an unknown one, OSError when the flash refuses."""
    fields = unload.call("tirta_node.state.copies", "load", chip.partition("state"))
    # Not the one that runs nor, in the rescue, the one in force.
    slot = _OTHER.get(node.slot or fields.get(state.SLOT), b"a")
    if kind == updates.TRY:
        unload.call(_ATTEMPT, "begin", node, console, sequence, bytes(payload), slot)
        return
    if kind == updates.SLOTS:
        answer = _slots(node, fields, slot)
    elif kind == updates.BACK:
        answer = unload.call(_ATTEMPT, "back", node, fields)
    elif kind == updates.BEGIN:
        answer = _begin(node, console, fields, slot)
    elif kind <= updates.WRITE:
        answer = "the update was not begun"  # or was cut off by a restart
    else:
        raise KeyError(kind)
    if isinstance(answer, str):
        console.refuse(sequence, updates.REFUSED, answer)
    else:
        console.answer(kind, sequence, answer)


def flash_of(slot):
    """The flash of slot `a` or `b`."""
    return chip.partition("app_" + slot.decode())


def _slots(node, fields, other):
    trial = fields.get(state.TRIAL)
    return json.dumps(
        {
            "running": node.slot.decode(),
            "version": node.version,
            "board": node.board,
            "micropython": "%d.%d.%d" % sys.implementation.version[:3],
            "mpy": getattr(sys.implementation, "_mpy", 0),
            "other": other.decode(),
            "blocks": flash_of(other).blocks,
            "block": SlotBlocks(flash_of(node.slot or other)).block,
            "trial": trial[2:].split(b"\0")[1].decode() if trial else "",
            "boots": trial[1] if trial else 0,
            "previous": fields.get(state.PREVIOUS, b"")[1:].decode(),
            "begun": updates.BEGUN in fields,
        }
    ).encode()


def _begin(node, console, fields, slot):
    """From here on the other slot is nothing to go back to."""
    if state.TRIAL in fields and node.slot:
        return "an update is on trial: wait until it is decided"
    changes = {state.TRIAL: None, state.PREVIOUS: None, updates.BEGUN: slot}
    unload.call("tirta_node.state.copies", "change", chip.partition("state"), changes)
    session = _Session(node, console, slot)
    node.dispatcher.lend(
        {
            updates.HASHES: session.hashes,
            updates.ERASE: session.erase,
            updates.WRITE: session.write,
        }
    )
    return slot


class _Session:
    """What fills a slot. It stays in RAM until the slot is tried or the node restarts."""

    def __init__(self, node, console, slot):
        self._node = node
        self._console = console
        self._flash = flash_of(slot)

    def hashes(self, sequence, payload):
        """u16 first block, u8 how many: their CRC-32."""
        first, count = struct.unpack("<HB", payload)
        flash = self._flash
        piece = bytearray(_PIECE)
        answer = b""
        for block in range(first, min(first + min(count, _HASHES), flash.blocks)):
            crc = 0
            for at in range(0, flash.BLOCK, _PIECE):
                flash.read(block, at, piece)
                crc = crc32(piece, crc)
            answer += struct.pack("<I", crc)
        self._console.answer(updates.HASHES, sequence, answer)

    def erase(self, sequence, payload):
        """u16 block. A block that was erased before is erased again: that may have been cut."""
        (block,) = struct.unpack("<H", payload)
        if block >= self._flash.blocks:
            raise ValueError("the slot has no such block")
        node = self._node
        sampler = node.sampler
        if sampler is not None:
            args = sampler.cells, sampler.state, time.ticks_ms(), sampler.parts
            if sampler.tick(*args) < node.keeper.erase_room_ms:
                text = "no time for an erase before the next sample"
                self._console.refuse(sequence, frame.NOT_NOW, text)
                return
        self._flash.erase(block)
        self._console.answer(updates.ERASE, sequence, b"")

    def write(self, sequence, payload):
        """u16 block, u16 offset, bytes: into what is erased; the same bytes again do nothing."""
        block, offset = struct.unpack("<HH", payload[:4])
        data = bytes(payload[4:])
        flash = self._flash
        if block >= flash.blocks or offset + len(data) > flash.BLOCK:
            raise ValueError("the slot has no such place")
        have = bytearray(len(data))
        flash.read(block, offset, have)
        if have != data:
            if have != b"\xff" * len(have):
                self._console.refuse(sequence, updates.REFUSED, "that place is not erased")
                return
            flash.program(block, offset, data)
            flash.read(block, offset, have)
            if have != data:
                raise OSError("the flash does not keep what is written")
        self._console.answer(updates.WRITE, sequence, b"")

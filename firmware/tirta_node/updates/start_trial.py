# SPDX-License-Identifier: MIT
"""Puts the application in the other slot on trial, a new one or the one before. Called by `unload`.

A new one is hashed first, a block a step while the node samples, and its manifest is read. Then one
write of the state decides, and the node restarts into it.
"""

import gc
import hashlib
import json
import os

import vfs
from micropython import const

from tirta_format import frame, meta, state, updates
from tirta_format import page as pages
from tirta_node import unload
from tirta_node.hal import chip
from tirta_node.hal.flash import SlotBlocks
from tirta_node.line.console import RESTART

_MOUNT = "/new"
_PIECE = const(256)
_END = const(200)  # bytes of a manifest: a locked node may lack the heap for all of its 14 KB
_REQUEST_BYTES = const(33)  # u8 flags, SHA-256 of the whole slot


def begin(node, console, sequence, payload, slot):
    """Hash the slot; the answer comes when that is done."""
    if len(payload) != _REQUEST_BYTES:
        raise ValueError("the request is %d bytes long" % len(payload))
    node.dispatcher.lend({updates.HASHES: None, updates.ERASE: None, updates.WRITE: None})
    console.stream = _Hashing(node, console, sequence, payload, slot).step


def back(node, fields):
    """Try the previous application again: it has to prove itself as a new one has."""
    previous = fields.get(state.PREVIOUS)
    if state.TRIAL in fields:
        return "an update is on trial: it ends by itself"
    if not previous:
        return "there is no previous application"
    return _start_trial(node, previous[:1], previous[1:].decode())


def _start_trial(node, slot, version):
    """One write, and then the restart. Raises OSError when that write fails."""
    old, new = node.version.encode(), version.encode()
    changes = {state.TRIAL: slot + b"\0" + old + b"\0" + new}
    changes.update({state.OUTCOME: None, updates.BEGUN: None})
    unload.call("tirta_node.state.copies", "change", chip.partition("state"), changes)
    if node.sampler:
        node.keeper.settle(_note, node, updates.TRIAL, old, new)
    node.dispatcher.wish = RESTART
    node.stop_reason = meta.STOP_RESTART
    return json.dumps({"from": node.version, "to": version}).encode()


def _note(node, *what):
    log = node.keeper.log
    log.version = pages.OLDEST  # what any application goes on behind
    log.close_other()
    log.note(updates.record(node.clock.uptime_ms(), *what))


class _Hashing:
    def __init__(self, node, console, sequence, payload, slot):
        self._node = node
        self._console = console
        self._sequence = sequence
        self._flags = payload[0]
        self._wanted = payload[1:]
        self._slot = slot
        self._flash = chip.partition("app_" + slot.decode())
        self._hash = hashlib.sha256()
        self._block = 0

    def step(self):
        """One block, some 5 ms on the chip; after the last one the answer."""
        flash = self._flash
        if self._block < flash.blocks:
            piece = bytearray(_PIECE)
            for at in range(0, flash.BLOCK, _PIECE):
                flash.read(self._block, at, piece)
                self._hash.update(piece)
            self._block += 1
            return
        self._console.stream = None
        try:
            answer = self._finish()
        except OSError as error:
            self._console.refuse(self._sequence, frame.FLASH_FAILED, str(error))
            return
        if isinstance(answer, str):
            self._console.refuse(self._sequence, updates.REFUSED, answer)
        else:
            self._console.answer(updates.TRY, self._sequence, answer)

    def _finish(self):
        node = self._node
        if self._hash.digest() != self._wanted:
            return "the slot does not hold what was sent: send it again"
        version, board = _manifest(self._flash)
        if node.board not in ("", board):
            return "that firmware is for board " + board
        is_older = updates.order(version) < updates.order(node.version)
        if is_older and not self._flags & updates.DOWNGRADE:
            return "firmware %s is older than %s" % (version, node.version)
        return _start_trial(node, self._slot, version)


def _manifest(flash):
    """(version, board) of the application on this flash. Raises OSError when there is none."""
    gc.collect()
    vfs.mount(vfs.VfsLfs2(SlotBlocks(flash)), _MOUNT)  # type: ignore[arg-type]
    try:
        if "app.mpy" not in os.listdir(_MOUNT):
            raise OSError("the slot holds no application")
        with open(_MOUNT + "/manifest.json") as file:  # its keys are sorted: both stand at an end
            head = file.read(_END)
            size = file.seek(0, 2)
            file.seek(max(0, size - _END))
            return _value(file.read(), "version"), _value(head, "board")
    except ValueError:
        raise OSError("the slot holds no manifest")
    finally:
        vfs.umount(_MOUNT)


def _value(text, key):
    """What the JSON text says of a key, a string. Raises ValueError when it says nothing."""
    _, found, rest = text.partition('"%s":"' % key)
    value, ends, _ = rest.partition('"')
    if not (found and ends):
        raise ValueError
    return value

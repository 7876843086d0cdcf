# SPDX-License-Identifier: MIT
"""Requests about keys, modes and the way to the REPL (FORMAT.md section 13). Called by `unload`.

On a locked node the gate has checked the role before. Each change is in the log before it is done:
none goes unrecorded, whatever cuts it.
"""

import struct

from micropython import const

from tirta_format import access, access_log, frame, meta, state
from tirta_node.access import login
from tirta_node.hal import chip, mark
from tirta_node.line.console import RESTART
from tirta_node.requests.digest import Digest
from tirta_node.state import copies

_CBC = const(2)  # cryptolib's number for it
_IV = const(16)
_ARMED = const(1)  # frozen/slot.py: the next hard reset opens the REPL


def handle(node, console, kind, sequence, payload):
    """Answer one request."""
    if kind == access.DIGEST:
        first, offset, last, end = struct.unpack(access.DIGEST_REQUEST, payload)
        Digest(node, sequence).start(first, offset, last, end)
        return
    change = {
        access.KEY: _key,
        access.MODE: _mode,
        access.UNLOCK: _unlock,
        access.FLOOR: _floor,
    }.get(kind)
    if change is None:
        console.refuse(sequence, frame.BAD_REQUEST, "this firmware has no such request")
        return
    problem = change(node, bytes(payload))
    if problem:
        console.refuse(sequence, frame.NOT_NOW, problem)
    else:
        console.answer(kind, sequence, b"")


def _who(node):
    """Role and serial of the session, or ANYONE in open mode."""
    if node.gate is None:
        return access.ANYONE, 0
    return struct.unpack(access.CLAIMS, node.gate.claims)[:2]


def _key(node, payload):
    """Another node key, encrypted under the session's."""
    if node.gate is None:
        return "an open node has no session: lock it with its key"
    if len(payload) != _IV + access.KEY_SIZE:
        raise ValueError("a key comes in %d bytes" % (_IV + access.KEY_SIZE))
    import cryptolib

    cipher = cryptolib.aes(node.gate.keys[2], _CBC, payload[:_IV])
    login.note(node, access_log.KEY, *_who(node))
    copies.change(chip.partition("state"), {state.KEY: cipher.decrypt(payload[_IV:])})
    node.gate.offer = b""  # it names the key
    return ""


def _floor(node, payload):
    """Another time floor, perhaps an earlier one."""
    if node.gate is None:
        return "an open node asks for no credential"
    if len(payload) != 4:
        raise ValueError("a floor comes in 4 bytes")
    login.note(node, access_log.FLOOR, *_who(node))
    copies.change(chip.partition("state"), {state.FLOOR: payload})
    return ""


def _mode(node, payload):
    """Locked with this key, or open; in force after a restart."""
    if len(payload) == 1 + access.KEY_SIZE and payload[0] == 1:
        if node.gate is not None:
            return "the node is locked already"
        changes = {state.MODE: b"locked", state.KEY: payload[1:]}
    elif payload == b"\0":
        changes = {state.MODE: b"open"}
    else:
        raise ValueError("no such mode")
    login.note(node, access_log.MODE, *_who(node))
    if changes[state.MODE] == b"open":
        mark.put(False)  # a cut behind it leaves a locked state, which marks itself again
    copies.change(chip.partition("state"), changes)
    node.dispatcher.wish = RESTART
    node.stop_reason = meta.STOP_RESTART
    return ""


def _unlock(node, payload):
    """The REPL, until the next hard reset."""
    if node.gate is None:
        return "the node is open: mpremote reaches it as it is"
    if payload:
        raise ValueError("unlock says nothing else")
    login.note(node, access_log.REPL, *_who(node))
    chip.keep_visit(node.config["visit_s"], _ARMED)
    node.dispatcher.wish = RESTART
    node.stop_reason = meta.STOP_VISIT
    return ""

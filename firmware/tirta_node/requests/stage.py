# SPDX-License-Identifier: MIT
"""Requests that end the bringing of a config: it is checked, then tried (0x30) or put into force.
Called by `unload`.

The rules of a config take most RAM of all, a checkpoint of the log comes next. So nothing lies
beside either: each is loaded for itself, and this file imports no more than it must.
"""

import json
import struct

from micropython import const

from tirta_format import frame, meta, staging
from tirta_node import unload
from tirta_node.line.console import RESTART

_LEAST_S, _MOST_S = const(10), const(3600)
_STORE = const("tirta_node.state.copies")
_TRIAL = const("tirta_node.state.config_trial")


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises ValueError for a payload that makes no sense, OSError when the
    flash refuses.
    """
    seconds = 0
    if kind == staging.STAGE:
        wanted, seconds = struct.unpack("<IH", payload)
        if not _LEAST_S <= seconds <= _MOST_S:
            raise ValueError("a trial lasts %d to %d s" % (_LEAST_S, _MOST_S))
    else:
        (wanted,) = struct.unpack("<I", payload)
    flash = unload.call("tirta_node.hal.chip", "partition", "state")
    runs, how, secrets = unload.call(_STORE, "runs_with", flash)
    if runs != wanted or node.dispatcher.secrets not in (b"", secrets):
        refused = _refused(node, wanted)
        if refused:
            node.dispatcher.secrets = b""
            console.refuse(sequence, frame.CONFIG_REFUSED, refused)
            return
        _keep(node, flash, seconds)
        node.dispatcher.wish = RESTART
        node.stop_reason = meta.STOP_CONFIG
        how = "staged" if seconds else "restarting"
    elif not seconds:
        how = "active"
    console.answer(kind, sequence, json.dumps({"hash": wanted, "state": how}).encode())


def _keep(node, flash, seconds):
    """Store the config, and its passwords. A checkpoint before it: the next boot must not add up
    records of an old one.
    """
    if node.sampler:
        node.keeper.settle(node.keeper.log.checkpoint)
    text, secrets = bytes(node.dispatcher.upload), node.dispatcher.secrets
    if seconds:
        changes = unload.call(_TRIAL, "stage", text, seconds, secrets)
    else:
        changes = unload.call(_TRIAL, "put_into_force", text, secrets)
    unload.call(_STORE, "change", flash, changes)


def _refused(node, wanted):
    """Why the config that was brought cannot be used, or nothing."""
    text = node.dispatcher.upload
    came = unload.call("tirta_format.state", "config_hash", text)
    if node.dispatcher.have != len(text) or came != wanted:
        raise ValueError("the config did not arrive whole: send it again")
    try:
        made = unload.call("tirta_node.state.config_rules", "parse", text)
    except ValueError as error:
        return str(error)
    if "uplink" in made and node.gate is None:
        return "config: uplink: an open node has none. Lock it first: tirta lock PORT"
    return "" if made["board"] == node.board else "config: board: this is " + node.board

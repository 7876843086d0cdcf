# SPDX-License-Identifier: MIT
"""Requests that look at or change how the node is set up. Called by `rarely`.

A config comes in parts, is checked, stored, and in force after a restart.
"""

import json
import struct

from tirta_format import config, frame, meta
from tirta_node import commands

_PART = 1024


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises ValueError for a payload that makes no sense, OSError when the
    flash refuses.
    """
    answer = {
        frame.CONFIG_GET: _config_get,
        frame.CONFIG_PUT: _config_put,
        frame.CONFIG_APPLY: _config_apply,
        frame.CLOCK_SET: _clock_set,
        frame.RESTART: _restart,
    }[kind](node, bytes(payload))
    if isinstance(answer, str):
        console.refuse(sequence, frame.CONFIG_REFUSED, answer)
    else:
        console.answer(kind, sequence, answer)


def _config_get(node, payload):
    (offset,) = struct.unpack("<H", payload)
    text = node.config_text()
    return struct.pack("<H", len(text)) + text[offset : offset + _PART]


def _config_put(node, payload):
    length, offset = struct.unpack("<HH", payload[:4])
    part = payload[4:]
    if length > config.MAX_BYTES or offset + len(part) > length:
        raise ValueError("config is longer than %d bytes" % config.MAX_BYTES)
    upload = node.commands
    if offset == 0:
        upload.upload = bytearray(length)
        upload.have = 0
    if len(upload.upload) == length and offset == upload.have:
        upload.upload[offset : offset + len(part)] = part
        upload.have += len(part)
    return struct.pack("<H", upload.have)


def _config_apply(node, payload):
    """The answer, or as text why the config is refused."""
    (wanted,) = struct.unpack("<I", payload)
    text = bytes(node.commands.upload)
    if node.commands.have != len(text) or config.config_hash(text) != wanted:
        if wanted == node.keeper.log.config_hash:
            return json.dumps({"hash": wanted, "state": "active"}).encode()
        raise ValueError("the config did not arrive whole: send it again")
    try:
        config.parse(text)
    except ValueError as error:
        return str(error)
    node.keep_config(text)
    _leave(node, commands.RESTART, meta.STOP_CONFIG)
    return json.dumps({"hash": wanted, "state": "restarting"}).encode()


def _clock_set(node, payload):
    unix_ms, uncertainty_ms = struct.unpack("<QI", payload)
    node.set_clock(unix_ms, meta.CLOCK_LAPTOP, uncertainty_ms)
    return json.dumps({"clock": node.clock.quality()}).encode()


def _restart(node, payload):
    (how,) = struct.unpack("<B", payload)
    if how == 1:
        _leave(node, commands.VISIT, meta.STOP_VISIT)
    else:
        _leave(node, commands.RESTART, meta.STOP_RESTART)
    return b""


def _leave(node, wish, reason):
    node.commands.wish = wish
    node.stop_reason = reason

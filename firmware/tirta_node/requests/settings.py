# SPDX-License-Identifier: MIT
"""Requests that look at or change how the node is set up. Called by `unload`.

A config comes in parts; what becomes of it is in stage.py.
"""

import json
import struct

from micropython import const

from tirta_format import config, frame, meta
from tirta_node.line.console import RESTART, VISIT

_PART = const(1024)


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises KeyError for an unknown one, ValueError for a payload without
    sense, OSError when the flash refuses.
    """
    answer = {  # a config that has come is stage.py's
        frame.CONFIG_GET: _config_get,
        frame.CONFIG_PUT: _config_put,
        frame.CLOCK_SET: _clock_set,
        frame.RESTART: _restart,
    }[kind](node, bytes(payload))
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
    upload = node.dispatcher
    if offset == 0:
        upload.upload = bytearray(length)
        upload.have = 0
    if len(upload.upload) == length and offset == upload.have:
        upload.upload[offset : offset + len(part)] = part
        upload.have += len(part)
    return struct.pack("<H", upload.have)


def _clock_set(node, payload):
    unix_ms, uncertainty_ms = struct.unpack("<QI", payload)
    from tirta_node.start import clock_notes

    answer = {}
    if not clock_notes.put(node, unix_ms, meta.CLOCK_LAPTOP, uncertainty_ms):
        answer["refused_by"] = node.config["clock"]
    answer["clock"] = node.clock.quality()
    return json.dumps(answer).encode()


def _restart(node, payload):
    (how,) = struct.unpack("<B", payload)
    if how == 1:
        if node.gate is not None:
            raise ValueError("the way to the REPL of a locked node is: tirta unlock")
        _leave(node, VISIT, meta.STOP_VISIT)
    else:
        _leave(node, RESTART, meta.STOP_RESTART)
    return b""


def _leave(node, wish, reason):
    node.dispatcher.wish = wish
    node.stop_reason = reason

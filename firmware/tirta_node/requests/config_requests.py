# SPDX-License-Identifier: MIT
"""Requests 0x31 to 0x37: a config on trial, the self-test, who the node is. Called by `unload`."""

import json
import struct
import time

from tirta_format import frame, staging, state
from tirta_node import unload

_STORE = "tirta_node.state.copies"
_CBC = 2  # cryptolib's number for it
_SLACK_MS = 1500  # a change of the state erases up to four blocks


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises ValueError for a payload that makes no sense, OSError when the
    flash refuses.
    """
    try:
        answer = {
            staging.CONFIRM: _confirm,
            staging.TRIAL: _trial,
            staging.WHO: _identity,
            staging.WHO_PUT: _identity_put,
            staging.SECRETS_PUT: _secrets_put,
        }[kind](node, bytes(payload))
    except KeyError:
        console.refuse(sequence, frame.BAD_REQUEST, "this firmware has no such request")
        return
    if isinstance(answer, str):
        console.refuse(sequence, frame.CONFIG_REFUSED, answer)
    elif answer is None:
        console.refuse(sequence, frame.NOT_NOW, "a sample is due: ask again in a moment")
    else:
        console.answer(kind, sequence, json.dumps(answer).encode())


def _flash():
    return unload.call("tirta_node.hal.chip", "partition", "state")


def _trial(node, payload):
    from tirta_node.state import copies

    runs, how, _ = copies.runs_with(_flash())
    return {
        "hash": runs,
        "state": how,
        "problem": node.config_problem,
        "test": getattr(node, "tested", []),
    }


def _confirm(node, payload):
    from tirta_node.hal import one_shot
    from tirta_node.state import config_trial, copies

    (wanted,) = struct.unpack("<I", payload)
    flash = _flash()
    fields = copies.load(flash)
    text = copies.tried(fields) or fields.get(state.CONFIG, b"")
    if state.config_hash(text) != wanted:
        raise ValueError("the node runs with another config")
    if node.trial_s:
        if _hurried(node):
            return None
        tried = fields.get(staging.TRIED_SECRETS, b"")
        copies.change(flash, config_trial.put_into_force(text, tried))
        node.trial_s = 0
        one_shot.cancel()
        node.tested = []
    return {"hash": wanted, "state": "active"}


def _hurried(node):
    """Whether a sample falls due before something slow has ended, and waiting would help."""
    sampler = node.sampler
    if not sampler or sampler.groups[0].period_ms < 2 * _SLACK_MS:
        return False
    left_ms = sampler.tick(sampler.cells, sampler.state, time.ticks_ms(), sampler.parts)
    return left_ms < _SLACK_MS


def _identity(node, payload):
    fields = unload.call(_STORE, "load", _flash())
    return json.loads(fields.get(staging.IDENTITY, b"{}"))


def _identity_put(node, payload):
    if len(payload) > staging.IDENTITY_BYTES or not isinstance(json.loads(payload), dict):
        raise ValueError("identity must be an object of at most %d bytes" % staging.IDENTITY_BYTES)
    if _hurried(node):
        return None
    unload.call(_STORE, "change", _flash(), {staging.IDENTITY: payload})
    return {}


def _secrets_put(node, payload):
    """Passwords of an uplink, encrypted under the session's key; they are kept with the config that
    is staged or applied next.
    """
    if node.gate is None:
        return "an open node keeps no passwords. Lock it first: tirta lock PORT"
    if not 32 <= len(payload) <= 16 + staging.SECRETS_BYTES or len(payload) % 16:
        raise ValueError("passwords come in whole blocks behind 16 bytes")
    from cryptolib import aes

    text = aes(node.gate.keys[2], _CBC, payload[:16]).decrypt(payload[16:]).rstrip(b"\0")
    made = json.loads(text)
    if not isinstance(made, dict) or not all(isinstance(v, str) for v in made.values()):
        raise ValueError("passwords must be an object of texts")
    node.dispatcher.secrets = text
    return {}

# SPDX-License-Identifier: MIT
"""Requests 0x30 to 0x37: a config on trial, the self-test, who the node is. Called by `unload`.

The rules of a config need most RAM of all, so what stores one is loaded behind them.
"""

import json
import struct
import time

from tirta_format import frame, meta, staging, state
from tirta_node import unload
from tirta_node.line.console import RESTART

_STORE = "tirta_node.state.copies"
_CBC = 2  # cryptolib's number for it
_SLACK_MS = 1500  # a change of the state erases up to four blocks


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises ValueError for a payload that makes no sense, OSError when the
    flash refuses.
    """
    try:
        answer = {
            staging.STAGE: _stage,
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


def _stage(node, payload):
    """The answer, or as text why the config is refused."""
    wanted, seconds = struct.unpack("<IH", payload)
    if not staging.TRIAL_S[0] <= seconds <= staging.TRIAL_S[1]:
        raise ValueError("a trial lasts %d to %d s" % staging.TRIAL_S)
    flash = _flash()
    if wanted == state.config_hash(unload.call(_STORE, "config", flash)):
        return {"hash": wanted, "state": _state(flash)}
    text = bytes(node.dispatcher.upload)
    refused = _refused(node, text, wanted)
    if refused:
        return refused
    from tirta_node.state import config_trial

    return _leave_with(node, config_trial.stage(text, seconds), {"hash": wanted, "state": "staged"})


def put_into_force(node, payload):
    """A config that is not tried: the answer, or as text why it is refused."""
    (wanted,) = struct.unpack("<I", payload)
    if wanted == state.config_hash(unload.call(_STORE, "config", _flash())):
        return json.dumps({"hash": wanted, "state": "active"}).encode()
    text = bytes(node.dispatcher.upload)
    refused = _refused(node, text, wanted)
    if refused:
        return refused
    from tirta_node.state import config_trial

    answer = {"hash": wanted, "state": "restarting"}
    return json.dumps(_leave_with(node, config_trial.put_into_force(text), answer)).encode()


def _refused(node, text, wanted):
    """Why the config that was brought cannot be used, or nothing."""
    if node.dispatcher.have != len(text) or state.config_hash(text) != wanted:
        raise ValueError("the config did not arrive whole: send it again")
    try:
        made = unload.call("tirta_format.config", "parse", text)
    except ValueError as error:
        return str(error)
    if "uplink" in made and node.gate is None:
        return "config: uplink: an open node has none. Lock it first: tirta lock PORT"
    return "" if made["board"] == node.board else "config: board: this is " + node.board


def _flash():
    return unload.call("tirta_node.hal.chip", "partition", "state")


def _leave_with(node, changes, answer):
    from tirta_node.state import config_trial

    config_trial.keep(node, changes)
    node.dispatcher.wish = RESTART
    node.stop_reason = meta.STOP_CONFIG
    return answer


def _trial(node, payload):
    from tirta_node.state import copies

    flash = _flash()
    return {
        "hash": state.config_hash(copies.config(flash)),
        "state": _state(flash),
        "problem": node.config_problem,
        "test": getattr(node, "tested", []),
    }


def _state(flash):
    from tirta_node.state import copies

    fields = copies.load(flash)
    return "trial" if copies.tried(fields) else "active" if state.CONFIG in fields else "none"


def _confirm(node, payload):
    from tirta_node.hal import one_shot
    from tirta_node.state import config_trial, copies

    (wanted,) = struct.unpack("<I", payload)
    flash = _flash()
    text = copies.config(flash)
    if state.config_hash(text) != wanted:
        raise ValueError("the node runs with another config")
    if node.trial_s:
        if _hurried(node):
            return None
        copies.change(flash, config_trial.put_into_force(text))
        node.trial_s = 0
        one_shot.cancel()
        node.tested = []
    return {"hash": wanted, "state": "active"}


def _hurried(node):
    """Whether a sample falls due before something slow has ended, and waiting would help."""
    sampler = node.sampler
    if not sampler or node.config["interval_ms"] < 2 * _SLACK_MS:
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
    """Passwords of an uplink, encrypted under the session's key; in force with the next start."""
    if node.gate is None:
        return "an open node keeps no passwords. Lock it first: tirta lock PORT"
    if not 32 <= len(payload) <= 16 + staging.SECRETS_BYTES or len(payload) % 16:
        raise ValueError("passwords come in whole blocks behind 16 bytes")
    if _hurried(node):
        return None
    from cryptolib import aes

    text = aes(node.gate.keys[2], _CBC, payload[:16]).decrypt(payload[16:]).rstrip(b"\0")
    made = json.loads(text)
    if not isinstance(made, dict) or not all(isinstance(v, str) for v in made.values()):
        raise ValueError("passwords must be an object of texts")
    unload.call(_STORE, "change", _flash(), {staging.SECRETS: text})
    return {}

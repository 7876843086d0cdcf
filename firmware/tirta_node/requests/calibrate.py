# SPDX-License-Identifier: MIT
"""Requests 0x21 to 0x23: a calibration, those in force, what a probe reads now (FORMAT.md
sections 8.3 and 10). Called by `unload`. The rules of a config need most RAM of all: nothing else
is loaded beside them.
"""

import json

from tirta_format import calibration, frame, meta, state
from tirta_node import unload
from tirta_node.line.console import RESTART

_WHO = 32
_STORE, _RULES = "tirta_node.state.copies", "tirta_node.state.config_rules"


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises ValueError for a payload without sense."""
    payload = bytes(payload)
    if kind == calibration.PROBE:
        answer = json.dumps(_probe(node, payload.decode())).encode()
    elif kind == calibration.CALIBRATIONS:
        answer = unload.call(_STORE, "load", _flash()).get(calibration.TAG, b"{}")
    elif kind == calibration.CALIBRATE:
        problem = _calibrate(node, json.loads(payload))
        if problem:
            console.refuse(sequence, frame.CONFIG_REFUSED, problem)
            return
        answer = b"{}"
    else:
        console.refuse(sequence, frame.BAD_REQUEST, "this firmware has no such request")
        return
    console.answer(kind, sequence, answer)


def _flash():
    return unload.call("tirta_node.hal.chip", "partition", "state")


def _channel(channels, name):
    for i, channel in enumerate(channels):
        if channel["name"] == name:
            return i, channel
    raise ValueError("no channel " + name)


def _calibrate(node, asked):
    """What is wrong with it, or nothing: then it is logged, kept, and in force after a restart."""
    flash = _flash()
    fields = unload.call(_STORE, "load", flash)
    text = unload.call(_STORE, "tried", fields) or fields.get(state.CONFIG, b"")
    known = json.loads(fields.get(calibration.TAG, b"{}"))
    del fields
    made = unload.call(_RULES, "parse", text)
    name, keys = asked["c"], asked["k"]
    _, channel = _channel(made["channels"], name)
    sensor = channel["sensor"]
    wanted = calibration.KEYS.get(sensor, ())
    if not wanted or sorted(keys) != sorted(wanted):
        return "a %s is not calibrated by these keys" % sensor
    slope = keys.get("slope", calibration.LEAST_SLOPE)
    if not calibration.LEAST_SLOPE <= slope <= calibration.MOST_SLOPE:
        return "the slope is not 85 to 105 % of Nernst's"
    before = known.get(name)
    if before is not None and (before["unix"], before["keys"]) == (asked["t"], keys):
        return ""  # the request came twice
    base = {key: channel[key] for key in wanted}
    old = base
    if before is not None and calibration.holds(channel, before):
        old = before["keys"]
    scale = channel["scale"]
    channel.update(keys)
    wrong = unload.call(_RULES, "check", made)
    if wrong:
        return "%s %s" % wrong[0]
    known[name] = {
        "sensor": sensor, "scale": scale, "base": base, "keys": keys, "unix": asked["t"],
        "method": asked["m"],
    }  # fmt: skip
    points = [json.dumps(what) for what in (old, keys, asked["p"])]
    texts = [asked["m"], asked["w"][:_WHO]] + points
    # First the log: what is in force without a record would be silently wrong.
    node.keeper.log.note(calibration.record(node.clock.uptime_ms(), name, asked["t"], texts))
    unload.call(_STORE, "change", flash, {calibration.TAG: json.dumps(known).encode()})
    node.dispatcher.wish = RESTART
    node.stop_reason = meta.STOP_CONFIG
    return ""


def _probe(node, name):
    """What the channel's converter gives at this moment, in microvolts."""
    if not node.sampler:
        raise ValueError("the node samples nothing")
    channels = json.loads(node.config_text())["channels"]
    index, channel = _channel(channels, name)
    if channel["sensor"] not in calibration.KEYS:
        raise ValueError("a %s is not calibrated here" % channel["sensor"])
    read = unload.call("tirta_node.sampling.out_of_turn", "read", node.sampler, channels, index)
    answer = dict(zip(("raw", "flag", "centi"), read))
    answer["ms"] = node.clock.uptime_ms()
    return answer

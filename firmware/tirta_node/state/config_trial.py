# SPDX-License-Identifier: MIT
"""A config on *trial*, and one that failed (FORMAT.md section 8.0). Called by `unload`, rarely.

A trial begins with the boot after its staging and ends when a laptop confirms it. A boot that finds
one begun, and had no power cut before it, goes back to the config in force and keeps why.
"""

import json
import struct

from tirta_format import meta, staging, state
from tirta_node import unload
from tirta_node.hal import chip
from tirta_node.state import copies

_MOST_BOOTS = 5  # two for the test, one for the trial, and power cuts that it outlives
_POWER = ("power on", "brown-out")
_REASON_BYTES = 120


def choose(node, flash, fields):
    """The text that this boot runs with; counts the boot when that is on trial."""
    staged = fields.get(staging.STAGED)
    if staged:
        boots, seconds = struct.unpack(staging.HEAD, staged[: staging.HEAD_SIZE])
        text = staged[staging.HEAD_SIZE :]
        again = meta.CAUSES[chip.reset_cause()] in _POWER and boots < _MOST_BOOTS
        try:
            if boots in (staging.NEW, staging.TESTED) or again:
                _count(flash, boots, seconds, text)
                if boots < staging.TESTED:
                    _test(node, flash, seconds, text)
                node.trial_s = seconds
                node.config_problem = ""
                node.tested = json.loads(fields.get(staging.REASON, b"[]"))
                return text
            roll_back(flash, "restarted before it was confirmed")
        except OSError as error:
            node.config_problem = str(error)
            return fields.get(state.CONFIG, b"")
        fields = copies.load(flash)
    text = fields.get(state.CONFIG, b"")
    why = fields.get(staging.REASON, b"")
    failure = fields.get(staging.FAILED, b"")
    key = _failed_key(text, node.version)
    if failure[: len(key)] == key:
        text, why = b"", failure[len(key) :]
    if why:
        node.config_problem = why.decode()
    return text


def _count(flash, boots, seconds, text, rows=None):
    changes = {staging.STAGED: struct.pack(staging.HEAD, boots + 1, seconds) + text}
    if rows is not None:
        changes[staging.REASON] = json.dumps(rows).encode()
    copies.change(flash, changes)


def _test(node, flash, seconds, text):
    """Read every sensor once, keep what they said, and start again: what a test loads and makes
    would leave gaps in RAM where the log wants to lie.
    """
    try:
        config = unload.call("tirta_node.state.config_rules", "parse", text)
        rows = unload.call("tirta_node.sampling.selftest", "read", config["channels"], config)
    except Exception as error:
        failed(node.version, error)
        chip.reset()
        raise
    _count(flash, staging.NEW + 1, seconds, text, rows)
    chip.reset()


def stage(text, seconds, secrets=b""):
    """What is stored of a config that the next boot shall try, with passwords of its own if any."""
    return {
        staging.STAGED: struct.pack(staging.HEAD, 0, seconds) + text,
        staging.TRIED_SECRETS: secrets or None,
    }


def put_into_force(text, secrets=b""):
    """What is stored of a config that stays, and of its passwords; without any the old ones do."""
    changes = {state.CONFIG: text}
    for tag in (staging.STAGED, staging.TRIED_SECRETS, staging.REASON, staging.FAILED):
        changes[tag] = None
    if secrets:
        changes[staging.SECRETS] = secrets
    return changes


def roll_back(flash, why):
    """The config on trial is forgotten; why is kept and told until another one is confirmed."""
    refused = copies.load(flash).get(staging.STAGED, b"")[staging.HEAD_SIZE :]
    told = "%08x given up: %s" % (state.config_hash(refused), why)
    why = told.encode()[:_REASON_BYTES]
    copies.change(flash, {staging.STAGED: None, staging.TRIED_SECRETS: None, staging.REASON: why})


def failed(node_version, error):
    """The parts could not be made. True when the next boot will have another config.

    On trial the old one; else, when the config and not the moment is to blame, none.
    """
    flash = chip.partition("state")
    told = "%s: %s" % (type(error).__name__, error)
    if staging.STAGED in copies.load(flash):
        roll_back(flash, told)
        return True
    if not isinstance(error, (ValueError, TypeError, KeyError)):
        return False
    kept = _failed_key(copies.config(flash), node_version) + told.encode()[:_REASON_BYTES]
    return copies.change(flash, {staging.FAILED: kept})


def _failed_key(text, version):
    """A config that failed may do with another firmware."""
    return struct.pack("<I", state.config_hash(text)) + version.encode() + b"\0"


def leave(node):
    """The node ends in order, perhaps because a trial was over."""
    flash = chip.partition("state")
    if getattr(node, "trial_over", False) and copies.tried(copies.load(flash)):
        roll_back(flash, "not confirmed in %d s" % node.trial_s)

# SPDX-License-Identifier: MIT
"""Begins an uplink at the start of a locked node whose config names one. Called by `unload`."""

import json
import os

from tirta_format import state, uplink
from tirta_node import unload
from tirta_node.hal import chip
from tirta_node.state import copies

_COUNT_SIZE = 6  # of a challenge: what never repeats


def begin(node):
    """The Carrier of a node, or None where its state holds no key: it samples all the same."""
    fields = copies.load(chip.partition("state"))
    key = fields.get(state.KEY, b"")
    name = chip.node_id()
    try:
        offered = unload.call("tirta_node.access.login", "offer")
    except OSError:
        return None
    run = offered[:_COUNT_SIZE] + os.urandom(uplink.RUN_SIZE - _COUNT_SIZE)
    secrets = json.loads(copies.secrets(fields) or b"{}")
    settings = node.config.pop("uplink")
    if "ethernet" in node.config:
        settings["ethernet"] = node.config.pop("ethernet")
    from tirta_node.uplink.carrier import Carrier  # not beside a login

    made = uplink.uplink_key(key, name)
    keys = uplink.up_keys(made, name, run)
    return Carrier(node, name, settings, secrets, made, offered[_COUNT_SIZE:], run, keys)

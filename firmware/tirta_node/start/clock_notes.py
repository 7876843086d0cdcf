# SPDX-License-Identifier: MIT
"""The wall clock, set and told in the log. Called by `unload`."""

from tirta_format import meta
from tirta_node import unload
from tirta_node.hal import chip


def note(node):
    """Say in the log what the wall clock says."""
    clock = node.clock
    node.keeper.log.note(
        meta.anchor(
            clock.anchor_uptime_ms, clock.anchor_unix_ms, clock.source, clock.uncertainty_ms
        )
    )


def put(node, unix_ms, source, uncertainty_ms):
    """The wall clock says `unix_ms` now. False when the clock with a battery did not take it."""
    node.clock.set(unix_ms, source, uncertainty_ms)
    chip.keep_unix_ms(unix_ms)
    if node.sampler:
        note(node)
    return "clock" not in node.config or unload.call("tirta_node.start.battery_clock", "tell", node)

# SPDX-License-Identifier: MIT
"""The start of a boot: clock and log are found, and the log says that and why the node starts.

Called by `unload`, so that it leaves RAM.
"""

import os

from tirta_format import meta, state
from tirta_format import page as pages
from tirta_node import unload
from tirta_node.hal import chip

_GREETING = "\r\nTirta node %s %s\r\nTo talk to it: tirta status PORT\r\n"
_CLOCK_KEPT_MS = 2000  # uncertainty of the clock that ran through a reset


def begin(node):
    """Find the log of `node`, whose sensors are not made yet, and begin a boot. When the flash
    refuses, the node samples all the same.
    """
    text = _GREETING % (chip.node_id(), node.config.get("name", ""))
    node.console.greeting = text.encode()
    kept = chip.kept_unix_ms()
    if kept:
        node.clock.set(kept, meta.CLOCK_KEPT, _CLOCK_KEPT_MS)
    if "clock" in node.config:
        unload.call("tirta_node.start.battery_clock", "ask", node)
    random_u32 = int.from_bytes(os.urandom(4), "little")
    try:
        if node.config["channels"]:
            _begin_log(node, random_u32)
        else:
            log = node.keeper.log  # to read from it only
            unload.call("tirta_node.storage.log_start", "find", log, random_u32)
    except OSError as error:
        node.keeper.fail(error)


def begin_trial(node):
    """Most starts are none; else the health of a new application is watched from here on."""
    if node.proves:
        fields = unload.call("tirta_node.state.copies", "load", chip.partition("state"))
        unload.call("tirta_node.updates.app_trial", "begin", node, fields)
    else:
        chip.cancel_reset()


def _begin_log(node, random_u32):
    if node.proves:
        # What the application before this one reads, should it return.
        node.keeper.log.version = pages.OLDEST
    config_hash = state.config_hash(node.config_text())
    counted = _counted(node.config["channels"])
    node.keeper.start(config_hash, counted, random_u32, node.note_boot)


def note_boot(node, changed, seq, stopped, end):
    """Write what the log is to say of this boot; the arguments are those of Keeper.start."""
    log = node.keeper.log
    if changed:  # before the boot record: where one is, the config is in the log
        unload.call("tirta_node.storage.next_page", "note_config", log, node.config_text())
    log.note(meta.boot(log.uptime_ms(), log.boot, chip.reset_cause(), node.version, node.board))
    if node.clock.source:
        from tirta_node.start import clock_notes

        clock_notes.note(node)
    if seq:
        _note_absence(node, stopped, end)


def _counted(channels):
    """{place of a column: its name}: those whose totals are kept."""
    from tirta_format import columns

    return {
        i: name
        for i, (name, channel, what) in enumerate(columns.columns(channels))
        if what == columns.VALUE and channels[channel]["sensor"] in columns.COUNTING
    }


def _note_absence(node, stopped, end):
    """What may be missing since the last boot: a bound, and how long nobody sampled."""
    interval_ms = node.config["interval_ms"]
    now = node.clock.start_unix_ms()
    away_ms = now - end if now and end and now > end else 0
    missed = away_ms // interval_ms
    if stopped:
        node.keeper.log.note_loss(meta.LOSS_UNATTENDED, missed, away_ms)
    else:
        window = node.config["commit_ms"] // interval_ms + 1
        node.keeper.log.note_loss(meta.LOSS_POWER, max(window, missed), away_ms)

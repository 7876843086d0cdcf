# SPDX-License-Identifier: MIT
"""The start of a boot: clock and log are found, and the log says that and why the node starts.

Called by `rarely`, so that it leaves RAM.
"""

import os

from tirta_format import config, meta
from tirta_node.hal import chip

_GREETING = "\r\nTirta node %s %s\r\nTo talk to it: tirta status PORT\r\n"
_CLOCK_KEPT_MS = 2000  # uncertainty of the clock that ran through a reset


def begin(node):
    """Begin a boot of `node`. When the flash refuses, the node samples all the same."""
    text = _GREETING % (chip.node_id(), node.config.get("name", ""))
    node.console.greeting = text.encode()
    kept = chip.kept_unix_ms()
    if kept:
        node.clock.set(kept, meta.CLOCK_KEPT, _CLOCK_KEPT_MS)
    random_u32 = int.from_bytes(os.urandom(4), "little")
    try:
        if node.sensors:
            _begin_log(node, random_u32, kept)
        else:
            node.keeper.find(random_u32)
    except OSError as error:
        node.keeper.fail(error)


def _begin_log(node, random_u32, kept):
    counted = {i: name for i, name in enumerate(node.names) if node.sensors[i].counts}
    text = node.config_text()
    found, changed = node.keeper.start(config.config_hash(text), counted, random_u32)
    log = node.keeper.log
    if changed:
        log.log_config(text)  # before the boot record: where one is, the config is in the log
    uptime_ms = node.clock.uptime_ms()
    log.note(meta.boot(uptime_ms, log.boot, chip.reset_cause(), node.version, node.board))
    if kept:
        node.note_anchor()
    if found.seq:
        _note_absence(node, found)


def _note_absence(node, found):
    """What may be missing since the last boot: a bound, and how long nobody sampled."""
    interval_ms = node.config["interval_ms"]
    now, end = node.clock.unix_ms(), found.end_unix_ms()
    away_ms = now - end if now and end and now > end else 0
    missed = away_ms // interval_ms
    if found.stopped:
        node.keeper.log.note_loss(meta.LOSS_UNATTENDED, missed, away_ms)
    else:
        window = node.config["commit_ms"] // interval_ms + 1
        node.keeper.log.note_loss(meta.LOSS_POWER, max(window, missed), away_ms)

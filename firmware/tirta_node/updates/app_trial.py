# SPDX-License-Identifier: MIT
"""A new application proves itself, or leaves its place to the one before. Called by `unload`.

boot.py counts its boots (frozen/slot.py); here it tells the log what became of it, and takes the
place in force once it has been healthy for a minute. Until then a timer resets the chip unless it
is fed: open mode has no other watchdog, and this one can be stopped. In locked mode the chip's own
is fed, too: a timer's call waits for the interpreter, which code in C that hangs never gives back.
"""

from micropython import const

from tirta_format import page as pages
from tirta_format import state, updates
from tirta_node import unload
from tirta_node.hal import chip

PROOF_MS = const(60000)
_HANG_S = const(60)


def begin(node, fields):
    """At a start: log what is not logged yet; on trial, have the node's health watched."""
    if state.OUTCOME in fields:
        _tell(node, fields[state.OUTCOME])
    trial = fields.get(state.TRIAL, b"")
    if trial[:1] != node.slot:
        node.keeper.log.version = pages.VERSION
        chip.cancel_reset()
        return
    if node.sampler is None and state.CONFIG in fields:
        # The one before understands it: no use to wait.
        result = bytes((updates.FAILED,)) + trial[2:]
        _change(chip.partition("state"), {state.TRIAL: None, state.OUTCOME: result})
        chip.reset()
    from tirta_node.health import Health

    feed = _feed
    if node.locked:
        from tirta_node.hal import watchdog

        feed_chip = watchdog.start(_HANG_S * 1000)

        def feed():
            _feed()
            feed_chip()

    chip.reset_after(_HANG_S)
    node.health = Health(node, feed, lambda: unload.call(__name__, "confirm", node), PROOF_MS)


def confirm(node):
    """Put the application on trial in force; the one before stays for a way back."""
    flash = chip.partition("state")
    fields = unload.call("tirta_node.state.copies", "load", flash)
    trial = fields[state.TRIAL]
    old = trial[2:].split(b"\0")[0]
    outcome = bytes((updates.CONFIRMED,)) + trial[2:]
    changes = {state.SLOT: node.slot, state.TRIAL: None, state.OUTCOME: outcome}
    changes[state.PREVIOUS] = fields[state.SLOT] + old if state.SLOT in fields else None
    try:
        _change(flash, changes)
    except OSError as error:
        node.keeper.fail(error)
        return
    chip.cancel_reset()
    node.keeper.log.version = pages.VERSION
    node.health = None
    if node.gate is not None:
        node.gate.watch()
    _tell(node, outcome)


def _feed():
    chip.reset_after(_HANG_S)


def _change(flash, changes):
    unload.call("tirta_node.state.copies", "change", flash, changes)


def _tell(node, outcome):
    """Log it, then forget it: after a cut in between, the log has it twice, never not at all."""
    old, new = outcome[1:].split(b"\0")
    note = updates.record(node.clock.uptime_ms(), outcome[0], old, new)
    try:
        if node.sampler:
            node.keeper.log.note(note)
        _change(chip.partition("state"), {state.OUTCOME: None})
    except OSError as error:
        node.keeper.fail(error)

# SPDX-License-Identifier: MIT
"""Which application starts: found and mounted by boot.py, given up by main.py when it fails.

The *slot in force* holds an application that proved itself. A new one in the other slot is on
*trial* (trials.py). Lives in `vfs:/frozen` with copies of what it imports, which no update touches,
and leaves RAM when its work is done. Whatever fails, some application starts, or else the rescue.
"""

import os
import sys
import time

import vfs
from micropython import const

from tirta_format import state
from tirta_node.hal import chip, mark
from tirta_node.hal.flash import SlotBlocks
from tirta_node.state import copies

_START_S = const(300)
_LOOK_S = const(60)
_SLAM_S = const(65)  # the reset that `failed` arms comes before
_HARD_RESET = const(2)  # indices into meta.CAUSES
_SOFT_RESET = const(5)
_ARMED = const(1)  # by tirta_node/requests/keys_and_modes.py
_OPEN = const(2)


def locked():
    """(locked, visited). An administrator's visit opens the REPL of a locked node for this boot.

    The first start of a locked node sets a mark outside the state, which is taken away before the
    node is opened (tirta_node/requests/keys_and_modes.py): with it a damaged state opens nothing,
    nor an old copy. The flag in RTC memory is armed before a hard reset and open through the soft
    ones after it; any other start clears it.
    """
    if copies.mode(chip.partition("state")) == b"locked":
        try:
            mark.put(True)
        except OSError as error:
            print("Tirta: no mark:", error)
    elif not mark.is_set():
        return False, False
    seconds, flag = chip.visit()
    visited = (flag, chip.reset_cause()) in ((_ARMED, _HARD_RESET), (_OPEN, _SOFT_RESET))
    chip.keep_visit(seconds, _OPEN if visited else 0)
    return not visited, visited


def slam():
    """What a locked node ran has ended: let its message be read, then reset the chip."""
    time.sleep(_SLAM_S)
    chip.reset()


def mount():
    """Mount the application that is to start at /app; return its slot, or b"" for the rescue.

    It also arms a reset, which the application disarms: of a new one that hangs, or of a visit to
    the REPL, since a soft reset out of mpremote's raw REPL disarms every timer and skips main.py.
    """
    flash = chip.partition("state")
    fields = copies.load(flash)
    seconds, flag = chip.visit()
    if chip.reset_cause() != _SOFT_RESET and flag != _OPEN:
        # The application follows, and not a visit: it may start for longer.
        seconds = max(seconds, _START_S)
    chip.reset_after(seconds)
    first = in_force = fields.get(state.SLOT, b"")
    if state.TRIAL in fields:
        import trials

        first = trials.begin(flash, fields)
    if _mount(first):
        return first
    if first != in_force:
        trials.end(flash, fields, trials.updates.UNREADABLE)
    for slot in (in_force, fields.get(state.PREVIOUS, b"")[:1]):
        if slot != first and _mount(slot):
            return slot
    print("Tirta: no application can be read; the rescue starts")
    return b""


def failed(slot):
    """The application in `slot` ended in an exception: start again after a minute for a look.

    On trial it was its last boot, and the one before starts sooner.
    """
    seconds = 0
    try:
        flash = chip.partition("state")
        fields = copies.load(flash)
        if slot and fields.get(state.TRIAL, b"")[:1] == slot:
            import trials

            seconds = trials.failed(flash, fields)
    finally:
        seconds = seconds or _LOOK_S
        print("Tirta: the application failed; the node starts again in %d s" % seconds)
        chip.reset_after(seconds)


def _mount(slot):
    """Whether `slot` holds an application, which is then at /app and first in the path."""
    if slot not in (b"a", b"b"):
        return False
    mounted = False
    try:
        vfs.mount(vfs.VfsLfs2(SlotBlocks(chip.partition("app_" + slot.decode()))), "/app")  # type: ignore[arg-type]
        mounted = True
        if "manifest.json" in os.listdir("/app"):  # it is written last
            sys.path.insert(0, "/app")
            return True
    except OSError as error:
        print("Tirta: slot", slot.decode(), error)
    if mounted:
        vfs.umount("/app")
    return False

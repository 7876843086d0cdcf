# SPDX-License-Identifier: MIT
"""The application's slot: found and mounted by boot.py, started again by main.py after a failure.

Lives in `vfs:/frozen` with copies of `chip` and `state`, which no update touches, and leaves RAM
when its work is done.
"""

import os
import sys

import chip
import state
import vfs

_SLOTS = {b"a": "app_a", b"b": "app_b"}
_LOOK_S = 60


def mount():
    """Mount the slot in force at /app. Raises OSError that says what to do when there is none.

    It also arms the reset that ends a visit to the REPL: a soft reset out of mpremote's raw REPL
    disarms every timer and skips main.py. The application disarms it when it runs.
    """
    flash = chip.partition("state")
    copies = []
    for first in (0, flash.blocks // 2):
        head = bytearray(state.HEADER_SIZE)
        flash.read(first, 0, head)
        copy = bytearray(state.length(head, chip.BLOCK * flash.blocks // 2))
        flash.read(first, 0, copy)
        copies.append(state.decode(copy))
    fields = state.newest(copies[0], copies[1])[2]
    slot = _SLOTS.get(fields.get(state.SLOT))
    if slot is None:
        raise OSError("no application on this board: on a laptop, tirta flash")
    chip.reset_after(chip.visit_s())
    vfs.mount(vfs.VfsLfs2(chip.partition(slot).mountable()), "/app")
    if "manifest.json" not in os.listdir("/app"):
        raise OSError("the application is incomplete: on a laptop, tirta flash")
    sys.path.insert(0, "/app")


def start_again():
    """The application failed: leave a minute for a look, then reset the chip."""
    print("Tirta: the application failed; the node starts again in %d s" % _LOOK_S)
    chip.reset_after(_LOOK_S)

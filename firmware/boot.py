# SPDX-License-Identifier: MIT
"""First code of ours after power or reset: mounts the application's slot.

It also arms the reset that ends a visit to the REPL, for a soft reset out of mpremote's raw REPL
disarms every timer and skips main.py. The application disarms it when it runs. What is imported
here lies in `/frozen`, copies that no update touches.
"""

import os
import sys

import micropython
import vfs

_SLOTS = {b"a": "app_a", b"b": "app_b"}


def _mount_slot():
    sys.path.insert(0, "/frozen")
    import chip
    import state

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


def _boot():
    micropython.kbd_intr(-1)  # nothing on the line can stop what follows
    try:
        _mount_slot()
    except (OSError, ImportError) as error:
        print("Tirta:", error)
    finally:
        for name in ("chip", "state"):
            sys.modules.pop(name, None)
        if "/frozen" in sys.path:
            sys.path.remove("/frozen")
        micropython.kbd_intr(3)


_boot()

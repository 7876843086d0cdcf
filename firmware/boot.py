# SPDX-License-Identifier: MIT
"""First code of ours after power or reset: mounts the application's slot at /app."""

import sys

import micropython

micropython.kbd_intr(-1)  # nothing on the line can stop what follows
sys.path.insert(0, "/frozen")
try:
    import slot

    slot.mount()
except (OSError, ImportError) as error:
    print("Tirta:", error)
finally:
    sys.path.remove("/frozen")
    for name in ("slot", "chip", "state"):
        sys.modules.pop(name, None)
        globals().pop(name, None)
    micropython.kbd_intr(3)

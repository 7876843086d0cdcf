# SPDX-License-Identifier: MIT
"""First code of ours after power or reset: mounts the application that is to start at /app.

`started` is its slot, for main.py; empty stands for the rescue. When an administrator visits a
locked node main.py runs nothing. Else a locked node is run from here and never returns: whoever
interrupts it, or makes it fail, gets a reset and no REPL.
"""

while True:
    try:
        import micropython

        micropython.kbd_intr(-1)  # nothing on the line can stop what follows
        for _ in (1, 2):
            pass  # a Ctrl-C from before that line is raised at the next jump: here, and not later
        break
    except KeyboardInterrupt:
        micropython.kbd_intr(-1)

import gc  # noqa: E402 - the first lines of all are those that close the window
import sys  # noqa: E402

started = b""
locked = visited = False
sys.path.insert(0, "/frozen")
try:
    import slot

    locked = True  # until the state says otherwise
    locked, visited = slot.locked()
    started = slot.mount()
except Exception as error:  # noqa: BLE001 - whatever it is, the rescue is left
    sys.print_exception(error)
finally:
    sys.path.remove("/frozen")
    for name in list(sys.modules):  # the application has modules of the same names
        if name in ("slot", "trials") or name[:6] == "tirta_":
            del sys.modules[name]
    for name in ("slot", "error", "name"):
        globals().pop(name, None)
    gc.collect()  # what the application keeps shall not lie between what is gone

while locked:
    try:
        execfile("/main.py")  # noqa: F821 - MicroPython has it
    except BaseException as error:  # noqa: BLE001 - there is no way out
        sys.print_exception(error)
    micropython.kbd_intr(-1)
    sys.path.insert(0, "/frozen")
    import slot

    slot.slam()
micropython.kbd_intr(3)

# SPDX-License-Identifier: MIT
"""Runs the application that boot.py mounted, or the rescue; then the line belongs to the REPL.

SystemExit is a failure too: out of main.py it would be a soft reset, which starts it for ever.
"""

import sys

import micropython

micropython.kbd_intr(-1)
started = globals().get("started", b"")  # by boot.py: both run in the same globals
try:
    if globals().get("visited", False):
        print("Tirta: the REPL is open until the next hard reset")
    elif started:
        import app

        app.main(started)
    else:
        sys.path.insert(0, "/frozen")
        import rescue

        rescue.main()
except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the node must work again
    sys.print_exception(error)
    for name in list(sys.modules):  # what failed is not to be trusted with what comes now
        if name[:6] == "tirta_":
            del sys.modules[name]
    sys.path.insert(0, "/frozen")
    import slot

    slot.failed(started)
finally:
    micropython.kbd_intr(3)

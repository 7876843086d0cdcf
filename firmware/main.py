# SPDX-License-Identifier: MIT
"""Runs the application that boot.py mounted; afterwards the line belongs to the REPL."""

import sys

import micropython

if "/app" in sys.path:
    micropython.kbd_intr(-1)
    try:
        import app

        app.main()
    except Exception as error:  # noqa: BLE001 - whatever it is, the node must sample again
        sys.print_exception(error)
        sys.path.insert(0, "/frozen")
        import slot

        slot.start_again()
    finally:
        micropython.kbd_intr(3)

# SPDX-License-Identifier: MIT
"""Runs the application that boot.py mounted; afterwards the line belongs to the REPL.

An application that fails says why and leaves a minute for a look, then the node starts anew.
"""

import sys

import micropython

_LOOK_S = 60


def _main():
    if "/app" not in sys.path:
        return
    micropython.kbd_intr(-1)
    try:
        import app

        app.main()
    except Exception as error:  # noqa: BLE001 - whatever it is, the node must sample again
        sys.print_exception(error)
        _start_again()
    finally:
        micropython.kbd_intr(3)


def _start_again():
    sys.path.insert(0, "/frozen")
    import chip

    print("Tirta: the application failed; the node starts again in %d s" % _LOOK_S)
    chip.reset_after(_LOOK_S)


_main()

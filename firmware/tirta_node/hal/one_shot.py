# SPDX-License-Identifier: MIT
"""A call in some seconds, for what happens once: loaded for the moment."""

import machine


def after(seconds, callback):
    """Call `callback(timer)` once, between two bytecodes. The visit's reset has another timer."""
    machine.Timer(1).init(mode=machine.Timer.ONE_SHOT, period=seconds * 1000, callback=callback)


def cancel():
    """Undo `after`."""
    machine.Timer(1).deinit()

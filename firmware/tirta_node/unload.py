# SPDX-License-Identifier: MIT
"""Modules that are needed at a start or twice a year: loaded for the moment, then dropped.

The rules of a config take 5 KB of RAM, finding the head of the log as much.
"""

import gc
import sys

_FRAMES = 16  # some kilobytes of stack
_AT_ONCE = 16  # modules to be dropped
_ROOM = 256  # bytes
_SLOTS = 256  # more than the table of modules ever has


def call(module, function, *args):
    """`module.function(*args)`; `module` and whatever it imports for that leave RAM afterwards."""
    before = list(sys.modules)
    # Where RAM is full, what was loaded has to leave it all the same: room for that.
    found, room = [None] * _AT_ONCE, bytearray(_ROOM)
    try:
        return getattr(__import__(module, None, None, (function,)), function)(*args)
    except (MemoryError, ImportError, OSError):
        _forget()
        raise
    finally:
        del room
        while _drop_new(before, found):
            pass
        wipe()
        gc.collect()  # what lasts shall fill the gaps, not lie behind them


def _drop_new(before, found):
    """Drop modules that were not there `before`, as many as `found` has room for; whether there may
    be more.
    """
    count = 0
    for name in sys.modules:
        if name not in before:
            found[count] = name
            count += 1
            if count == _AT_ONCE:
                break
    for i in range(count):
        _drop(found[i])
    return count == _AT_ONCE


def _forget():
    """Let go of modules that did not come about. MicroPython takes such a one out of its table of
    modules, but leaves the pointer in the slot, and with it all that was loaded. A number goes to
    the slot of its own value, or to the next that is free: all are written over in turn.
    """
    table = sys.modules
    for slot in range(_SLOTS):
        table[slot] = None  # type: ignore[index, assignment]
        table.pop(slot)  # type: ignore[call-overload]


def wipe(frames=_FRAMES):
    """Write over what calls that are over left on the stack. The collector takes each word there
    for a pointer, and one keeps a module of ten kilobytes.
    """
    if frames:
        wipe(frames - 1)


def _drop(name):
    module = sys.modules.pop(name)
    package, _, short = name.rpartition(".")
    if package in sys.modules and getattr(sys.modules[package], short, None) is module:
        delattr(sys.modules[package], short)

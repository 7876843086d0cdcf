# SPDX-License-Identifier: MIT
"""Modules that are needed at a start or twice a year: loaded for the moment, then dropped.

The rules of a config take 5 KB of RAM, finding the head of the log as much.
"""

import gc
import sys

_FRAMES = 16  # some kilobytes of stack


def call(module, function, *args):
    """`module.function(*args)`; `module` and whatever it imports for that leave RAM afterwards."""
    before = list(sys.modules)
    try:
        return getattr(__import__(module, None, None, (function,)), function)(*args)
    finally:
        for name in list(sys.modules):
            if name not in before:
                _drop(name)
        wipe()
        gc.collect()  # what lasts shall fill the gaps, not lie behind them


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

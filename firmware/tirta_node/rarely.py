# SPDX-License-Identifier: MIT
"""Modules that are needed at a start or twice a year: loaded for the moment, then dropped.

The rules of a config take 5 KB of RAM, finding the head of the log 2 KB.
"""

import sys


def call(module, function, *args):
    """`module.function(*args)`, where `module` is "package.name" and leaves RAM afterwards."""
    package, name = module.split(".")
    try:
        return getattr(__import__(module, None, None, (function,)), function)(*args)
    finally:
        sys.modules.pop(module, None)
        if hasattr(sys.modules[package], name):
            delattr(sys.modules[package], name)

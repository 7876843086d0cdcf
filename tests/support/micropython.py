# SPDX-License-Identifier: MIT
"""MicroPython's `micropython` for the node's modules that also run on CPython in tests."""


def const(value: int) -> int:
    """The value itself."""
    return value

# SPDX-License-Identifier: MIT
"""The chip's watchdog. Once started it cannot be stopped, so only a locked node has one: its way to
the REPL leads through a reset, under which none is started.
"""

import machine


def start(timeout_ms):
    """Start it, and return what feeds it: for whoever sees progress, never for a timer."""
    return machine.WDT(timeout=timeout_ms).feed

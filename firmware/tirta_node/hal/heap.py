# SPDX-License-Identifier: MIT
"""The heap beside a network. The ESP32 port takes Python's heap in areas out of the RAM that Wi-Fi
and sockets live of: 56 KB at first, then as much again, and then all that is left in one piece (PR
12141 of MicroPython, `gc_try_add_heap`). One kilobyte more than two areas so ends the network until
the next start, as names that were read meanwhile stay there. Hence the second area is asked for at
once, and larger. Measured on an emulated ESP32 (tests/chip): what is left beside it is enough for a
connection at its full speed. Called by `unload`.
"""

import io

import esp32
from micropython import const

_AREA = const(69632)  # bytes; 20 KB are left beside it when Wi-Fi has joined
_WIFI = const(40000)  # bytes of the same region: what Wi-Fi takes of it, and what is left
_HOLDS = const(64)  # bytes that keep an area: one that is empty goes back


def widen():
    """Take the second area, where it is there to take: before much else is loaded. Return what must
    be kept for that.
    """
    if network_free() < _AREA + _WIFI:
        return b""
    try:  # a read takes room for all that it may bring, and keeps what came
        return io.BytesIO(bytes(_HOLDS)).read(_AREA)
    except MemoryError:
        return b""


def network_free():
    """Bytes in one piece for Wi-Fi and sockets, which Python takes when it needs a new area."""
    return max([region[2] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])

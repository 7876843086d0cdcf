# SPDX-License-Identifier: MIT
"""A line that runs faster for a while (FORMAT.md section 9, Rate). Called by `unload`.

The first rate is the one that the next laptop knows: the node goes back to it when nobody speaks.
It is remembered from before the first switch, whatever is asked for or said afterwards.
"""

import struct
import time

from tirta_format import frame
from tirta_node import unload
from tirta_node.hal import line, uart

_BAUDS = (1200, 5000000)


def handle(node, console, kind, sequence, payload):
    """Answer at the old rate, then run at the new one. Raises ValueError for a senseless one."""
    if kind != frame.RATE:
        console.refuse(sequence, frame.BAD_REQUEST, "this firmware has no such request")
        return
    if len(payload) != 4:
        raise ValueError("the request is %d bytes long" % len(payload))
    (baud,) = struct.unpack("<I", payload)
    if not _BAUDS[0] <= baud <= _BAUDS[1]:
        raise ValueError("%d is no baud rate" % baud)
    wire = node.line
    if not wire.baud:
        console.refuse(sequence, frame.NOT_NOW, "this line has no rate")
        return
    console.answer(kind, sequence, struct.pack("<I", baud))
    if console.switched and baud == wire.baud:
        return  # asked again: a switch would only disturb the line
    console.flush()
    if _switch(wire, baud):
        console.switched = True
        console.lapse = None
        if baud != console.first_baud:
            console.lapse = lambda: unload.call("tirta_node.line.baud", "go_back", node)


def go_back(node):
    """Nobody speaks at another rate than the first one."""
    node.console.lapse = None
    _switch(node.line, node.console.first_baud)


def _switch(wire, baud):
    """False when there is no line with a rate."""
    while wire.room() < line.FIFO:
        time.sleep_ms(1)
    time.sleep_ms(2)  # the byte in the shift register, and the estimate's error
    if not uart.switch(baud):
        return False
    wire.pace(baud)
    return True

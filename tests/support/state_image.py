# SPDX-License-Identifier: MIT
"""What a state partition says, out of its bytes on flash."""

from pathlib import Path

from tirta import virtual
from tirta.boards import board_file
from tirta_format import state


def in_force(content: bytes) -> dict[int, bytes]:
    """The fields of the copy in force, by tag; none while neither copy is whole."""
    copies = content[: len(content) // 2], content[len(content) // 2 :]
    fields: dict[int, bytes] = state.newest(copies, lambda i: state.decode(copies[i]))[2]
    return fields


def on_trial(running: virtual.VirtualNode) -> bool:
    """Whether a virtual node's state says that it tries an application, without asking it."""
    place = board_file.load("virtual").partition("state")
    fields = in_force(Path(running.flash).read_bytes()[place.offset : place.end])
    return bool(fields and state.TRIAL in fields)

# SPDX-License-Identifier: MIT
"""What a state partition says, out of its bytes on flash."""

from tirta_format import state


def in_force(content: bytes) -> dict[int, bytes]:
    """The fields of the copy in force, by tag; none while neither copy is whole."""
    copies = content[: len(content) // 2], content[len(content) // 2 :]
    fields: dict[int, bytes] = state.newest(copies, lambda i: state.decode(copies[i]))[2]
    return fields

# SPDX-License-Identifier: MIT
"""A node's uplink key: all that a centre needs to read what a node sends and to answer it. No
session can be had with it, and the node's key does not follow from it (FORMAT.md section 14.1).
"""

import re
from dataclasses import dataclass
from typing import Any, Self

from tirta.errors import TirtaError
from tirta_format import access, uplink

_NODE = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class UplinkKey:
    """`name` tells of which of the node's keys it was made."""

    node: str
    name: bytes
    key: bytes

    @classmethod
    def make(cls, node_key: bytes, node: str) -> Self:
        """Derive that of a node's key."""
        name = bytes(access.key_name(node_key, node))
        return cls(node, name, bytes(uplink.uplink_key(node_key, node)))

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """Read what `as_json` gave. Raises TirtaError for what no office wrote."""
        try:
            made = cls(
                str(found["node"]), bytes.fromhex(found["name"]), bytes.fromhex(found["key"])
            )
            right = len(made.key) == access.KEY_SIZE and len(made.name) == access.NAME_SIZE
            right &= bool(_NODE.fullmatch(made.node))
        except (KeyError, TypeError, ValueError):
            right = False
        if not right:
            raise TirtaError("This is no uplink key of a node.", "Ask the office for another file.")
        return made

    def as_json(self) -> dict[str, str]:
        """Return what a file of keys holds of it."""
        return {"node": self.node, "name": self.name.hex(), "key": self.key.hex()}

# SPDX-License-Identifier: MIT
"""Credentials: who may do what with which node, until when."""

import re
import struct
import time
from dataclasses import dataclass
from typing import Any, Self

from tirta.errors import TirtaError
from tirta_format import access

DAY_S = 86400
_NODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}")
ROLES = {name: number for number, name in enumerate(access.ROLES) if number}


@dataclass(frozen=True)
class Credential:
    """One node's; `claims` are FORMAT.md's 13 bytes, `key` is the secret, and `name` tells from
    which of the node's keys it was made: nothing where an older version of Tirta issued it.
    """

    node: str
    claims: bytes
    key: bytes
    name: bytes = b""

    @classmethod
    def make(cls, node_key: bytes, node: str, role: int, *, serial: int, days: float) -> Self:
        """Issue one now that is good for so many days."""
        now = int(time.time())
        expires = min(now + int(days * DAY_S), access.NEVER)
        return cls._of(node_key, node, bytes(access.claims(role, serial, now, expires)))

    @classmethod
    def own(cls, node_key: bytes, node: str, role: int) -> Self:
        """Make that of whoever holds the fleet key: it is made when it is needed, and never
        kept.
        """
        return cls._of(node_key, node, bytes(access.claims(role, 0, 0, access.NEVER)))

    @classmethod
    def _of(cls, node_key: bytes, node: str, claims: bytes) -> Self:
        name = bytes(access.key_name(node_key, node))
        return cls(node, claims, bytes(access.credential_key(node_key, claims)), name)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """Read what `as_json` gave. Raises TirtaError for what no office wrote."""
        try:
            made = cls(
                str(found["node"]),
                *(bytes.fromhex(found.get(part, "")) for part in ("claims", "key", "key_name")),
            )
            right = made.role in ROLES.values() and len(made.key) == access.KEY_SIZE
            right &= len(made.name) in {0, access.NAME_SIZE} and bool(_NODE.fullmatch(made.node))
        except (AttributeError, KeyError, TypeError, ValueError, struct.error):
            right = False
        if not right:
            raise TirtaError("This is no credential of a node.", "Ask the office for another file.")
        return made

    def as_json(self) -> dict[str, str]:
        """Return what a file of credentials holds of it, its key in hex."""
        made = {"node": self.node, "claims": self.claims.hex(), "key": self.key.hex()}
        return made | ({"key_name": self.name.hex()} if self.name else {})

    @property
    def role(self) -> int:
        """What its holder may do: a role of FORMAT.md section 13."""
        return int(self._fields()[0])

    @property
    def serial(self) -> int:
        """Its number in the fleet."""
        return self._fields()[1]

    @property
    def issued(self) -> int:
        """Unix time in seconds."""
        return self._fields()[2]

    @property
    def expires(self) -> int:
        """Unix time in seconds; 2^32 - 1 stands for never."""
        return self._fields()[3]

    def _fields(self) -> tuple[int, int, int, int]:
        role, serial, issued, expires = struct.unpack(access.CLAIMS, self.claims)
        return role, serial, issued, expires


def node_key(fleet_key: bytes, node: str) -> bytes:
    """Derive the key that a node of this fleet holds."""
    return bytes(access.node_key(fleet_key, node))

# SPDX-License-Identifier: MIT
"""The uplink keys of nodes, made of the fleets' keys that this computer has."""

from tirta.errors import TirtaError
from tirta.keys import vault
from tirta.receive.inbox import KeysOf
from tirta_format import access, uplink


def of_fleets(fleets: dict[str, bytes]) -> KeysOf:
    """Make what finds a node's uplink keys by the name of its key, one for each fleet."""

    def keys_of(node: str) -> dict[bytes, bytes]:
        found = {}
        for fleet in fleets.values():
            key = access.node_key(fleet, node)
            found[bytes(access.key_name(key, node))] = bytes(uplink.uplink_key(key, node))
        return found

    return keys_of


def from_vault() -> KeysOf:
    """Make the same of the vault. Raises TirtaError where it has no fleet's key."""
    kept = vault.load()
    if not kept.fleets:
        raise TirtaError(
            "No fleet's key is on this computer, and what nodes send is sealed with theirs.",
            "Bring the key from the office: tirta keys export there, tirta keys import here.",
        )
    return of_fleets(kept.fleets)

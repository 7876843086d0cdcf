# SPDX-License-Identifier: MIT
"""The uplink keys of nodes: those that the office issued to this centre, and those of each fleet
whose key is here.
"""

from tirta.errors import TirtaError
from tirta.keys import vault
from tirta.receive.inbox import KeysOf


def of_fleets(fleets: dict[str, bytes]) -> KeysOf:
    """Make what finds a node's uplink keys by the name of its key, one for each fleet."""
    return vault.Vault(fleets).uplink_keys


def from_vault() -> KeysOf:
    """Make the same of the vault. Raises TirtaError where it has no key that could read."""
    kept = vault.load()
    if not kept.fleets and not kept.uplinks:
        raise TirtaError(
            "No uplink key is on this computer, and what nodes send is sealed with theirs.",
            "At the office: `tirta keys issue --role archive --all nodes.txt --out centre.keys`;"
            " here: `tirta keys import centre.keys`.",
        )
    return kept.uplink_keys

# SPDX-License-Identifier: MIT
"""Who may do what with a locked node: keys, credentials, logins (FORMAT.md section 13).

A *fleet key* stays in the office; each node has a *node key* made from it. A *credential* is a key
made from the node key and *claims*: role, serial, and Unix times of issue and expiry. A *login*
proves both sides to each other and gives *session keys*, with which frames are sealed (seals.py).
Everything here is bytes in, bytes out, and the same code on the node and on the laptop.
"""

import struct

from tirta_format import hmac

# Requests
CHALLENGE = 0x18
LOGIN = 0x19
DIGEST = 0x1B
KEY = 0x1C
MODE = 0x1D
UNLOCK = 0x1E
FLOOR = 0x1F

# Codes of a refusal
NOT_ALLOWED = 6
LOCKED_OUT = 7

# Roles, and a table of the least role that each request needs: roles.py
ANYONE = 0
TECHNICIAN = 1
ADMINISTRATOR = 2
ROLES = ("anyone", "technician", "administrator")

CLAIMS = "<BIII"  # role, serial, time of issue, expiry
NEVER = 0xFFFFFFFF
KEY_SIZE = 32
NONCE_SIZE = 16
PROOF_SIZE = 16
PAGES_PER_DIGEST = 64
NAME_SIZE = 8
NAMED = b"\1"  # the payload of a challenge whose answer shall end with the key's name
DAY_S = 86400
BORN_S = 1796083200  # 2026-12-01: no time floor is needed to know that this is past
BY_CLOCK_S = 400 * DAY_S  # a credential's time of issue beyond a clock, at most
BY_FLOOR_S = 4 * 366 * DAY_S  # and beyond a floor: longer than a node lies in stock
DIGEST_REQUEST = "<IHIH"  # as frame.READ


def node_key(fleet_key, node_id):
    """The key of the node that says it is `node_id` (twelve hexadecimal digits)."""
    return hmac.expand(hmac.extract(b"tirta", fleet_key), b"node " + node_id.encode(), KEY_SIZE)


def key_name(key, node_id):
    """Return what tells a node's key from its other ones, and nothing of the key itself."""
    return hmac.expand(key, b"name " + node_id.encode(), NAME_SIZE)


def latest_issue(floor_s, clock_s):
    """Return the latest time of issue that a node believes; `clock_s` is 0 when unset."""
    if clock_s and clock_s >= floor_s:
        return clock_s + BY_CLOCK_S
    return max(floor_s, BORN_S) + BY_FLOOR_S


def claims(role, serial, issued, expires):
    """What a credential says of itself."""
    return struct.pack(CLAIMS, role, serial, issued, expires)


def credential_key(key, claimed):
    """The credential of a node's `key` with these claims."""
    return hmac.expand(key, b"credential " + claimed, KEY_SIZE)


def laptop_proof(credential, node_id, nonces, claimed):
    """That a laptop holds the credential; `nonces`: the node's, then the laptop's."""
    text = b"laptop " + node_id.encode()
    return hmac.hmac(credential, text, nonces, claimed)[:PROOF_SIZE]


def node_proof(credential, node_id, nonces, claimed):
    """That the node holds the key from which the credential came."""
    return hmac.hmac(credential, b"node " + node_id.encode(), nonces, claimed)[:PROOF_SIZE]


def session_keys(credential, node_id, nonces):
    """Keys for frames to the node, for frames to the laptop, and for secrets."""
    key = hmac.extract(nonces, credential)
    keys = hmac.expand(key, b"session " + node_id.encode(), 3 * KEY_SIZE)
    return keys[:32], keys[32:64], keys[64:]

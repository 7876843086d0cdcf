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
DIGEST_REQUEST = "<IHIH"  # as frame.READ


def node_key(fleet_key, node_id):
    """The key of the node that says it is `node_id` (twelve hexadecimal digits)."""
    return hmac.expand(hmac.extract(b"tirta", fleet_key), b"node " + node_id.encode(), KEY_SIZE)


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

# SPDX-License-Identifier: MIT
"""Sealed frames of a session with a locked node: a counter and a tag (FORMAT.md section 13).

All of it that a node needs for each frame; logins are in `access`.
"""

import struct

from tirta_format import hmac

SEALED = 0x1A
TAG_SIZE = 8
TRAILER = "<BI"  # inner type, counter; the tag follows
OVERHEAD = 13


def tag(key, kind, sequence, payload):
    """The tag of a sealed frame; `payload` with everything up to the tag."""
    return hmac.hmac(key, bytes((kind, sequence)), payload)[:TAG_SIZE]


def seal(key, kind, sequence, counter, inner, payload):
    """The payload of a sealed frame of type `kind` that carries a frame of type `inner`."""
    body = bytes(payload) + struct.pack(TRAILER, inner, counter)
    return body + tag(key, kind, sequence, body)


def unseal(key, kind, sequence, payload):
    """(inner type, counter, inner payload) of a sealed frame, or None when the tag is wrong."""
    n = len(payload) - OVERHEAD
    if n < 0:
        return None
    body = payload[: n + OVERHEAD - TAG_SIZE]
    if not hmac.equal(tag(key, kind, sequence, body), payload[n + OVERHEAD - TAG_SIZE :]):
        return None
    inner, counter = struct.unpack_from(TRAILER, body, n)
    return inner, counter, payload[:n]

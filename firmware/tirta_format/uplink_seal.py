# SPDX-License-Identifier: MIT
"""How a message over a network is sealed (FORMAT.md section 14.1): all that a node needs of it as
long as it only sends. AES comes from outside: `aes(key, mode, iv)` is `cryptolib.aes`, or does the
same.
"""

import struct

from tirta_format import hmac, varint

HELLO = 1  # kinds of messages
PIECE = 2
LEDGER = 3

TAG_SIZE = 8
LEAST = 17  # bytes of a body: ciphertext stealing needs more than one block
ROOM = 24  # behind a body that is sealed where it lies: what fills its last block, then the tag

ECB = 1  # cryptolib's numbers
CBC = 2
BLOCK = 16


def head(first, counter):
    """Return what stands before a sealed body: what is told openly, and the counter."""
    return first + varint.encode(counter)


def close(aes, keys, kind, counter, buf, at, end):
    """Seal the body `buf[at:end]` where it lies, ROOM bytes behind it included; return the end of
    what has become of it: ciphertext of the same length, then the tag.
    """
    n = end - at
    if n < LEAST:
        raise ValueError("a body of %d bytes is too short" % n)
    view = memoryview(buf)
    last = at + (n - 1) // BLOCK * BLOCK
    for i in range(end, last + BLOCK):
        buf[i] = 0
    whole = view[at : last + BLOCK]
    aes(keys[0], CBC, first_block(aes, keys[0], kind, counter)).encrypt(whole, whole)
    if end < last + BLOCK:  # the last two blocks change places, and what is too long is left out
        before = bytes(view[last - BLOCK : last])
        view[last - BLOCK : last] = bytes(view[last : last + BLOCK])
        view[last:end] = before[: end - last]
    view[end : end + TAG_SIZE] = tag(keys[1], kind, counter, view[at:end])
    return end + TAG_SIZE


def first_block(aes, key, kind, counter):
    """Return the initial vector: nobody foretells it, and none comes twice under one key."""
    return aes(key, ECB).encrypt(struct.pack("<BI11x", kind, counter))


def tag(key, kind, counter, ciphertext):
    """Return what proves a ciphertext."""
    return hmac.hmac(key, struct.pack("<BI", kind, counter), ciphertext)[:TAG_SIZE]

# SPDX-License-Identifier: MIT
"""The seal of messages over a network (FORMAT.md section 14): encrypted, then authenticated.

A *run* is 16 bytes that a node draws once a boot and never twice; an archive draws its own at each
start. Keys follow from the uplink key, the run and the direction, and counters from 1 on, so no key
meets a counter twice. AES comes from outside: `aes(key, mode, iv)` is `cryptolib.aes`, or does the
same.
"""

import struct

from tirta_format import hmac, varint

VERSION = 1
HELLO = 1  # kinds of messages
PIECE = 2
LEDGER = 3

RUN_SIZE = 16
TAG_SIZE = 8
LEAST = 17  # bytes of a body: ciphertext stealing needs more than one block
ROOM = 24  # behind a body that is sealed where it lies: what fills its last block, then the tag
MOST = 0xFFFFFFFF  # of a counter

_ECB = 1  # cryptolib's numbers
_CBC = 2
_BLOCK = 16


def uplink_key(node_key, node_id):
    """Return what a centre needs to know of a node's key: it opens no session."""
    return hmac.expand(node_key, b"uplink " + node_id.encode(), hmac.SIZE)


def up_keys(key, node_id, run):
    """Return (AES key, MAC key) of what a node sends in a run; `key` is its uplink key."""
    keys = hmac.expand(hmac.extract(run, key), b"up " + node_id.encode(), 2 * hmac.SIZE)
    return keys[: hmac.SIZE], keys[hmac.SIZE :]


def down_keys(key, node_id, run, archive):
    """Return the same of what an archive answers in that run; `archive` is its 16 bytes."""
    keys = hmac.expand(hmac.extract(run + archive, key), b"down " + node_id.encode(), 64)
    return keys[: hmac.SIZE], keys[hmac.SIZE :]


def close(aes, keys, kind, counter, buf, at, end):
    """Seal the body `buf[at:end]` where it lies, ROOM bytes behind it included; return the end of
    what has become of it: ciphertext of the same length, then the tag.
    """
    n = end - at
    if n < LEAST:
        raise ValueError("a body of %d bytes is too short" % n)
    view = memoryview(buf)
    last = at + (n - 1) // _BLOCK * _BLOCK
    for i in range(end, last + _BLOCK):
        buf[i] = 0
    whole = view[at : last + _BLOCK]
    aes(keys[0], _CBC, _first(aes, keys[0], kind, counter)).encrypt(whole, whole)
    if end < last + _BLOCK:  # the last two blocks change places, and what is too long is left out
        before = bytes(view[last - _BLOCK : last])
        view[last - _BLOCK : last] = bytes(view[last : last + _BLOCK])
        view[last:end] = before[: end - last]
    view[end : end + TAG_SIZE] = _tag(keys[1], kind, counter, view[at:end])
    return end + TAG_SIZE


def open_(aes, keys, kind, counter, sealed):
    """Return the body of what `close` made, or None when the tag is wrong."""
    n = len(sealed) - TAG_SIZE
    if n < LEAST:
        return None
    if not hmac.equal(_tag(keys[1], kind, counter, sealed[:n]), sealed[n:]):
        return None
    last = (n - 1) // _BLOCK * _BLOCK
    whole = bytearray(last + _BLOCK)
    whole[:n] = sealed[:n]
    if n < last + _BLOCK:
        stolen = bytes(whole[last - _BLOCK : last])
        told = aes(keys[0], _ECB).decrypt(stolen)
        whole[last - _BLOCK : last] = bytes(whole[last:n]) + told[n - last :]
        whole[last:] = stolen
    iv = _first(aes, keys[0], kind, counter)
    return aes(keys[0], _CBC, iv).decrypt(bytes(whole))[:n]


def head(first, counter):
    """Return what stands before a sealed body: what is told openly, and the counter."""
    return first + varint.encode(counter)


def _first(aes, key, kind, counter):
    """The initial vector: nobody foretells it, and none comes twice under one key."""
    return aes(key, _ECB).encrypt(struct.pack("<BI11x", kind, counter))


def _tag(key, kind, counter, ciphertext):
    return hmac.hmac(key, struct.pack("<BI", kind, counter), ciphertext)[:TAG_SIZE]

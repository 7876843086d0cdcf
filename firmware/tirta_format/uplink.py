# SPDX-License-Identifier: MIT
"""Keys of messages over a network, and how such a message is opened (FORMAT.md section 14.1).

A *run* is 16 bytes that a node draws once a boot and never twice; an archive draws its own at each
start. Keys follow from the uplink key, the run and the direction, and counters from 1 on, so no key
meets a counter twice. What a node needs for each message that it sends is in uplink_seal.
"""

from tirta_format import hmac
from tirta_format.uplink_seal import BLOCK, CBC, ECB, LEAST, TAG_SIZE, first_block, tag

VERSION = 1
RUN_SIZE = 16
MOST = 0xFFFFFFFF  # of a counter

QUESTION = 4  # further kinds of messages
ANSWER = 5
OPEN, SEALED = 1, 2  # first bytes of questions and answers
TALK_SIZE = 8


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


def talk_keys(secret, node_id):
    """Return the (AES key, MAC key) of questions, and those of answers; `secret` is the session's
    key for secrets.
    """
    keys = hmac.expand(secret, b"network " + node_id.encode(), 4 * hmac.SIZE)
    parts = [keys[at : at + hmac.SIZE] for at in range(0, 4 * hmac.SIZE, hmac.SIZE)]
    return (parts[0], parts[1]), (parts[2], parts[3])


def open_(aes, keys, kind, counter, sealed):
    """Return the body of what `close` made, or None when the tag is wrong."""
    n = len(sealed) - TAG_SIZE
    if n < LEAST:
        return None
    if not hmac.equal(tag(keys[1], kind, counter, sealed[:n]), sealed[n:]):
        return None
    last = (n - 1) // BLOCK * BLOCK
    whole = bytearray(last + BLOCK)
    whole[:n] = sealed[:n]
    if n < last + BLOCK:
        stolen = bytes(whole[last - BLOCK : last])
        told = aes(keys[0], ECB).decrypt(stolen)
        whole[last - BLOCK : last] = bytes(whole[last:n]) + told[n - last :]
        whole[last:] = stolen
    iv = first_block(aes, keys[0], kind, counter)
    return aes(keys[0], CBC, iv).decrypt(bytes(whole))[:n]

# SPDX-License-Identifier: MIT
"""Ring and packer without viper: the twins of the kernels, called as these are.

A kernel gets the address of a state and finds the rest of it from there. A twin gets a tuple of the
parts. Not loaded where there is viper.
"""

from array import array

from tirta_format import codec, crc


def ring(to, head, flags, halves):
    """Give the Ring `to` its parts and functions; its state."""
    state = array("i", bytes(4 * head))
    to.values = array("i", bytes(4 * to.channels))
    to.flags = bytearray(flags)
    to.slots = array("i", bytes(4 * to.capacity))
    to.records = array("H", bytes(2 * halves))
    to.take = _push
    to._add_up = _add_up
    to.alone = _alone
    to.handle = state, to.values, to.flags, to.slots, to.records
    return state


def packer(to, ring, head, words, probs, size):
    """Give the Packer `to` its parts and functions."""
    to.state = array("i", bytes(4 * words))
    to.chunk = to._bytes = bytearray(size)
    to.table = to._kept
    to._reset = _reset
    to.crc32 = crc.crc32
    to.take = _encode
    to.ring = ring.handle
    to.handle = to.state, array("H", bytes(2 * probs)), memoryview(to.chunk)[head:]


def _push(ring, slot):
    codec.push(ring[0], ring[1], ring[2], ring[3], ring[4], slot)


def _add_up(ring, n, channel):
    codec.add_up(ring[0], ring[4], n, channel)


def _alone(ring, to, i, at, low, high):
    return codec.alone(ring[0], ring[3], ring[4], to, i, at, low, high)


def _encode(ring, coder):
    return codec.encode(ring[0], ring[4], coder[0], coder[1], coder[2])


def _reset(coder, prior, channels):
    codec.reset(coder[0], coder[1], prior, channels)

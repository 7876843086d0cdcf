# SPDX-License-Identifier: MIT
"""A question for the address of a name, and its answer (RFC 1035): `getaddrinfo` waits for its
answer, up to 14 s, and no sample can.
"""

import struct

from micropython import const

_HEAD = const(12)
_ADDRESS = const(1)  # a record of type A
_POINTER = const(0xC0)


def is_address(host):
    """Whether `host` is four numbers, and needs no question."""
    parts = host.split(".")
    return len(parts) == 4 and all(p.isdigit() and int(p) < 256 for p in parts)


def question(host, number):
    """Return the packet that asks for an address of `host`; `number` comes back with the answer."""
    out = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0)
    for part in host.split("."):
        out += bytes((len(part),)) + part.encode()
    return out + struct.pack(">BHH", 0, _ADDRESS, 1)


def answer(packet, number):
    """Return the address in an answer as text, nothing when there is none. Raises ValueError for
    what answers no such question.
    """
    if len(packet) < _HEAD:
        raise ValueError("no answer")
    told, flags, asked, count = struct.unpack_from(">HHHH", packet, 0)
    if told != number or not flags & 0x8000:
        raise ValueError("no answer to that question")
    at = _HEAD
    for _ in range(asked):
        at = _behind_name(packet, at) + 4
    for _ in range(count):
        at = _behind_name(packet, at)
        if at + 10 > len(packet):
            break
        kind, _, _, n = struct.unpack_from(">HHIH", packet, at)
        at += 10 + n
        if kind == _ADDRESS and n == 4 and at <= len(packet):
            return "%d.%d.%d.%d" % tuple(packet[at - 4 : at])
    return ""


def _behind_name(packet, at):
    while at < len(packet) and packet[at]:
        if packet[at] >= _POINTER:
            return at + 2
        at += 1 + packet[at]
    return at + 1

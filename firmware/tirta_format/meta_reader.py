# SPDX-License-Identifier: MIT
"""Reads meta records (FORMAT.md section 5); `meta` writes them."""

import struct

from tirta_format import meta, varint


class _Reader:
    """Takes fields off a payload; every read is checked against its end."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def varint(self):
        n, self.at = varint.get(self.data, self.at, len(self.data))
        return n

    def bytes(self, n):
        if self.at + n > len(self.data):
            raise ValueError("meta record is cut off")
        self.at += n
        return bytes(self.data[self.at - n : self.at])

    def u8(self):
        return self.bytes(1)[0]

    def text(self):
        return self.bytes(self.varint()).decode()


def parse(payload):
    """(type, uptime in ms, fields by name) of a meta record.

    An unknown type has no fields. Raises ValueError on bytes that no writer writes.
    """
    take = _Reader(payload)
    kind = take.u8()
    uptime_ms = take.varint()
    fields = {}
    if kind == meta.BOOT:
        fields["boot"] = take.varint()
        fields["cause"] = take.u8()
        fields["firmware"] = take.text()
        fields["board"] = take.text()
    elif kind == meta.ANCHOR:
        fields["unix_ms"] = take.varint()
        fields["source"] = take.u8()
        fields["uncertainty_ms"] = take.varint()
    elif kind == meta.CONFIG:
        fields["hash"] = struct.unpack("<I", take.bytes(4))[0]
        fields["length"] = take.varint()
        fields["offset"] = take.varint()
        fields["part"] = take.bytes(len(payload) - take.at)
    elif kind == meta.LOSS:
        fields["reason"] = take.u8()
        fields["number"] = take.varint()
        fields["at_most"] = take.varint()
        fields["duration_ms"] = take.varint()
    elif kind == meta.CHECKPOINT:
        fields["pulled"] = take.varint()
        fields["lost"] = take.varint()
        fields["totals"] = [(take.text(), take.varint()) for _ in range(take.u8())]
    elif kind == meta.STOP:
        fields["reason"] = take.u8()
    return kind, uptime_ms, fields

# SPDX-License-Identifier: MIT
"""Reads meta records (FORMAT.md section 5); `meta` writes them."""

import struct

from tirta_format import access_log, meta, varint

_CALIBRATION = 7  # written by `calibration`
_ALARM = 8  # written by `alarm_log`
_UPDATE = 10  # written by `updates`


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
    elif kind == access_log.ACCESS:
        fields["what"] = take.u8()
        fields["role"] = take.u8()
        fields["serial"] = take.varint()
        fields["wrong"] = take.varint()
    elif kind == _CALIBRATION:
        fields["channel"] = take.text()
        fields["unix"] = take.varint()
        for key in ("method", "who", "old", "new", "points"):
            fields[key] = take.text()
    elif kind == _ALARM:
        fields["name"] = take.text()
        fields["raised"] = take.u8()
        fields["alarm"] = take.u8()
        n = take.varint()
        fields["value"] = n >> 1 if n & 1 == 0 else -(n + 1 >> 1)
    elif kind == _UPDATE:
        fields["reason"] = take.u8()
        fields["before"] = take.text()
        fields["firmware"] = take.text()
    return kind, uptime_ms, fields

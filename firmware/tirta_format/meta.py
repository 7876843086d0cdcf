# SPDX-License-Identifier: MIT
"""Meta records (FORMAT.md section 5): what happened to the node, in the log between its records."""

import struct

from tirta_format import varint

BOOT = 1
ANCHOR = 2
CONFIG = 3
LOSS = 4
CHECKPOINT = 5
STOP = 6

# Clock sources of an anchor
CLOCK_NONE = 0
CLOCK_KEPT = 1
CLOCK_LAPTOP = 2
CLOCK_NTP = 3
CLOCK_BATTERY = 4

LOSS_POWER = 1
LOSS_UNATTENDED = 2
LOSS_RING = 3
LOSS_FLASH = 4
LOSS_OVERWRITTEN = 5

STOP_VISIT = 1
STOP_RESTART = 2
STOP_CONFIG = 3

CAUSES = ("unknown", "power on", "hard reset", "watchdog", "deep sleep", "soft reset", "brown-out")
CONFIG_PART = 1024  # bytes of config text in one record, at most


def _text(text):
    data = text.encode()
    return varint.encode(len(data)) + data


def _head(kind, uptime_ms):
    return bytes((kind,)) + varint.encode(uptime_ms)


def boot(uptime_ms, number, cause, firmware, board):
    """The application started for the `number`-th time in this epoch."""
    return (
        _head(BOOT, uptime_ms)
        + varint.encode(number)
        + bytes((cause,))
        + _text(firmware)
        + _text(board)
    )


def anchor(uptime_ms, unix_ms, source, uncertainty_ms):
    """At `uptime_ms` the wall clock said `unix_ms`."""
    return (
        _head(ANCHOR, uptime_ms)
        + varint.encode(unix_ms)
        + bytes((source,))
        + varint.encode(uncertainty_ms)
    )


def config(uptime_ms, config_hash, text, offset):
    """The part of the config `text` that begins at `offset`."""
    return (
        _head(CONFIG, uptime_ms)
        + struct.pack("<I", config_hash)
        + varint.encode(len(text))
        + varint.encode(offset)
        + text[offset : offset + CONFIG_PART]
    )


def loss(uptime_ms, reason, number, at_most, duration_ms):
    """Up to `at_most` records are missing before record `number`; 0 = unknown."""
    return (
        _head(LOSS, uptime_ms)
        + bytes((reason,))
        + varint.encode(number)
        + varint.encode(at_most)
        + varint.encode(duration_ms)
    )


def checkpoint(uptime_ms, pulled, lost, pairs):
    """Where things stand; `pairs`: (channel name, total of its values so far)."""
    out = _head(CHECKPOINT, uptime_ms) + varint.encode(pulled) + varint.encode(lost)
    out += bytes((len(pairs),))
    for name, total in pairs:
        out += _text(name) + varint.encode(total)
    return out


def stop(uptime_ms, reason):
    """The application ends in order: everything before is committed."""
    return _head(STOP, uptime_ms) + bytes((reason,))


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
    if kind == BOOT:
        fields["boot"] = take.varint()
        fields["cause"] = take.u8()
        fields["firmware"] = take.text()
        fields["board"] = take.text()
    elif kind == ANCHOR:
        fields["unix_ms"] = take.varint()
        fields["source"] = take.u8()
        fields["uncertainty_ms"] = take.varint()
    elif kind == CONFIG:
        fields["hash"] = struct.unpack("<I", take.bytes(4))[0]
        fields["length"] = take.varint()
        fields["offset"] = take.varint()
        fields["part"] = take.bytes(len(payload) - take.at)
    elif kind == LOSS:
        fields["reason"] = take.u8()
        fields["number"] = take.varint()
        fields["at_most"] = take.varint()
        fields["duration_ms"] = take.varint()
    elif kind == CHECKPOINT:
        fields["pulled"] = take.varint()
        fields["lost"] = take.varint()
        fields["totals"] = [(take.text(), take.varint()) for _ in range(take.u8())]
    elif kind == STOP:
        fields["reason"] = take.u8()
    return kind, uptime_ms, fields

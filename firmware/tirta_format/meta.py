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
LOSS_TORN = 6  # at the end that a start found: torn by a cut, or damaged

STOP_VISIT = 1
STOP_RESTART = 2
STOP_CONFIG = 3

CAUSES = ("unknown", "power on", "hard reset", "watchdog", "deep sleep", "soft reset", "brown-out")
CONFIG_PART = 256  # bytes of config text in one record that we write; any number may be read


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


def config_part(payload):
    """The payload of a config record from its hash on: what two copies have in common."""
    return payload[varint.get(payload, 1, len(payload))[1] :]


def parse(payload):
    """As `meta_reader.parse`: for the laptop; the node loads the reader for its start only."""
    from tirta_format import meta_reader

    return meta_reader.parse(payload)

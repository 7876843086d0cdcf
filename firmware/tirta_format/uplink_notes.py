# SPDX-License-Identifier: MIT
"""What an archive reads and writes of pages over a network (FORMAT.md section 14): hellos of nodes,
and its own ledgers. Spans are those of uplink_hello.
"""

import struct

from tirta_format import uplink_hello, uplink_ledger, varint

FIELDS = (
    "epoch", "boot", "next_number", "oldest_number", "newest_page", "end", "config_hash", "unix_ms",
    "uncertainty_ms",
)  # fmt: skip
_MOST_SEQUENCE = 0xFFFFFFFF


def read_hello(body):
    """Return ({field: value}, spans). Raises ValueError for what no node says."""
    size = struct.calcsize(uplink_hello.HELLO)
    if len(body) <= size:
        raise ValueError("a hello is cut off")
    spans, at = _get_spans(body, size)
    if at != len(body):
        raise ValueError("a hello goes on behind its end")
    return dict(zip(FIELDS, struct.unpack_from(uplink_hello.HELLO, body, 0))), spans


def ledger(epoch, heard, safe, unix_ms, uncertainty_ms, spans, parts):
    """Return the body of a ledger: whole pages as `spans`, `parts` as [(page, bytes known)], newest
    first. What finds no room is left out from the oldest on, and the floor says from where on the
    ledger speaks.
    """
    spans, parts, floor = list(spans), list(parts), 0
    while True:
        tail = uplink_hello.put_spans(spans) + bytes((len(parts),)) if len(parts) < 256 else b""
        for page, size in parts:
            tail += varint.encode(page) + varint.encode(size)
        fits = len(spans) <= uplink_hello.MOST_SPANS and len(parts) < 256
        if fits and uplink_ledger.HEAD_SIZE + len(tail) <= uplink_ledger.MOST_BYTES:
            told = epoch, heard, safe, unix_ms, uncertainty_ms, floor
            return struct.pack(uplink_ledger.HEAD, *told) + tail
        oldest = spans[-1][0] if spans else _MOST_SEQUENCE
        floor = parts.pop()[0] + 1 if parts and parts[-1][0] < oldest else spans.pop()[1] + 1


def read_ledger(body):
    """Return (head, spans, parts) of a ledger. Raises ValueError for one that no archive writes."""
    if len(body) <= uplink_ledger.HEAD_SIZE:
        raise ValueError("a ledger is cut off")
    spans, at = _get_spans(body, uplink_ledger.HEAD_SIZE)
    if at >= len(body):
        raise ValueError("a ledger is cut off")
    parts = []
    count, at = body[at], at + 1
    for _ in range(count):
        page, at = varint.get(body, at, len(body))
        size, at = varint.get(body, at, len(body))
        parts.append((page, size))
    if at != len(body):
        raise ValueError("a ledger goes on behind its end")
    return struct.unpack_from(uplink_ledger.HEAD, body, 0), spans, parts


def _get_spans(body, at):
    n = len(body)
    count, at = body[at], at + 1
    spans = []
    for _ in range(count):
        gap, at = varint.get(body, at, n)
        more, at = varint.get(body, at, n)
        last = spans[-1][0] - 2 - gap if spans else gap
        if not 0 <= last - more <= last <= _MOST_SEQUENCE:
            raise ValueError("pages before the first, or behind the last")
        spans.append((last - more, last))
    return spans, at

# SPDX-License-Identifier: MIT
"""Formats by name, as JSON: one code for CPython, MicroPython and the 32-bit MicroPython.

`answer` turns a request line into an answer line: `{"ok": result}`, or `{"error": exception}`.
Bytes travel as {"hex": digits}, so that what comes back can be compared as it is.
"""

import json
import sys
from binascii import hexlify, unhexlify

import packing

from tirta_format import (
    cobs,
    config,
    frame,
    meta,
    page,
    record,
    record_reader,
    state,
    uplink_hello,
    uplink_ledger,
    uplink_notes,
)  # fmt: skip
from tirta_format.page_chunks import chunks


def cobs_encode(data):
    return cobs.encode(data)


def cobs_decode(data):
    return cobs.decode(data)


def frame_encode(kind, sequence, payload):
    return frame.encode(kind, sequence, payload)


def frame_decode(data):
    return frame.decode(data)


def header_pack(fields, unix_ms, source, uncertainty_ms):
    head = page.Header(*fields)
    head.date(unix_ms, source, uncertainty_ms)
    return page.MARK + head.pack()


def header_parse(data):
    head = page.header(data)
    if head is None:
        return None
    names = ("channels", "seq", "epoch", "number", "slot", "boot", "config_hash", "crc")
    return [getattr(head, name) for name in names] + [head.unix_ms, head.source, head.uncertainty]


def chunk_make(kind, payload, page_crc):
    buf = bytearray(2) + payload + bytearray(4)
    page.finish_chunk(buf, kind, len(payload), page_crc)
    return bytes(buf)


def page_chunks(data, page_crc):
    whole = data + b"\xff" * (page.SIZE - len(data))
    return list(chunks(whole, page_crc))


def records_encode(channels, place, placed, rows):
    encoder = record.Encoder(channels)
    encoder.restart(*place)
    buf = bytearray(40 + len(rows) * (encoder.bound() + 5))
    at = encoder.put_place(buf, 0) if placed else 0
    for slot, values, flags in rows:
        at = encoder.put(buf, at, slot, values, flags, 0)
    return bytes(buf[:at])


def records_decode(channels, place, placed, payload):
    """The records before the first malformed byte, and whether there was one."""
    decoder = record_reader.Decoder(channels)
    decoder.restart(*place)
    rows = []
    whole = True
    try:
        for number, slot, values, flags in decoder.records(payload, placed):
            shown = [v if f != record.MISSING else None for v, f in zip(values, flags)]
            rows.append([decoder.boot, number, slot, shown, bytes(flags)])
    except ValueError:
        whole = False
    return [whole, rows]


def records_pack(channels, rows, room, most):
    return packing.runs(channels, rows, room, most)


def meta_make(name, arguments):
    return getattr(meta, name)(*arguments)


def meta_parse(payload):
    kind, uptime_ms, fields = meta.parse(payload)
    return [kind, uptime_ms, [[name, fields[name]] for name in sorted(fields)]]


def state_encode(sequence, pairs):
    return state.encode(sequence, dict(pairs))


def state_decode(copy):
    found = state.decode(copy)
    return found and [found[0], sorted(found[1].items())]


def config_check(tree):
    return config.check(tree)


def config_hash(text):
    return config.config_hash(text)


def config_parses(text):
    """Only the verdict and the channels: dicts have an order of their own on MicroPython."""
    return sorted(config.parse(text))


def hello_make(fields, spans):
    return uplink_hello.hello(fields, spans)


def hello_read(body):
    fields, spans = uplink_notes.read_hello(body)
    return [[fields[name] for name in uplink_notes.FIELDS], spans]


def ledger_make(head, spans, parts):
    return uplink_notes.ledger(*head, spans, parts)


def ledger_read(body):
    return uplink_notes.read_ledger(body)


def ledger_known(body, pages):
    return [uplink_ledger.known(body, page) for page in pages]


def answer(line):
    name, arguments = json.loads(line)
    try:
        result = {"ok": _out(globals()[name](*_in(arguments)))}
    except Exception as error:  # noqa: BLE001 - which exception it is, is the answer
        kind = ValueError if isinstance(error, ValueError) else type(error)
        result = {"error": kind.__name__}
    return json.dumps(result)


def serve():
    """Answer lines on stdin until it ends."""
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        print(answer(line))


def _in(value):
    if isinstance(value, dict) and list(value) == ["hex"]:
        return unhexlify(value["hex"])
    if isinstance(value, list):
        return [_in(item) for item in value]
    return value


def _out(value):
    if isinstance(value, (bytes, bytearray)):
        return {"hex": hexlify(value).decode()}
    if isinstance(value, (list, tuple)):
        return [_out(item) for item in value]
    return value

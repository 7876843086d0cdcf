# SPDX-License-Identifier: MIT
"""What a laptop may ask, and the answers (FORMAT.md section 10).

Each method takes the sequence and the payload of one request. Requests may come twice, so each
does the same the second time.
"""

import json
import struct

from micropython import const

from tirta_format import frame, meta
from tirta_format import page as pages
from tirta_node import rarely, report
from tirta_node.stream import PageStream

_INDEX_ENTRIES = const(80)
_PART = const(1024)
_MAX_CONFIG = const(8000)
_BAUDS = (1200, 5000000)  # what the chip's UART can do
_RULES = "tirta_format.config"

RUN = 0
VISIT = 1
RESTART = 2


class Commands:
    """`node` is the application: it knows the parts. `wish` is what the laptop wants it to do."""

    def __init__(self, node, console):
        self._node = node
        self._console = console
        self._upload = bytearray(0)
        self._have = 0
        self.wish = RUN
        self._methods = {
            frame.HELLO: self._hello,
            frame.STATUS: self._status,
            frame.COMMIT: self._commit,
            frame.INDEX: self._index,
            frame.READ: self._read,
            frame.CONFIG_GET: self._config_get,
            frame.CONFIG_PUT: self._config_put,
            frame.CONFIG_APPLY: self._config_apply,
            frame.CLOCK_SET: self._clock_set,
            frame.RESTART: self._restart,
            frame.VALUES: self._values,
            frame.PULLED: self._pulled,
        }

    def handle(self, kind, sequence, payload):
        """Answer one request."""
        method = self._methods.get(kind)
        if method is None:
            self._console.refuse(sequence, frame.BAD_REQUEST, "this firmware has no such request")
            return
        try:
            method(sequence, payload)
        except (ValueError, IndexError) as error:
            self._console.refuse(sequence, frame.BAD_PAYLOAD, str(error))
        except OSError as error:
            self._console.refuse(sequence, frame.FLASH_FAILED, str(error))

    def _json(self, kind, sequence, value):
        self._console.answer(kind, sequence, json.dumps(value).encode())

    def _hello(self, sequence, payload):
        if len(payload) > 2:
            baud = int(bytes(payload[2:]).decode())
            if _BAUDS[0] <= baud <= _BAUDS[1]:
                self._node.line.pace(baud)
        self._json(frame.HELLO, sequence, report.identity(self._node))

    def _status(self, sequence, payload):
        self._json(frame.STATUS, sequence, report.status(self._node))

    def _values(self, sequence, payload):
        self._json(frame.VALUES, sequence, report.values(self._node))

    def _commit(self, sequence, payload):
        self._node.keeper.settle()
        log = self._node.keeper.log
        self._console.answer(frame.COMMIT, sequence, struct.pack("<IIH", log.number, *log.end()))

    def _index(self, sequence, payload):
        index = self._node.keeper.log.index
        seq = _fields("<I", payload)[0]
        entries = b""
        block = index.after(seq)
        while block >= 0 and len(entries) < _INDEX_ENTRIES * struct.calcsize(frame.INDEX_ENTRY):
            seq = index.seqs[block]
            head = index.header(block)
            if head is not None:
                entries += struct.pack(frame.INDEX_ENTRY, seq, head.number, head.crc)
            block = index.after(seq + 1)
        more = b"\x01" if block >= 0 else b"\x00"
        self._console.answer(frame.INDEX, sequence, more + entries)

    def _read(self, sequence, payload):
        first, offset, last, end = _fields("<IHIH", payload)
        if offset >= pages.SIZE or end > pages.SIZE or last < first:
            raise ValueError("no such range of pages")
        stream = PageStream(
            self._node.keeper.log.index, self._node.keeper.log.flash, self._console, sequence
        )
        stream.start(first, offset, last, end)

    def _config_get(self, sequence, payload):
        offset = _fields("<H", payload)[0]
        text = self._node.config_text()
        part = struct.pack("<H", len(text)) + text[offset : offset + _PART]
        self._console.answer(frame.CONFIG_GET, sequence, part)

    def _config_put(self, sequence, payload):
        length, offset = _fields("<HH", payload[:4])
        part = payload[4:]
        if length > _MAX_CONFIG or offset + len(part) > length:
            raise ValueError("config is longer than %d bytes" % _MAX_CONFIG)
        if offset == 0:
            self._upload = bytearray(length)
            self._have = 0
        if len(self._upload) == length and offset == self._have:
            self._upload[offset : offset + len(part)] = part
            self._have += len(part)
        self._console.answer(frame.CONFIG_PUT, sequence, struct.pack("<H", self._have))

    def _config_apply(self, sequence, payload):
        wanted = _fields("<I", payload)[0]
        text = bytes(self._upload)
        if self._have != len(text) or rarely.call(_RULES, "config_hash", text) != wanted:
            if wanted == self._node.keeper.log.config_hash:
                self._json(frame.CONFIG_APPLY, sequence, {"hash": wanted, "state": "active"})
                return
            raise ValueError("the config did not arrive whole: send it again")
        try:
            rarely.call(_RULES, "parse", text)
        except ValueError as error:
            self._console.refuse(sequence, frame.CONFIG_REFUSED, str(error))
            return
        self._node.keep_config(text)
        self.wish = RESTART
        self._node.stop_reason = meta.STOP_CONFIG
        self._json(frame.CONFIG_APPLY, sequence, {"hash": wanted, "state": "restarting"})

    def _clock_set(self, sequence, payload):
        unix_ms, uncertainty_ms = _fields("<QI", payload)
        self._node.set_clock(unix_ms, meta.CLOCK_LAPTOP, uncertainty_ms)
        self._json(frame.CLOCK_SET, sequence, {"clock": self._node.clock.quality()})

    def _restart(self, sequence, payload):
        how = _fields("<B", payload)[0]
        self.wish = VISIT if how == 1 else RESTART
        self._node.stop_reason = meta.STOP_VISIT if how == 1 else meta.STOP_RESTART
        self._console.answer(frame.RESTART, sequence, b"")

    def _pulled(self, sequence, payload):
        epoch, number = _fields("<II", payload)
        log = self._node.keeper.log
        if epoch != log.epoch or number > log.number:
            raise ValueError("that is not a record of this log")
        log.pulled = max(log.pulled, number)
        self._console.answer(frame.PULLED, sequence, b"")


def _fields(layout, payload):
    if len(payload) != struct.calcsize(layout):
        raise ValueError("the request is %d bytes long" % len(payload))
    return struct.unpack(layout, payload)

# SPDX-License-Identifier: MIT
"""What a laptop may ask, and the answers (FORMAT.md section 10).

Each method takes the sequence and the payload of one request. Requests may come twice, so each
does the same the second time. What changes the node is rare, and in `changes`.
"""

import json
import struct

from micropython import const

from tirta_format import frame
from tirta_format import page as pages
from tirta_node import rarely, report
from tirta_node.stream import PageStream

_INDEX_ENTRIES = const(80)
_BAUDS = (1200, 5000000)  # what the chip's UART can do
_CHANGES = "tirta_node.changes"

RUN = 0
VISIT = 1
RESTART = 2


class Commands:
    """`node` is the application: it knows the parts. `wish` is what the laptop wants it to do."""

    def __init__(self, node, console):
        self._node = node
        self._console = console
        self.upload = bytearray(0)  # a config that comes in parts
        self.have = 0  # bytes of it
        self.wish = RUN
        self._methods = {
            frame.HELLO: self._hello,
            frame.STATUS: self._status,
            frame.COMMIT: self._commit,
            frame.INDEX: self._index,
            frame.READ: self._read,
            frame.VALUES: self._values,
            frame.PULLED: self._pulled,
        }

    def handle(self, kind, sequence, payload):
        """Answer one request."""
        method = self._methods.get(kind)
        try:
            if method is not None:
                method(sequence, payload)
            elif frame.CONFIG_GET <= kind <= frame.RESTART:
                rarely.call(_CHANGES, "handle", self._node, self._console, kind, sequence, payload)
            else:
                text = "this firmware has no such request"
                self._console.refuse(sequence, frame.BAD_REQUEST, text)
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

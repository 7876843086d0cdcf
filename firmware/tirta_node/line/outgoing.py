# SPDX-License-Identifier: MIT
"""Frames on their way out, encoded piece by piece while the line is busy with the piece before.

A frame is `begin`, any number of `put`, `close`. Nothing of it is kept but what COBS still needs:
at most the open block of 254 bytes, a piece, and what the FIFO has not taken yet.
"""

import array
import struct
from binascii import crc32

from micropython import const

try:
    from tirta_node.storage.codec_viper import stuff
except (ImportError, SyntaxError, ValueError):  # the rescue's: no application, or a broken one
    from tirta_format.cobs import stuff

PIECE = const(192)  # content that one `put` brings at most
_AHEAD = const(64)  # encoded and not sent: with less, the next piece is made
_OUT = const(528)  # _AHEAD, the open block, a piece, CRC, delimiters
_LEAST = const(32)  # a few bytes at a time would cost more than they bring
_SENT = const(0)  # in _place, as in tirta_format/cobs.py
_OPEN = const(1)
_END = const(2)


class Outgoing:
    """Encodes into one small buffer and writes to `line` what fits."""

    def __init__(self, line):
        self._line = line
        self._out = bytearray(_OUT)
        self._view = memoryview(self._out)
        self._place = array.array("H", (0, 0, 0))
        self._four = bytearray(4)
        self._crc = 0
        self._inside = False  # a frame has begun

    def use(self, line, anew):
        """Write to another line, and forget what is on its way where that is `anew`."""
        self._line = line
        if anew:
            self._inside = False
            for i in (_SENT, _OPEN, _END):
                self._place[i] = 0

    def waiting(self):
        """Bytes that are ready for the line."""
        return self._place[_OPEN] - self._place[_SENT]

    def wants(self):
        """Whether the line will soon have nothing to do."""
        return self._place[_OPEN] - self._place[_SENT] < _AHEAD

    def begin(self, kind, sequence):
        """A frame begins."""
        place = self._place
        at = place[_END]
        self._out[at] = 0
        place[_OPEN] = at + 1
        place[_END] = at + 2
        self._inside = True
        self._crc = 0
        self._four[0] = kind
        self._four[1] = sequence
        self.put(self._four, 0, 2)

    def put(self, data, start, end):
        """Its content goes on with `data[start:end]`, at most PIECE bytes."""
        self._crc = crc32(memoryview(data)[start:end], self._crc)
        stuff(self._out, self._place, data, start, end)

    def close(self):
        """The frame is whole."""
        struct.pack_into("<I", self._four, 0, self._crc)
        stuff(self._out, self._place, self._four, 0, 4)
        self.spoil()

    def spoil(self):
        """What was begun ends here; without its CRC nobody takes it for a frame."""
        if self._inside:
            self._inside = False
            place = self._place
            at = place[_END]
            self._out[place[_OPEN]] = at - place[_OPEN]
            self._out[at] = 0
            place[_OPEN] = place[_END] = at + 1

    def say(self, text):
        """Text that is no frame; only when nothing is waiting."""
        n = len(text)
        self._out[:n] = text
        place = self._place
        place[_SENT] = 0
        place[_OPEN] = place[_END] = n

    def send(self):
        """Write what fits."""
        place = self._place
        sent = place[_SENT]
        left = place[_OPEN] - sent
        if not left:
            return
        room = self._line.room()
        if room <= 0 or (room < left and room < _LEAST):
            return
        left = min(left, room)
        self._line.write(self._view[sent : sent + left])
        place[_SENT] = sent + left

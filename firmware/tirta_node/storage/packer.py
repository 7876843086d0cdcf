# SPDX-License-Identifier: MIT
"""Packs records into compressed runs (FORMAT.md 4b): `page`, then for each chunk `begin`, `add`
until it does not say IN, `finish`, `crc`, and the ring drops what is in it.

The run lies at `chunk[HEAD:]`, so that what stands before it in its chunk (FORMAT.md 3 and 4a) can
be written right in front once it is known. Everything is allocated once. The state, the
probabilities and the chunk lie in one buffer, because a call with fewer buffers is cheaper.
"""

from array import array

import uctypes

from tirta_format.prior import PRIOR
from tirta_node import unload

NO, IN, LAST = 0, 1, 2  # what `add` says
COUNT = 17
CHANNELS_MAX = 32
RECORDS_MAX = 255
SUMS_MAX = 8
# Chunk word, place, number of records, and sums of 255 values of 32 bits; a whole number of words.
HEAD = 2 + 15 + 1 + 1 + SUMS_MAX * 7 + 1

# As in codec_viper.py.
_LOW, _RANGE, _POS, _LIMIT, _PROBS, _OUT, _MOST, _SOFT = 0, 1, 2, 3, 15, 16, 18, 19
_PACES, _BLOCKS, _STRIDE, _RECENT = 20, 21, 24, 738
_TOP, _BOTTOM = 1 << 29, 1 << 21
_CUT = 4  # bytes that tell a record that was cut off from a whole one


def make_table():
    """The table of the CRC. Its module is not kept."""
    return unload.call("tirta_format.crc", "make_table")


def worst_record(channels):
    """No record takes more bytes than this: 19 steps of 11 bits and 33 raw bits a value, flags."""
    return 32 * (channels + 1) + 8


class Packer:
    """`chunk` is the buffer; what is packed are the oldest records of `ring`. The journal uses
    `crc32` and `table`, too.
    """

    def __init__(self, ring, chunk_bytes=768):
        """A run ends with the record that takes it beyond `chunk_bytes`."""
        channels = ring.channels
        if not 1 <= channels <= CHANNELS_MAX:
            raise ValueError("1 to 32 channels")
        self._channels = channels
        self._soft = chunk_bytes
        self._most = chunk_bytes + worst_record(channels)
        self._room = 0
        self._crc_low = self._crc_high = 0
        state = _BLOCKS + (channels + 1) * _STRIDE
        probs = _RECENT + 4 * (channels + 1)
        size = HEAD + self._most + 4
        table = make_table()
        words = (probs + 1) // 2
        self.state = array("i", bytes(4 * (state + words + (size + 3) // 4)))
        self.state[_PROBS] = state
        self.state[_OUT] = state + words + HEAD // 4
        # A viper pointer also takes an address, 170 instructions a call cheaper than a buffer.
        at = uctypes.addressof(self.state)
        self.chunk = uctypes.bytearray_at(at + 4 * (state + words), size)
        self._kept = table
        self.table = uctypes.addressof(table)
        self._bytes = at + 4 * (state + words)
        self._reset = ring.kernels.reset
        self.crc32 = ring.kernels.crc32
        self.take = ring.kernels.encode
        self.ring, self.handle = ring.handle, at

    def count(self):
        """Records in the run, without the one that did not fit."""
        return self.state[COUNT]

    def page(self, crc_low, crc_high, paces=1):
        """Fresh models, for a new page or a chunk with its place. The CRC-32 of the page's header
        comes in two halves; `paces` is 0 in a page of version 1.
        """
        self.state[_PACES] = paces
        self._crc_low = crc_low ^ 65535
        self._crc_high = crc_high ^ 65535
        self._reset(self.handle, PRIOR, self._channels)

    def begin(self, room, most=60):
        """A new run of at most `room` bytes (4 or more) and `most` records."""
        state = self.state
        state[_LOW] = 0
        state[_RANGE] = _TOP
        state[_POS] = 0
        state[_LIMIT] = min(room, self._most)
        state[COUNT] = 0
        state[_MOST] = min(most, RECORDS_MAX)
        state[_SOFT] = min(room - _CUT + 1, self._soft)
        self._room = room

    def add(self):
        """Pack the records of the ring from the `count`-th on. IN: all are in; LAST: the run is to
        be finished; NO: the next does not fit, the run is to be finished without it, and the models
        are of no use before the next `page`.
        """
        return self.take(self.ring, self.handle)

    def finish(self):
        """End the run; its length. Its bytes are chunk[HEAD:HEAD + length]."""
        state = self.state
        chunk = self.chunk
        at = HEAD + state[_POS]
        low = state[_LOW]
        cut = state[_POS] >= state[_LIMIT]
        if not cut:
            low += _BOTTOM - 1  # one byte is enough: the range spans at least one of its steps
        if low >= _TOP:
            low -= _TOP
            i = at - 1
            while chunk[i] == 255:
                chunk[i] = 0
                i -= 1
            chunk[i] += 1
        if cut:
            # The record that did not fit is cut off: what was written of it only says where in the
            # range of the records before it lies, and four bytes past their end say that enough.
            return self._room
        chunk[at] = low >> 21
        return at + 1 - HEAD

    def crc(self, start, end):
        """Write the CRC-32 of chunk[start:end] behind it, going on from that of the page header."""
        self.crc32(self._crc_low, self._crc_high, self.table, self._bytes, start, end)

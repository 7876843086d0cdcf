# SPDX-License-Identifier: MIT
"""Packs records into compressed runs (FORMAT.md 4b): `page`, then for each chunk `begin`, `add`
until it does not say IN, `finish`, `crc`.

The run lies at `chunk[HEAD:]`, so that what stands before it in its chunk (FORMAT.md 3 and 4a) can
be written right in front once it is known. Everything is allocated once. With viper the state, the
probabilities and the chunk lie in one buffer, because a call with fewer buffers is cheaper; where
there is none (CPython, the webassembly port) the twins of tirta_format do the same, slower.
"""

from array import array

from tirta_format.crc import make_table
from tirta_format.prior import PRIOR

try:
    import uctypes

    from tirta_node import kernels

    VIPER = True
except (ImportError, SyntaxError, ValueError):  # no viper; no emitter; compiled for another chip
    VIPER = False

NO, IN, LAST = 0, 1, 2  # what `add` says
CHANNELS_MAX = 32
RECORDS_MAX = 127
SUMS_MAX = 8
# Chunk word, place, number of records, and sums of 127 values of 32 bits; a whole number of words.
HEAD = 2 + 15 + 1 + 1 + SUMS_MAX * 7 + 1

# As in tirta_format/codec.py.
_LOW, _RANGE, _POS, _LIMIT, _PROBS, _OUT, _COUNT, _MOST, _SOFT = 0, 1, 2, 3, 15, 16, 17, 18, 19
_BLOCKS, _STRIDE, _RECENT = 20, 20, 738
_TOP, _BOTTOM = 1 << 29, 1 << 21
_CUT = 4  # bytes that tell a record that was cut off from a whole one


def record_halves(channels):
    """Slip (2), values (2 each), flags (4 a half), made even: whole 32-bit words."""
    return 2 + 2 * channels + 2 * ((channels + 7) // 8)


def worst_record(channels):
    """No record takes more bytes than this: 19 steps of 11 bits and 33 raw bits a value, flags."""
    return 32 * (channels + 1) + 8


class Packer:
    """`chunk` is the buffer, `count` the records of the run so far."""

    def __init__(self, channels, chunk_bytes=768, viper=True):
        """A run ends with the record that takes it beyond `chunk_bytes`."""
        if not 1 <= channels <= CHANNELS_MAX:
            raise ValueError("1 to 32 channels")
        self.channels = channels
        self._soft = chunk_bytes
        self._most = chunk_bytes + worst_record(channels)
        self._room = 0
        self._cut = False
        self._table = make_table()
        state = _BLOCKS + (channels + 1) * _STRIDE
        probs = _RECENT + 4 * (channels + 1)
        size = HEAD + self._most + 4
        self.viper = viper and VIPER
        if self.viper:
            words = (probs + 1) // 2
            self._state = array("i", bytes(4 * (state + words + (size + 3) // 4)))
            self._state[_PROBS] = state
            self._state[_OUT] = state + words + HEAD // 4
            # A viper pointer also takes an address, 170 instructions a call cheaper than a buffer.
            self._at = uctypes.addressof(self._state)
            self.chunk = uctypes.bytearray_at(self._at + 4 * (state + words), size)
        else:
            from tirta_format import codec, crc

            self._codec = codec
            self._crc = crc
            self._state = array("i", bytes(4 * state))
            self._probs = array("H", bytes(2 * probs))
            self.chunk = bytearray(size)
            self._out = memoryview(self.chunk)[HEAD:]

    @property
    def count(self):
        """Records in the run, without the one that did not fit."""
        return self._state[_COUNT]

    def page(self):
        """Fresh models, for a new page or a chunk of kind 5."""
        if self.viper:
            kernels.reset(self._at, PRIOR, self.channels)
        else:
            self._codec.reset(self._state, self._probs, PRIOR, self.channels)

    def begin(self, room, most=60):
        """A new run of at most `room` bytes (4 or more) and `most` records."""
        state = self._state
        state[_LOW] = 0
        state[_RANGE] = _TOP
        state[_POS] = 0
        state[_LIMIT] = min(room, self._most)
        state[_COUNT] = 0
        state[_MOST] = min(most, RECORDS_MAX)
        state[_SOFT] = min(room - _CUT + 1, self._soft)
        self._room = room
        self._cut = False

    def add(self, records, at):
        """IN; LAST: it is in, and the run is to be finished; NO: it does not fit, the run is to be
        finished without it, and the models are of no use before the next `page`.
        """
        if self.viper:
            done = kernels.encode(records, at, self._at)
        else:
            done = self._codec.encode(records, at, self._state, self._probs, self._out)
        if done == NO:
            self._cut = True
        return done

    def page_is_full(self):
        """After `finish`: nothing more fits into the room that was given, and `page` comes next."""
        return self._cut or self._state[_POS] + _CUT > self._room

    def finish(self):
        """End the run; its length. Its bytes are chunk[HEAD:HEAD + length]."""
        state = self._state
        chunk = self.chunk
        at = HEAD + state[_POS]
        low = state[_LOW]
        if not self._cut:
            low += _BOTTOM - 1  # one byte is enough: the range spans at least one of its steps
        if low >= _TOP:
            low -= _TOP
            i = at - 1
            while chunk[i] == 255:
                chunk[i] = 0
                i -= 1
            chunk[i] += 1
        if self._cut:
            # The record that did not fit is cut off: what was written of it only says where in the
            # range of the records before it lies, and four bytes past their end say that enough.
            return self._room
        chunk[at] = low >> 21
        return at + 1 - HEAD

    def crc(self, start, end, page_crc_low, page_crc_high):
        """Write the CRC-32 of chunk[start:end] behind it, going on from that of the page header,
        which comes in two halves.
        """
        low, high = page_crc_low ^ 65535, page_crc_high ^ 65535
        if self.viper:
            kernels.crc32(self.chunk, start, end, end, self._table, low, high)
        else:
            self._crc.crc32(self.chunk, start, end, end, self._table, low, high)


def pointer(buffer):
    """What `capture` and `add` may be given instead of a buffer: cheaper where viper runs."""
    return uctypes.addressof(buffer) if VIPER else buffer


if VIPER:
    capture = kernels.capture
else:
    from tirta_format.codec import capture as capture  # noqa: PLC0414 - it is given on

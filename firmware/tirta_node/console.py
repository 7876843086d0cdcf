# SPDX-License-Identifier: MIT
"""The link to a laptop: frames in, frames out, byte by byte between samples (FORMAT.md section 9).

`step` never waits: it reads what has arrived, answers one request, and writes what fits into the
FIFO. Noise costs frames, never more. A *visit* is a Ctrl-C that asks for the REPL.
"""

import time

from micropython import const

from tirta_format import cobs, frame

_LINE_BYTES = const(256)  # input taken in one step, and the longest frame from a laptop
_QUIET_MS = const(50)  # before an Enter or a Ctrl-C that counts
_SILENCE_MS = const(50)  # behind it
_CTRL_C = const(3)
_CR = const(13)
_LF = const(10)

_QUIET = const(0)  # nothing came for a while
_ENTER = const(1)  # only line ends since then
_ASKED = const(2)  # then a Ctrl-C
_BUSY = const(3)  # anything else


class Console:
    """`greeting` is what a person who presses Enter reads; `handle` answers requests."""

    def __init__(self, line):
        self._line = line
        self.greeting = b""
        self.handle = None  # handle(kind, sequence, payload as a memoryview)
        self.more = None  # called when everything is sent: may send the next frame of a stream
        # The content of a request, and then of its answer, whose payload begins at 2: whoever
        # answers has taken what the request says before.
        self.payload = bytearray(frame.MAX_FROM_NODE)
        self.dropped = 0  # frames that did not arrive whole
        self.visit = False
        self._frame = bytearray(_LINE_BYTES)
        self._length = 0
        self._out = bytearray(frame.MAX_FROM_NODE + frame.MAX_FROM_NODE // 254 + 4)
        self._sent = 0
        self._size = 0
        self._state = _BUSY
        self._last_ms = time.ticks_ms()

    def wait_ms(self):
        """How long nothing is to do here, unless input comes."""
        if self._size or self.more is not None:
            return 0
        return _SILENCE_MS if self._state in (_ENTER, _ASKED) else 60000

    def step(self):
        """Take in what arrived, send what fits."""
        self._receive()
        self._send()
        if not self._size and self.more is not None:
            self.more()
            self._send()

    def send(self, kind, sequence, n):
        """Queue a frame whose payload is `payload[2:2 + n]`; only when nothing is queued."""
        size = frame.pack_into(self.payload, kind, sequence, n)
        out = self._out
        out[0] = 0
        end = cobs.encode_into(self.payload, size, memoryview(out), 1)
        out[end] = 0
        self._sent = 0
        self._size = end + 1

    def answer(self, kind, sequence, data):
        """Queue the answer to a request."""
        self.payload[2 : 2 + len(data)] = data
        self.send(kind + frame.ANSWER, sequence, len(data))

    def refuse(self, sequence, code, text):
        """Queue a refusal that says why."""
        data = bytes((code,)) + text.encode()[:120]
        self.payload[2 : 2 + len(data)] = data
        self.send(frame.REFUSAL, sequence, len(data))

    def flush(self):
        """Send everything that is queued: for the end of the application only."""
        while self._size:
            self._send()
            time.sleep_ms(1)

    def _send(self):
        while self._size:
            room = self._line.room()
            left = self._size - self._sent
            if room <= 0 or (room < left and room < 32):
                return  # a few bytes at a time would cost more than they bring
            n = min(room, left)
            self._line.write(memoryview(self._out)[self._sent : self._sent + n])
            self._sent += n
            if self._sent == self._size:
                self._size = 0

    def _receive(self):
        for _ in range(_LINE_BYTES):
            byte = self._line.byte()
            if byte < 0:
                self._decide()
                return
            if self._silent_ms() >= _QUIET_MS:
                self._state = _QUIET
            self._last_ms = time.ticks_ms()
            if self._state != _BUSY and self._is_typed(byte):
                if self.visit:
                    return  # what comes next is for the REPL: mpremote's Ctrl-A
            elif byte == 0:
                self._end_of_frame()
                if self._size:
                    return
            elif self._length < _LINE_BYTES:
                self._frame[self._length] = byte
                self._length += 1

    def _silent_ms(self):
        return time.ticks_diff(time.ticks_ms(), self._last_ms)

    def _is_typed(self, byte):
        """Whether this byte out of the quiet is a person's, or mpremote's, and not of a frame."""
        if byte == _CR and self._state == _ASKED:
            self.visit = True
        elif byte == _CTRL_C:
            self._state = _ASKED
        elif byte in (_CR, _LF) and self._state != _ASKED:
            self._state = _ENTER
        else:
            self._state = _BUSY
            return False
        self._length = 0
        return True

    def _decide(self):
        """Nothing more has come: was that a person?"""
        if self._state == _BUSY or self._silent_ms() < _SILENCE_MS:
            return
        if self._state == _ASKED:
            self.visit = True
        elif self._state == _ENTER and not self._size:
            self._state = _QUIET
            n = self._size = len(self.greeting)
            self._out[:n] = self.greeting
            self._sent = 0

    def _end_of_frame(self):
        n, self._length = self._length, 0
        if n == 0:
            return
        n = cobs.decode_into(self._frame, n, memoryview(self.payload))
        if n < 0 or not frame.valid(self.payload, n):
            self.dropped += 1
            return
        self.more = None
        view = memoryview(self.payload)
        self.handle(view[0], view[1], view[2 : n - 4])

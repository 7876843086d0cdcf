# SPDX-License-Identifier: MIT
"""The link to a laptop: frames in, frames out, byte by byte between samples (FORMAT.md section 9).

`step` never waits: it reads what has arrived, answers one request, prepares a piece of what goes
out, and writes what fits into the FIFO. Noise costs frames, never more. A *visit* is a Ctrl-C that
asks for the REPL; a *stream* makes frames, piece by piece, until something else is asked.
"""

import time

from micropython import const

from tirta_format import cobs, frame
from tirta_node.line.outgoing import PIECE, Outgoing

RUN, VISIT, RESTART = 0, 1, 2  # what a laptop may wish of the application's loop
_LINE_BYTES = const(256)  # input taken in one step, and the longest frame from a laptop
_QUIET_MS = const(50)  # before an Enter or a Ctrl-C that counts
_SILENCE_MS = const(50)  # behind it
_LAPSE_MS = const(1500)  # without a whole frame, until a raised rate is given up
_LAPSE_STEP_MS = const(250)
_FIRST_BAUD = const(115200)  # of MicroPython's UART; a laptop may know of a slower one
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
        self.seal = None  # seal(kind, sequence, data): the (kind, data) that go out instead
        self.stream = None  # called whenever the line wants more; sets this to None at its end
        self.out = Outgoing(line)
        self.dropped = 0  # frames that did not arrive whole
        self.first_baud = _FIRST_BAUD  # of this boot: the line goes back to it
        self.switched = False  # whether the node has set another rate in this boot
        self.lapse = None  # called when nobody speaks at a raised rate (tirta_node/line/baud.py)
        self.visit = False
        self.repl = True  # whether a Ctrl-C may ask for it
        self._answer = b""  # the rest of an answer begins at `_at`
        self._at = 0
        self._frame = bytearray(_LINE_BYTES)
        self._length = 0
        self._asked = -1  # sequence of a request, until all that came meanwhile is read
        self._state = _BUSY
        self._last_ms = time.ticks_ms()  # when the last byte came, and the last whole frame
        self._heard_ms = self._last_ms

    def use(self, line, anew=True):
        """Speak over another line from now on; return the one before. What was under way is
        forgotten, or, where not `anew`, goes on.
        """
        before = self._line
        self._line = line
        self.out.use(line, anew)
        if anew:
            self.stream = None
            self._answer = b""
            self._at = self._length = 0
            self._state = _BUSY
            self._asked = -1
        return before

    def is_idle(self):
        """Whether nothing is on its way out that was not handed to the line."""
        return self.stream is None and not self._busy()

    def last_frame(self):
        """Ticks in ms of the last whole frame: another number means that a laptop talks."""
        return self._heard_ms

    def wait_ms(self):
        """How long nothing is to do here, unless input comes."""
        if self.stream is not None or self._busy():
            return self._line.drain_ms()
        if self._state in (_ENTER, _ASKED):
            return _SILENCE_MS
        return 60000 if self.lapse is None else _LAPSE_STEP_MS

    def _busy(self):
        """An answer is on its way."""
        return self.out.waiting() or self._at < len(self._answer)

    def step(self):
        """Take in what arrived, send what fits."""
        if self.stream is not None or not self._busy():
            self._receive()
        answers = self.stream is None and self._busy()
        self._send()
        if answers and not self._busy():
            self._receive()  # what came before the answer was out: behind it nothing is a repeat
        if self.lapse is not None:
            self._may_lapse()

    def _may_lapse(self):
        if self.stream is not None or self._busy():
            self._heard_ms = time.ticks_ms()
        elif time.ticks_diff(time.ticks_ms(), self._heard_ms) > _LAPSE_MS:
            self.lapse()

    def _send(self):
        out = self.out
        if out.wants():
            if self._at < len(self._answer):
                self._go_on()
            elif self.stream is not None:
                try:
                    self.stream()
                except (OSError, MemoryError):  # flash or heap: the laptop asks again
                    self._end_stream()
        out.send()

    def answer(self, kind, sequence, data):
        """The answer to a request; `data` may be of any length and must not change any more."""
        self._begin(kind + frame.ANSWER, sequence, data)

    def refuse(self, sequence, code, text):
        """A refusal that says why."""
        self._begin(frame.REFUSAL, sequence, bytes((code,)) + text.encode()[:120])

    def _begin(self, kind, sequence, data):
        if self.seal is not None:
            kind, data = self.seal(kind, sequence, data)
        self.out.begin(kind, sequence)
        self._answer = data
        self._at = 0
        if not data:
            self.out.close()

    def _go_on(self):
        size = len(self._answer)
        end = min(self._at + PIECE, size)
        self.out.put(self._answer, self._at, end)
        self._at = end
        if end == size:
            self.out.close()
            self._answer = b""
            self._at = 0

    def flush(self):
        """Send the answer that is queued, and end a stream: the line gets another use."""
        self._end_stream()
        while self._busy():
            self._send()
            time.sleep_ms(1)

    def _end_stream(self):
        if self.stream is not None:
            self.stream = None
            self.out.spoil()

    def _receive(self):
        for _ in range(_LINE_BYTES):
            byte = self._line.byte()
            if byte < 0:
                self._asked = -1
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
                if self._busy():
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
        elif byte == _CTRL_C and self.repl:
            self._state = _ASKED
        elif (byte in (_CR, _LF) and self._state != _ASKED) or (0 < byte < 5 and not self.repl):
            self._state = _ENTER  # what mpremote types at a locked node gets the greeting, too
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
        elif self._state == _ENTER and self.stream is None and not self._busy():
            self._state = _QUIET
            self.out.say(self.greeting)

    def _end_of_frame(self):
        n, self._length = self._length, 0
        if n == 0:
            return
        view = memoryview(self._frame)
        n = cobs.decode_into(self._frame, n, view)
        if n < 0 or not frame.valid(self._frame, n):
            self.dropped += 1
            return
        self._heard_ms = self._last_ms
        if view[1] == self._asked:
            return  # it came again while it was answered: the answer is on its way
        self._asked = view[1]
        self._end_stream()
        if not self._busy():
            self._line.write(b"\0")  # the node has the request, however long the answer takes
        self.handle(view[0], view[1], view[2 : n - 4])

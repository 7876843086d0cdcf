# SPDX-License-Identifier: MIT
"""Atlas Scientific EZO circuit on I2C (their data sheets, I2C mode): commands, delays, codes.

The first byte of an answer is 1 done, 2 syntax error, 254 still busy, 255 nothing to send; then
text up to a zero. An answer is given once.
"""

import time

DONE, SYNTAX, BUSY, NOTHING = 1, 2, 254, 255
_READING_MS = 900
_OTHER_MS = 300
NAMES = {97: b"DO", 98: b"ORP", 99: b"pH", 100: b"EC", 102: b"RTD"}  # by their usual addresses


class EZOCircuit:
    """`answer()` gives the text of a reading."""

    def __init__(self, answer, address=99):
        self._answer = answer
        self._name = NAMES.get(address, b"pH")
        self._reply = None  # (code, text)
        self._ready_ms = 0
        self.status = DONE  # another code: what every reading ends with
        self.late_ms = 0
        self.temperature = b"25.0"

    def write(self, data):
        text = bytes(data).upper()
        ms = _OTHER_MS
        reply = DONE, b""
        if text == b"R" or text.startswith(b"RT,"):
            ms = _READING_MS + self.late_ms
            reply = (DONE, self._answer()) if self.status == DONE else (self.status, b"")
        elif text == b"I":
            reply = DONE, b"?I," + self._name + b",2.16"
        elif text == b"STATUS":
            reply = DONE, b"?STATUS,P,5.038"
        elif not text.startswith(b"T,"):
            reply = SYNTAX, b""
        if text[:1] in b"RT" and b"," in text:
            try:
                float(text.split(b",")[1])
                self.temperature = text.split(b",")[1]
            except ValueError:
                reply = SYNTAX, b""
        self._reply = reply
        self._ready_ms = time.ticks_add(time.ticks_ms(), ms)

    def read(self, buf):
        code, text = NOTHING, b""
        if self._reply is not None:
            if time.ticks_diff(time.ticks_ms(), self._ready_ms) < 0:
                code = BUSY
            else:
                code, text = self._reply
                if code != BUSY:
                    self._reply = None
        data = bytes((code,)) + text
        for i in range(len(buf)):
            buf[i] = data[i] if i < len(data) else 0

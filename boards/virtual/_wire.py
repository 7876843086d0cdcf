# SPDX-License-Identifier: MIT
"""UART0 as the port drives it, and the `sys` whose streams are this UART.

Output fills a FIFO of 128 bytes that drains at the baud rate; who finds it full sleeps whole ticks
of 10 ms. (On a *free* line there is no FIFO: a write waits for its reader, as on native USB.) Input
blocks until the buffer is full. Both go through the pipes of the process: there raw bytes travel in
*envelopes* (0xFF, kind, length, bytes), because what the interpreter prints itself, without an
envelope, is text that still needs its line ends. 0xFF never occurs in UTF-8.
"""

import io
import sys as _sys

import _clock
import _host
import _state

_FIFO = 128
_RAW = 1
_EVENT = 2
_stdin = _sys.stdin.buffer
_stdout = _sys.stdout.buffer
_MOST = 255  # bytes in an envelope
_free = _state.get(_state.FREE_LINE)
_envelope = bytearray(3 + _MOST)
_envelope[0] = 0xFF
_envelope[1] = _RAW
_view = memoryview(_envelope)
_stdin_poll = _host.select.poll()
_stdin_poll.register(_stdin, _host.select.POLLIN)
baud = _state.get(_state.BAUD)
_level = 0
_stamp_us = 0


def tell(event):
    """An event for the supervisor, in order with the output before it."""
    _stdout.write(bytes((0xFF, _EVENT, len(event))) + event)


def set_baud(value):
    global baud
    baud = value
    _state.put(_state.BAUD, value)
    tell(b"baud %d" % value)


def _drain():
    global _level, _stamp_us
    now = _clock.now_us()
    gone = (now - _stamp_us) * baud // 10_000_000
    if gone >= _level:
        _level = 0
        _stamp_us = now
    elif gone > 0:
        _level -= gone
        _stamp_us += gone * 10_000_000 // baud


def _send(data, size):
    global _level
    at = 0
    while at < size:
        if _free:
            room = _MOST
        else:
            _drain()
            room = _FIFO - _level
        if room <= 0:
            _clock.sleep_us(_clock.TICK_US)
            continue
        count = min(room, size - at)
        _envelope[2] = count
        if at == 0 and count == size:
            _envelope[3 : 3 + count] = data
        else:
            _envelope[3 : 3 + count] = data[at : at + count]
        _stdout.write(_view[: 3 + count])
        _level += count
        at += count
    return size


def _part(data, part):
    """Streams write (data, length) and (data, offset, length) too."""
    first = part[0] if len(part) > 1 else 0
    return memoryview(data)[first : first + part[-1]]


class _RawOut(io.IOBase):
    def write(self, data, *part):
        if isinstance(data, str):
            data = data.encode()
        elif not isinstance(data, (bytes, bytearray)):
            data = memoryview(data)
        if part:
            data = _part(data, part)
        return _send(data, len(data))

    def flush(self):
        pass


class _TextOut(io.IOBase):
    buffer = _RawOut()

    def write(self, data, *part):
        if isinstance(data, str):
            data = data.encode()
        if part:
            data = _part(data, part)
        size = len(data)
        text = bytes(data).replace(b"\n", b"\r\n")
        _send(text, len(text))
        return size

    def flush(self):
        pass


class _RawIn(io.IOBase):
    real = _stdin
    _text = False

    def __init__(self):
        self._one = bytearray(1)

    def readinto(self, buf, size=-1):
        """Blocks until the buffer is full, as on the chip."""
        if size < 0:
            size = len(buf)
        if size == 1 and len(buf) == 1:
            self._read_byte(buf)
            return 1
        for i in range(size):
            self._read_byte(self._one)
            buf[i] = self._one[0]
        return size

    def read(self, size=-1):
        out = bytearray(size if size >= 0 else 0)
        if size >= 0:
            self.readinto(out)
        else:  # until Ctrl-D, which stands for the end of the file
            while self._read_byte(self._one) != 4:
                out.append(self._one[0])
        return str(out, "utf-8") if self._text else bytes(out)

    def readline(self):
        out = bytearray()
        while not out or out[-1] != 10:
            self._read_byte(self._one)
            out.append(self._one[0])
        return str(out, "utf-8") if self._text else bytes(out)

    def _read_byte(self, buf):
        _clock.wait_input(_stdin_poll, -1)
        _stdin.readinto(buf)
        if self._text and buf[0] == 13:
            buf[0] = 10
        return buf[0]


class _TextIn(_RawIn):
    _text = True
    buffer = _RawIn()


class _Sys:
    """The interpreter's sys with the chip's streams and names."""

    stdin = _TextIn()
    stdout = _TextOut()
    stderr = stdout
    platform = "esp32"

    def __getattr__(self, name):
        return getattr(_sys, name)


chip_sys = _Sys()

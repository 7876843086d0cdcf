# SPDX-License-Identifier: MIT
"""`machine.UART`. UART 0 is the line of the REPL, whose rate alone can be changed.

UART 1 ends at a serial device of the laptop, a PTY (`uart1` in the node's folder): what a peer
writes there arrives here at the baud rate, behind what was sent before. Time runs at 1 while an
answer can come. UART 2 hears the SDI-12 line when its `rx` is the pin of one; else it ends in the
air.
"""

import time

import _clock
import _host
import _sdi12
import _wire
from _pins import pin_number

_ANSWER_US = 500_000  # of the computer's time: how long a peer may think at any speed
_FRAME_US = 20_000  # between bytes of an answer
_FIFO = 128
_NO_DRIVER = "E (%d) uart: uart_set_rx_full_threshold(): call uart_driver_install API first\n"


class _Outside:
    """The PTY. Without a peer that has it open, nobody hears and nothing comes."""

    def __init__(self, descriptor):
        self._file = open(descriptor, "r+b")  # noqa: SIM115 - for as long as the board runs
        self._poll = _host.select.poll()
        self._poll.register(self._file, _host.select.POLLIN)

    def _state(self):
        for _, mask in self._poll.ipoll(0):
            return mask
        return 0

    def listening(self):
        return not self._state() & _host.select.POLLHUP

    def send(self, data):
        if self.listening():
            self._file.write(data)
            _clock.await_peer(_ANSWER_US)

    def take(self, now_us):
        mask = self._state()
        if mask & _host.select.POLLHUP or not mask & _host.select.POLLIN:
            return b""
        _clock.await_peer(_FRAME_US)
        return self._file.read(256) or b""


class _Air:
    def send(self, data):
        pass

    def take(self, now_us):
        return b""


class UART:
    INV_TX = 32
    INV_RX = 4
    RTS = 1
    CTS = 2
    IRQ_RX = 1
    IRQ_RXIDLE = 2
    IRQ_BREAK = 4

    def __init__(self, id, baudrate=115200, **options):
        if not 0 <= id < 3:
            raise ValueError("UART(%d) does not exist" % id)
        self._id = id
        self._line = _air
        self._coming = b""  # on the line
        self._due_us = 0  # when its first byte is complete
        self._sent_us = 0  # when what was written is sent
        self._ring = b""
        self.init(baudrate, **options)

    def init(
        self, baudrate=115200, bits=8, parity=None, stop=1, *, tx=None, rx=None, rts=None,
        cts=None, txbuf=256, rxbuf=256, timeout=0, timeout_char=0, invert=0, flow=0,
    ):  # fmt: skip
        if bits not in (5, 6, 7, 8) or stop not in (1, 2) or parity not in (None, 0, 1):
            raise ValueError("invalid data bits, parity or stop bits")
        if self._id == 0:
            if (txbuf, rxbuf) != (256, 256):
                raise ValueError("REPL UART buffer size is fixed")
            _wire.set_baud(baudrate)
            # The REPL's UART has no driver of ESP-IDF: what comes behind the rate fails.
            _wire.chip_sys.stdout.write(_NO_DRIVER % time.ticks_ms())
            raise OSError(-0x103, "ESP_ERR_INVALID_STATE")
        for pin in (tx, rx):
            if pin is not None and not isinstance(pin, int):
                pin_number(pin)
        if rxbuf < _FIFO:
            raise ValueError("rxbuf size is too small")
        self._rxbuf = rxbuf
        self._timeout_us = timeout * 1000
        self._char_us = (1 + bits + (parity is not None) + stop) * 1_000_000 // baudrate
        if self._id == 1 and _outside is not None:
            self._line = _outside
        elif rx is not None:
            self._line = _sdi12.line(rx if isinstance(rx, int) else pin_number(rx)) or _air
        while self._line.take(_clock.now_us()):
            pass  # it was not listening when that came

    def deinit(self):
        self._line = _air

    def any(self):
        self._listen()
        return len(self._ring)

    def txdone(self):
        return _clock.now_us() >= self._sent_us

    def flush(self):
        _clock.sleep_us(max(0, self._sent_us - _clock.now_us()))

    def write(self, buf):
        if self._id == 0:
            return _wire.chip_sys.stdout.buffer.write(buf)
        self._listen()
        self._sent_us = max(self._sent_us, _clock.now_us()) + len(buf) * self._char_us
        self._line.send(bytes(buf))
        return len(buf)

    def read(self, nbytes=-1):
        """What has come within the timeout, at most `nbytes`; None when nothing has."""
        until_us = _clock.now_us() + self._timeout_us if self._id else 0
        while nbytes < 0 or self.any() < nbytes:
            left_us = until_us - _clock.now_us()
            if left_us <= 0:
                break
            _clock.sleep_us(min(left_us, self._char_us))
        count = self.any()
        if nbytes >= 0:
            count = min(count, nbytes)
        if not count:
            return None
        data, self._ring = self._ring[:count], self._ring[count:]
        return data

    def readinto(self, buf, nbytes=-1):
        data = self.read(len(buf) if nbytes < 0 else min(nbytes, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def _listen(self):
        """Bytes that are complete go into the ring; what finds it full is lost."""
        now_us = _clock.now_us()
        data = self._line.take(now_us)
        if data:
            if not self._coming:
                self._due_us = max(now_us, self._sent_us, self._due_us) + self._char_us
            self._coming += data
        if self._coming and now_us >= self._due_us:
            count = min(len(self._coming), (now_us - self._due_us) // self._char_us + 1)
            room = self._rxbuf - len(self._ring)
            self._ring += self._coming[: min(count, room)]
            self._coming = self._coming[count:]
            self._due_us += count * self._char_us


_air = _Air()
_descriptor = int(_host.os.getenv("UART1") or -1)
_outside = _Outside(_descriptor) if _descriptor >= 0 else None

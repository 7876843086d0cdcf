# SPDX-License-Identifier: MIT
"""A serial port, opened so that the node behind it goes on undisturbed.

On common boards two transistors make a reset of DTR and RTS: EN goes low while RTS is set and DTR
is not. The kernel sets both when a port opens, which does nothing. Clearing them before or while
opening, DTR first as pyserial does, passes through the one state that resets. So both stay set
while the port is open (native USB also waits for DTR before it sends), and at the end RTS goes
first.
"""

import contextlib
import errno

import serial

from tirta.errors import TirtaError
from tirta.link import port_names, trace
from tirta.link.closing import Closing
from tirta.link.failures import PortBusyError

try:
    import termios
except ImportError:  # Windows has none
    _TERMINAL: type[Exception] = OSError
else:
    _TERMINAL = termios.error

DEFAULT_BAUD = 115_200
NO_UART = 0  # as a rate: native USB, or what else has none; the node need not pace what it sends
LOST = (OSError, _TERMINAL)  # pyserial's are OSErrors; the terminal's own calls raise another
_FAST_ENOUGH = 921_600  # what waits are reckoned with, then


class LineLostError(TirtaError):
    """The port went away while it was open: a cable, or a board with native USB that restarts."""


class Line(Closing):
    """Bytes in and out, counted. Use as a context manager."""

    reaches = ""  # whom alone it can reach, where that is known
    secret = b""  # a session's, of no use at a cable
    greet_s = patience_s = 0.0  # more than a cable needs
    start_s = 0.0

    def __init__(self, port: str, baud: int = DEFAULT_BAUD) -> None:
        self.port = port
        self.baud = baud
        self.bytes_in = 0
        self.bytes_out = 0
        self._serial = _open(port, baud)
        self._trace = trace.of(port, baud)

    def write(self, data: bytes) -> None:
        """Send bytes. Raises LineLostError."""
        try:
            self._serial.write(data)
        except LOST as error:
            raise self._gone() from error
        self.bytes_out += len(data)
        if self._trace:
            self._trace.saw("->", data)

    def read(self, timeout_s: float) -> bytes:
        """Read what has come, or comes first within `timeout_s`; may be empty."""
        try:
            self._serial.timeout = timeout_s
            data: bytes = self._serial.read(1)
            if data and (waiting := self._serial.in_waiting):
                data += self._serial.read(min(waiting, 65536))
        except (*LOST, TypeError) as error:
            raise self._gone() from error
        self.bytes_in += len(data)
        if self._trace:
            self._trace.saw("<-", data)
        return data

    def drain(self) -> None:
        """Forget what has come so far."""
        with contextlib.suppress(*LOST):
            self._serial.reset_input_buffer()

    @property
    def byte_rate(self) -> float:
        """Bytes a second on this line: start bit, eight, stop bit."""
        return (self.baud or _FAST_ENOUGH) / 10

    def seconds(self, count: int) -> float:
        """Return how long `count` bytes take."""
        return count / self.byte_rate

    def set_baud(self, baud: int) -> None:
        """Run this end at another rate from now on."""
        try:
            self._serial.baudrate = baud
        except (*LOST, ValueError) as error:
            raise self._gone() from error
        self.baud = baud
        if self._trace:
            self._trace.baud(baud)

    def close(self) -> None:
        """Let go of the port; the node behind it is not reset."""
        with contextlib.suppress(*LOST):
            self._serial.rts = False  # before DTR: never RTS without DTR
            self._serial.dtr = False
        self._serial.close()

    def reopen(self) -> None:
        """Open the same port again, after it went away."""
        self.close()
        self._serial = _open(self.port, self.baud)

    def _gone(self) -> LineLostError:
        return LineLostError(
            f"The connection to {self.port} broke.", "Check the cable, then run the command again."
        )


def _open(port: str, baud: int) -> serial.Serial:
    try:
        return serial.Serial(
            port, baud or DEFAULT_BAUD, exclusive=True, timeout=0, write_timeout=10
        )
    except (*LOST, ValueError) as error:
        raise _explain(port, error) from error


def _explain(port: str, error: Exception) -> TirtaError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOENT or not port_names.exists(port):
        return TirtaError(
            f"There is no port {port}.", "Plug the node in; `tirta ports` lists what is connected."
        )
    if number in {errno.EACCES, errno.EPERM}:
        return TirtaError(
            f"You may not open {port}.",
            "Add yourself to the group that owns it (often dialout), then log in again.",
        )
    in_use = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY}
    if number in in_use or (port_names.WINDOWS and number is None):  # it has no errno there
        return PortBusyError(
            f"The port {port} is in use by another program.",
            "Close that program (a terminal, mpremote, another tirta), then run the command again.",
        )
    return TirtaError(
        f"{port} cannot be opened as a serial port.", "`tirta ports` lists what is connected."
    )

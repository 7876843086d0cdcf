# SPDX-License-Identifier: MIT
"""What `--verbose` and `--log FILE` tell: the command, the computer, and each frame on the line.

Of a frame its type, sequence and size are told and never its content, so that no key, password or
value can be in a file that somebody sends to whoever helps.
"""

import logging
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tirta import __version__
from tirta.errors import TirtaError
from tirta_format import frame

VERBOSE, LOG = "--verbose", "--log"
_MOST = 2 * frame.MAX_FROM_NODE
_logger = logging.getLogger("tirta.link.trace")


def wanted(words: Sequence[str]) -> tuple[bool, str | None, list[str]]:
    """Take (verbose, file, the other words). Raises TirtaError where --log names no file."""
    verbose, file = False, None
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == VERBOSE:
            verbose = True
        elif word == LOG or word.startswith(LOG + "="):
            file = word.partition("=")[2] or next(left, "")
            if not file:
                raise TirtaError("--log needs a file.", "Write it so: --log tirta.log")
        else:
            rest.append(word)
    return verbose, file, rest


def start(verbose: bool, file: str | None, words: Sequence[str]) -> None:
    """Tell from now on. Raises TirtaError where the file cannot be written."""
    stop()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)] if verbose else []
    if file:
        try:
            handlers.append(logging.FileHandler(Path(file), encoding="utf-8"))
        except OSError as error:
            raise TirtaError(
                f"Cannot write {file}: {error.strerror}.", "Name another file: --log FILE"
            ) from error
    form = logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", "%Y-%m-%d %H:%M:%S")
    for handler in handlers:
        handler.setFormatter(form)
        _logger.addHandler(handler)
    if not handlers:
        return
    _logger.setLevel(logging.DEBUG)
    _logger.propagate = False
    _logger.info("tirta %s on Python %s, %s", __version__, sys.version.split()[0], _system())
    _logger.info("tirta %s", " ".join(words))


def stop() -> None:
    """Tell nothing any more."""
    for handler in list(_logger.handlers):
        _logger.removeHandler(handler)
        handler.close()


def failed(error: BaseException) -> None:
    """Note the error that ended the command; in the file also its cause, and its place."""
    if not _logger.handlers:
        return
    _logger.error("%s", error)
    for handler in _logger.handlers:
        if isinstance(handler, logging.FileHandler):
            said = (type(error), error, error.__traceback__)
            name = _logger.name
            handler.handle(
                _logger.makeRecord(name, logging.ERROR, "", 0, "it was raised here", (), said)
            )


def _system() -> str:
    return f"{platform.system()} {platform.release()} {platform.machine()}"


class Tracer:
    """Tells the frames of one line, in both directions."""

    def __init__(self, port: str, baud: int) -> None:
        self._port = port
        self._pending = {"->": b"", "<-": b""}
        self._since = time.monotonic()
        _logger.info("%s opened at %d baud", port, baud)

    def saw(self, way: str, data: bytes) -> None:
        """Note bytes that went `->` or came `<-`."""
        *whole, rest = (self._pending[way] + data).split(b"\0")
        self._pending[way] = rest[-_MOST:]
        for part in filter(None, whole):
            found = frame.decode(part)
            now = time.monotonic()
            passed_ms, self._since = 1000 * (now - self._since), now
            what = (
                f"type {found[0]:#04x} number {found[1]}, {len(found[2])} bytes"
                if found
                else f"{len(part)} bytes that are no frame"
            )
            _logger.debug("%s %s %s after %.0f ms", self._port, way, what, passed_ms)

    def baud(self, baud: int) -> None:
        """Note that the line runs at another rate from now on."""
        _logger.info("%s at %d baud", self._port, baud)


def of(port: str, baud: int) -> Tracer | None:
    """Return what tells of a line, where somebody asked for it."""
    return Tracer(port, baud) if _logger.handlers else None

# SPDX-License-Identifier: MIT
"""A chip in its ROM loader, through esptool as a library: detect, write, verify, reset.

esptool prints as it works, to one logger of the whole process; here its words are dropped and its
progress goes to whoever waits in that thread, so that many boards can be written at once.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tirta.errors import TirtaError
from tirta.image.regions import Region
from tirta.link.closing import Closing
from tirta.link.serial_line import LOST, Line

WRITE_BAUD = 460_800
_ROM_BAUD = 115_200
_ATTEMPTS = 5  # resets into the loader, some of which a slow cable swallows
_URL = "://"

_waiting = threading.local()
_loading = threading.Lock()


class Chip(Closing):
    """A chip that listens in its ROM loader. `name` is as in board files; sizes are bytes."""

    def __init__(self, port: str, baud: int = WRITE_BAUD) -> None:
        self.port = port
        if _URL not in port:
            Line(port).close()  # says what is wrong with a port better than esptool does
        with _loading:
            self._tool = _esptool()
        with self._told("connect to"):
            self._esp = self._tool.detect_chip(port, _ROM_BAUD, connect_attempts=_ATTEMPTS)
        try:
            with self._told("prepare"):
                self._esp = self._tool.run_stub(self._esp)
                if baud != _ROM_BAUD:
                    self._esp.change_baud(baud)
                self._tool.attach_flash(self._esp)
                self.name: str = self._esp.CHIP_NAME.lower().replace("-", "")
                self.mac = "".join(f"{byte:02x}" for byte in self._esp.read_mac())
                self.flash_size = self._flash_size()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(*LOST):
            self._esp._port.close()

    def write(self, regions: Sequence[Region], came: Callable[[int, int], None]) -> None:
        """Write regions, each checked by its MD5; `came` is told bytes done and bytes in all."""
        total = sum(len(region.content) for region in regions)
        done = 0

        def share(part: float) -> None:
            came(done + int(part * size), total)

        for region in regions:
            size = len(region.content)
            with self._told("write"), _progress(share):
                self._tool.write_flash(self._esp, [(region.offset, region.content)])
            done += size
            came(done, total)

    def verify(self, regions: Sequence[Region]) -> None:
        """Let the chip compute the hash of every region once more, now that all are written."""
        with self._told("verify"):
            self._tool.verify_flash(self._esp, [(r.offset, r.content) for r in regions])

    def start(self) -> None:
        """Reset into what was written."""
        with self._told("reset"):
            self._tool.reset_chip(self._esp, "hard-reset")

    def _flash_size(self) -> int:
        from esptool.util import flash_size_bytes

        told = self._tool.detect_flash_size(self._esp)
        return int(flash_size_bytes(told)) if told else 0

    @contextlib.contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        from esptool.util import FatalError

        try:
            yield
        except (FatalError, *LOST, TypeError) as error:
            said = str(error).strip().splitlines() or ["no answer"]
            raise EspError(
                f"Cannot {doing} the chip on {self.port}: {said[0].rstrip('.')}.",
                "Check cable and port. Where the cable has no reset lines, hold the board's BOOT"
                " button, press its reset button, and run the command again.",
            ) from error


class EspError(TirtaError):
    """The ROM loader did not do what it was asked."""


@contextlib.contextmanager
def _progress(tell: Callable[[float], None]) -> Iterator[None]:
    _waiting.share = tell
    try:
        yield
    finally:
        _waiting.share = None


@functools.cache
def _esptool() -> Any:
    import esptool.cmds
    from esptool.logger import TemplateLogger, log

    class Quiet(TemplateLogger):  # type: ignore[misc]  # esptool has no types
        """Only the progress is passed on, and only to the thread that waits for it."""

        def print(self, *args: object, **kwargs: object) -> None: ...
        def note(self, message: str) -> None: ...
        def warning(self, message: str) -> None: ...
        def error(self, message: str) -> None: ...
        def stage(self, finish: bool = False) -> None: ...
        def set_verbosity(self, verbosity: str) -> None: ...

        def progress_bar(
            self,
            cur_iter: int,
            total_iters: int,
            prefix: str = "",
            suffix: str = "",
            bar_length: int = 30,
        ) -> None:
            share = getattr(_waiting, "share", None)
            if share is not None:
                share(cur_iter / max(total_iters, 1))

    log.set_verbosity("silent")  # for the one warning that it keeps for its first logger
    log.set_logger(Quiet())
    return esptool.cmds

# SPDX-License-Identifier: MIT
"""The rate of the line: raised for a long transfer where that is worth it, and lowered again.

Whoever opens the port next knows the first rate only, so a node goes back to it by itself when it
hears nothing at a raised one (FORMAT.md section 9).
"""

import contextlib
import struct
import time
from collections.abc import Iterator

from tirta.errors import TirtaError
from tirta.link.conversation import Conversation
from tirta.link.failures import NoAnswerError, RefusedError
from tirta_format import frame

FAST_BAUDS = (921_600, 460_800, 230_400)  # what USB bridges can do, the best first
RAISE_S = 0.5  # what a raised rate must save: to raise and lower it takes half of that
SWITCH_S = 0.05  # until the node runs at another rate
LAPSE_S = 4  # until a node that hears nothing at a raised rate is surely back


class LineBaud:
    """The rate of one conversation's line; a `steady` one is never raised."""

    def __init__(self, talk: Conversation, baud: int, *, steady: bool) -> None:
        self._talk = talk
        self._line = talk.line
        self._link = talk.link
        self._first_baud = baud
        self._steady = steady

    @contextlib.contextmanager
    def hurry(self, count: int) -> Iterator[None]:
        """Run the line as fast as both ends can while `count` bytes come, if that is worth it."""
        gain_s = self._line.seconds(count) - count * 10 / FAST_BAUDS[0]
        if not self._steady and self._line.baud and gain_s > RAISE_S:
            self._raise_baud()
        try:
            yield
        finally:
            if self._line.baud != self._first_baud:
                self._lower_baud()

    def calm(self) -> None:
        """Go back to the first rate: the raised one does not do."""
        if self._line.baud != self._first_baud:
            self._steady = True
            self._return_to_first()

    def _raise_baud(self) -> None:
        for baud in FAST_BAUDS:
            if baud <= self._first_baud:
                return
            try:
                self._link.request(frame.RATE, struct.pack("<I", baud), tries=2)
            except RefusedError:
                self._steady = True
                return
            except NoAnswerError:
                pass  # the answer may have been lost: then the node is there already
            if self._meet_at(baud):
                return
            self._return_to_first()
            if self._steady:
                return

    def _meet_at(self, baud: int) -> bool:
        time.sleep(SWITCH_S)
        try:
            self._line.set_baud(baud)
            self._link.resume()
            hello = self._talk.say_hello(tries=2, think_s=0.3)
        except NoAnswerError:
            return False
        if hello.node != self._talk.hello.node:
            raise TirtaError(
                f"Another node answers on {self._line.port} than before.",
                "Check the cable, then run the command again.",
            )
        return True

    def _lower_baud(self) -> None:
        """The next program that opens the port knows the first rate only.

        Whoever is interrupted here, or meets a broken line, leaves a node that goes back by itself.
        """
        with contextlib.suppress(TirtaError):
            with contextlib.suppress(NoAnswerError):  # the answer may have been lost
                self._link.request(frame.RATE, struct.pack("<I", self._first_baud), tries=2)
            if not self._meet_at(self._first_baud):
                self._return_to_first()

    def _return_to_first(self) -> None:
        """Wait until the node has gone back by itself. Raises NoAnswerError when it does not."""
        self._line.set_baud(self._first_baud)
        until = time.monotonic() + LAPSE_S
        while True:
            self._link.resume()
            try:
                self._talk.say_hello(tries=1, think_s=0.4)
            except NoAnswerError:
                if time.monotonic() > until:
                    raise
            else:
                return

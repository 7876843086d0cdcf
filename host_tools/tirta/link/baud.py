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
ASK_S = 0.7  # for the answer to that: with a long frame on a slow line it is less than 1.5 s
MEET_S, MEET_TRIES = 0.3, 5  # 2.6 s, and more for a node that is slow to answer
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
        gone = 0  # the rate to which the node said last that it goes
        for baud in (FAST_BAUDS[0], *FAST_BAUDS):  # the best once more where an answer was lost
            if baud <= self._first_baud:
                return
            if baud == gone:
                continue
            try:
                gone = baud if self._ask_for(baud) else 0
            except RefusedError:
                self._steady = True
                return
            if self._meet_at(baud):
                return
            self._return_to_first()
            if self._steady:
                return

    def _ask_for(self, baud: int) -> bool:
        """Whether the node says that it goes to this rate. When it does not, the answer may have
        been lost: then it is there, and waits for a second and a half.
        """
        try:
            self._link.request(frame.RATE, struct.pack("<I", baud), tries=1, think_s=ASK_S)
        except NoAnswerError:
            return False
        return True

    def _meet_at(self, baud: int) -> bool:
        time.sleep(SWITCH_S)
        try:
            self._line.set_baud(baud)
            self._link.resume()
            hello = self._talk.say_hello(tries=MEET_TRIES, think_s=max(MEET_S, self._link.pace_s))
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
            self._ask_for(self._first_baud)
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

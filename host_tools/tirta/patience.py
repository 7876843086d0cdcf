# SPDX-License-Identifier: MIT
"""Deadlines that nothing extends, and a word every few seconds while somebody waits.

Whoever answers may be slow, broken or a liar: what it sends never buys it more time. The command
line listens with `listen`, so that a person knows what is waited for, and for how long.
"""

import time
from collections.abc import Callable

FIRST_S = 6.0  # until the first word: a start, and a port where nobody answers, take less
EVERY_S = 3.0  # between two words
PROMPT_S = 1.0  # an answer that comes so soon is a sign that all is well
LEAST_SILENCE_S = 5.0  # before a wait that is usual is told of
TURN_S = 1.0  # the longest wait in one piece, so that something can be said meanwhile

Tell = Callable[[str], None]
_listeners: list[Tell] = []
# Of the last sign that all is well, of the last word, and of the last wait.
_times = {"sign": 0.0, "said": 0.0, "wait": 0.0}


def listen(tell: Tell) -> None:
    """Let `tell` hear what is waited for, from now on; it takes the place of who heard before."""
    _listeners[:] = [tell]
    sign()


def sign() -> None:
    """It goes on as it should, and whoever waits can see it: nothing needs to be said."""
    _times["sign"] = time.monotonic()
    _times["said"] = _times["sign"] + FIRST_S - EVERY_S


class Patience:
    """`seconds` from now on, for `what`, a clause as in "for the node on COM3"."""

    def __init__(self, seconds: float, what: str) -> None:
        self.began = time.monotonic()
        self.until = self.began + seconds
        self._what = what
        if self.began - _times["wait"] > PROMPT_S:
            sign()  # something else was done meanwhile

    @property
    def left_s(self) -> float:
        """Until the deadline; zero or less when it is over."""
        return self.until - time.monotonic()

    @property
    def over(self) -> bool:
        return self.left_s <= 0

    def turn_s(self, most_s: float) -> float:
        """How long to wait in one piece, at most `most_s`; tells of it where it is time."""
        now = _times["wait"] = time.monotonic()
        if now >= _times["said"] + EVERY_S:
            _say(f"Waiting {self._what}: {now - _times['sign']:.0f} s.")
        return max(0.0, min(most_s, TURN_S, self.until - now))


class Silence:
    """Tells of a wait that has no end of its own, when it is longer than it should be."""

    def __init__(self, usual_s: float, what: str) -> None:
        self._every_s = max(LEAST_SILENCE_S, 2 * usual_s)
        self._what = what
        self.broken()

    def broken(self) -> None:
        """What was waited for came."""
        self._began = time.monotonic()
        self._next = self._began + self._every_s

    def tell(self) -> None:
        """Say how long it has been, where it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every_s
            _say(f"Waiting {self._what}: {now - self._began:.0f} s.")


def _say(text: str) -> None:
    _times["said"] = time.monotonic()
    for tell in _listeners:
        tell(text)

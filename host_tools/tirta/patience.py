# SPDX-License-Identifier: MIT
"""Deadlines that nothing extends, and a word every few seconds while somebody waits.

Whoever answers may be slow, broken or a liar: what it sends never buys it more time. The command
line listens with `listen`, so that a person knows what is waited for, and for how long.
"""

import time
from collections.abc import Callable

FIRST_S = 6.0  # until the first word: a start, and a port where nobody answers, take less
EVERY_S = 3.0  # between two words
MOST_S = 8.0  # without a word or visible progress, however promptly each answer comes
PROMPT_S = 1.0  # an answer that comes so soon is a sign that all is well
LEAST_SILENCE_S = 5.0  # before a wait that is usual is told of
TURN_S = 1.0  # the longest wait in one piece, so that something can be said meanwhile

Tell = Callable[[str], None]
_listeners: list[Tell] = []
# Of the last visible progress; of the last word, or that; of the next one; of the last wait's end.
_times = {"seen": 0.0, "word": 0.0, "due": 0.0, "wait": 0.0}


def listen(tell: Tell) -> None:
    """Let `tell` hear what is waited for, from now on; it takes the place of who heard before."""
    _listeners[:] = [tell]
    seen()


def seen() -> None:
    """Note that it goes on as it should, and whoever waits can see it: nothing needs to be said."""
    _times["seen"] = _times["word"] = time.monotonic()
    sign()


def sign() -> None:
    """Note that it goes on as it should, which nobody sees: a word can wait, but not for ever."""
    _times["due"] = min(time.monotonic() + FIRST_S, _times["word"] + MOST_S)


class Patience:
    """`seconds` from now on, for `what`, a clause as in "for the node on COM3"."""

    def __init__(self, seconds: float, what: str) -> None:
        self.began = time.monotonic()
        self.until = self.began + seconds
        self.what = what
        if self.began - _times["wait"] > PROMPT_S:
            seen()  # something else was done meanwhile

    @property
    def left_s(self) -> float:
        """Until the deadline; zero or less when it is over."""
        return self.until - time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.left_s <= 0

    def turn_s(self, most_s: float) -> float:
        """Return how long to wait in one piece, at most `most_s`; tells of it where it is time."""
        now = time.monotonic()
        if now >= _times["due"]:
            _say(f"Waiting {self.what}: {now - _times['seen']:.0f} s.")
        turn_s = max(0.0, min(most_s, TURN_S, self.until - now))
        _times["wait"] = now + turn_s
        return turn_s


class Silence:
    """Tells of a wait that has no end of its own, when it is longer than it should be."""

    def __init__(self, usual_s: float, what: str) -> None:
        self._every_s = max(LEAST_SILENCE_S, 2 * usual_s)
        self._what = what
        self._began = self._next = 0.0
        self.broken()

    def broken(self) -> None:
        """Note that what was waited for came."""
        self._began = time.monotonic()
        self._next = self._began + self._every_s

    def tell(self) -> None:
        """Say how long it has been, where it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every_s
            _say(f"Waiting {self._what}: {now - self._began:.0f} s.")


def _say(text: str) -> None:
    _times["word"] = time.monotonic()
    _times["due"] = _times["word"] + EVERY_S
    for tell in _listeners:
        tell(text)

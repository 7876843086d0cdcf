# SPDX-License-Identifier: MIT
"""Deadlines that nothing extends, and a word every few seconds while somebody waits.

Whoever answers may be slow, broken or a liar: what it sends never buys it more time. The command
line listens with `listen`, so that a person knows what is waited for, and for how long.
"""

import time
from collections.abc import Callable

EVERY_S = 3.0  # between two words
TURN_S = 1.0  # the longest wait in one piece, so that something can be said meanwhile

Tell = Callable[[str], None]
_listeners: list[Tell] = []


def listen(tell: Tell) -> None:
    """Let `tell` hear what is waited for, from now on; it takes the place of who heard before."""
    _listeners[:] = [tell]


class Patience:
    """`seconds` from now on, for `what`, a clause as in "for the node on COM3"."""

    def __init__(self, seconds: float, what: str) -> None:
        self.began = time.monotonic()
        self.until = self.began + seconds
        self._what = what
        self._next = self.began + EVERY_S

    @property
    def left_s(self) -> float:
        """Until the deadline; zero or less when it is over."""
        return self.until - time.monotonic()

    @property
    def over(self) -> bool:
        return self.left_s <= 0

    def turn_s(self, most_s: float) -> float:
        """How long to wait in one piece, at most `most_s`; tells of it where it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY_S
            for tell in _listeners:
                tell(f"Waiting {self._what}: {now - self.began:.0f} s.")
        return max(0.0, min(most_s, TURN_S, self.until - now))

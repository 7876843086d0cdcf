# SPDX-License-Identifier: MIT
"""How fast a serial line is: no byte arrives before the line has had the time to carry it."""


class Pace:
    """One direction. Ten bits make a byte; a line that was idle starts anew, one that is late
    catches up.
    """

    QUANTUM_S = 0.002

    def __init__(self, baud: int) -> None:
        self._free_at = 0.0
        self._idle = True
        self._bytes_per_s, self._quantum = 0.0, 1
        self.set_baud(baud)

    def set_baud(self, baud: int) -> None:
        """Carry at another rate from now on."""
        self._bytes_per_s = baud / 10
        self._quantum = max(1, int(self._bytes_per_s * self.QUANTUM_S))

    def begin(self, now: float) -> None:
        """Note that there is something to carry."""
        if self._idle:
            self._idle = False
            self._free_at = max(self._free_at, now)

    def end(self) -> None:
        """Note that nothing is left to carry."""
        self._idle = True

    def due(self, now: float, waiting: int) -> int:
        """Return how many of the waiting bytes the line has carried by now; 0 before a quantum."""
        carried = int((now - self._free_at) * self._bytes_per_s)
        return min(carried, waiting) if carried >= min(waiting, self._quantum) else 0

    def carried(self, count: int) -> None:
        """Note that so many bytes went."""
        self._free_at += count / self._bytes_per_s

    def wait_s(self, now: float, waiting: int) -> float:
        """Return how long it is until `due` is not 0."""
        return max(0.0, self._free_at + min(waiting, self._quantum) / self._bytes_per_s - now)

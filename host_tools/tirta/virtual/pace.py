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
        self._rate, self._quantum = 0.0, 1
        self.set_baud(baud)

    def set_baud(self, baud: int) -> None:
        """Carry at another rate from now on."""
        self._rate = baud / 10
        self._quantum = max(1, int(self._rate * self.QUANTUM_S))

    def begin(self, now: float) -> None:
        """There is something to carry."""
        if self._idle:
            self._idle = False
            self._free_at = max(self._free_at, now)

    def end(self) -> None:
        """Nothing is left to carry."""
        self._idle = True

    def due(self, now: float, waiting: int) -> int:
        """How many of the waiting bytes the line has carried by now; 0 before a quantum."""
        carried = int((now - self._free_at) * self._rate)
        return min(carried, waiting) if carried >= min(waiting, self._quantum) else 0

    def carried(self, count: int) -> None:
        """So many bytes went."""
        self._free_at += count / self._rate

    def wait_s(self, now: float, waiting: int) -> float:
        """Until when `due` is not 0."""
        return max(0.0, self._free_at + min(waiting, self._quantum) / self._rate - now)

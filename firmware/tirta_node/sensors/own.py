# SPDX-License-Identifier: MIT
"""The node's own channels: board temperature, free heap, starts."""

from tirta_format.record import GOOD, MISSING


class Own:
    """`read()` gives the value, without waiting."""

    def __init__(self, read):
        self._read = read
        self.value = 0
        self.flag = MISSING

    def sample(self):
        """Take it."""
        self.value = self._read()
        self.flag = GOOD


class Starts(Own):
    """How often the application started since the log began; `begun` is told so."""

    def __init__(self):
        super().__init__(None)

    def begun(self, count):
        """The log knows now."""
        self.value = count
        self.flag = GOOD

    def sample(self):
        """Nothing: it does not change."""

# SPDX-License-Identifier: MIT
"""What becomes of a record for which the ring has no room, where groups have benches."""


class Refusal:
    """`handle` as in rates_viper.take."""

    def __init__(self, handle, ring):
        self._handle = handle
        self._ring = ring

    def refuse(self):
        """Sums go on, the rest of the interval is lost."""
        close, _, ring, _, benches = self._handle
        while benches:
            bench, benches = benches
            close(bench, ring, 1)
        self._ring.refuse()

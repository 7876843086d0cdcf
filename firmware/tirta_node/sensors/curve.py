# SPDX-License-Identifier: MIT
"""A probe whose voltage follows a curve (turbidity): straight pieces through up to eight points."""

from tirta_format.record import GOOD, MISSING, SUSPECT
from tirta_node.sensors.straight_line import StraightLine


class Curve:
    """`points`: microvolts and value in turn, the voltages going up. So far beyond their ends the
    value is still good: a plain line goes on.
    """

    def __init__(self, converter, points, beyond_uv=0):
        self._converter = converter
        self._lines = [
            StraightLine(points[i], points[i + 1], points[i + 2], points[i + 3])
            for i in range(0, len(points) - 2, 2)
        ]
        self._ends = [points[i] for i in range(2, len(points) - 2, 2)]
        self._low_uv = points[0] - beyond_uv
        self._high_uv = points[-2] + beyond_uv
        self.raw = 0
        self.value = 0
        self.flag = MISSING

    def sample(self):
        """Measure the voltage. Beyond its points the curve is only a guess: suspect."""
        converter = self._converter
        self.flag = MISSING
        if not converter.measure():
            return
        uv = self.raw = converter.uv
        if not converter.low_uv < uv < converter.high_uv:
            return
        i = 0
        while i < len(self._ends) and uv > self._ends[i]:
            i += 1
        self.value = self._lines[i].at(uv)
        self.flag = GOOD if self._low_uv <= uv <= self._high_uv else SUSPECT

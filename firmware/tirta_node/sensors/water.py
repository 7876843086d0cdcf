# SPDX-License-Identifier: MIT
"""The temperature of the water, for compensation: another channel's, or a fixed one."""

from tirta_format.record import GOOD, NOT_EVALUATED


class Water:
    """`thermometer` (a driver whose values are `scale` times degrees, or None for always
    `fixed_centi`) is read as it is; when it has no good value, `fixed_centi` stands in for it.
    """

    def __init__(self, thermometer, scale, fixed_centi):
        self._thermometer = thermometer
        self._mul = 100 // scale or 1
        self._div = scale // 100 or 1
        self._fixed_centi = fixed_centi
        self.centi = fixed_centi  # hundredths of a degree

    def read(self):
        """Take the temperature; False when it had to be guessed."""
        driver = self._thermometer
        if driver is None:
            return True
        flag = driver.flag
        if GOOD <= flag <= NOT_EVALUATED:
            self.centi = driver.value * self._mul // self._div
            return True
        self.centi = self._fixed_centi
        return False

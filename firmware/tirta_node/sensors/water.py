# SPDX-License-Identifier: MIT
"""The temperature of the water, for compensation: another channel's, or a fixed one."""

from micropython import const

from tirta_format.record import GOOD, NOT_EVALUATED

_LEAST_CENTI = const(-500)  # what water in a pipe can have
_MOST_CENTI = const(10000)


class Water:
    """`driver` (None for always `fixed_centi`) measures in `unit`, `scale` values a degree; where
    it has no good value, or none that water can have, `fixed_centi` stands in for it.
    """

    def __init__(self, driver, scale, fixed_centi, unit="degC"):
        self._driver = driver
        self._fixed_centi = fixed_centi
        self._shift = 0
        self.centi = fixed_centi  # hundredths of a degree Celsius
        if driver is None:
            return
        from tirta_format.degrees import to_centi  # leaves RAM after the start

        mul, div, self._shift = to_centi(unit)
        div *= scale
        shared, rest = mul, div
        while rest:
            shared, rest = rest, shared % rest
        self._mul, self._div = mul // shared, div // shared

    def read(self):
        """Take the temperature; False when it had to be guessed."""
        driver = self._driver
        if driver is None:
            return True
        if GOOD <= driver.flag <= NOT_EVALUATED:
            self.centi = (driver.value * self._mul + self._div // 2) // self._div + self._shift
            if _LEAST_CENTI <= self.centi <= _MOST_CENTI:
                return True
        self.centi = self._fixed_centi
        return False

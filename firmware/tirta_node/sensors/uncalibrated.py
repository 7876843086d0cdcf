# SPDX-License-Identifier: MIT
"""A probe that nobody has calibrated: its values are not evaluated. Loaded where there is one."""

from tirta_format.record import GOOD, MISSING, NOT_EVALUATED


class Uncalibrated:
    """Around a driver with `sample`."""

    def __init__(self, driver):
        self.driver = driver
        self.value = 0
        self.raw = 0
        self.flag = MISSING

    def sample(self):
        """The driver's sample; good becomes not evaluated."""
        driver = self.driver
        driver.sample()
        self.value = driver.value
        self.raw = driver.raw
        self.flag = NOT_EVALUATED if driver.flag == GOOD else driver.flag


def wrap(drivers, channels):
    """Put one around each driver whose channel asks for it."""
    for i, channel in enumerate(channels):
        if "uncalibrated" in channel:
            drivers[i] = Uncalibrated(drivers[i])

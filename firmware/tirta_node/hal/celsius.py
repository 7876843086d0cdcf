# SPDX-License-Identifier: MIT
"""The temperature of the classic ESP32, which it tells in Fahrenheit."""

import esp32


def read():
    """Whole degrees."""
    return (esp32.raw_temperature() - 32) * 5 // 9

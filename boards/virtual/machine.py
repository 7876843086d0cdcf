# SPDX-License-Identifier: MIT
"""The part of the ESP32 port's `machine` module that nodes use."""

import _clock
import _host
import _power
import _state
from _counter import Counter  # noqa: F401
from _i2c import I2C, SoftI2C  # noqa: F401
from _pins import ADC, Pin  # noqa: F401
from _rtc import RTC  # noqa: F401
from _timers import WDT, Timer  # noqa: F401
from _uart import UART  # noqa: F401

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

soft_reset = _host.machine.soft_reset


def reset():
    _power.reset(HARD_RESET)


def reset_cause():
    return _state.get(_state.RESET_CAUSE)


def unique_id():
    return _state.get(_state.UNIQUE_ID).to_bytes(6, "big")


def freq(hz=None):
    if hz is None:
        return 160_000_000
    if hz not in (20_000_000, 40_000_000, 80_000_000, 160_000_000, 240_000_000):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    return None


def idle():
    _clock.sleep_us(0)


def disable_irq():
    return 0


def enable_irq(state):
    pass

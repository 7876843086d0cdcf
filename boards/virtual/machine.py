# SPDX-License-Identifier: MIT
"""The part of the ESP32 port's `machine` module that nodes use."""

import _clock
import _host
import _power
import _state
import _wire
from _counter import Counter  # noqa: F401
from _pins import ADC, Pin  # noqa: F401
from _rtc import RTC  # noqa: F401
from _timers import WDT, Timer  # noqa: F401

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


class I2C:
    """A bus on which no device answers."""

    def __init__(self, id=0, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        if id not in (0, 1):
            raise ValueError("I2C(%d) doesn't exist" % id)

    def scan(self):
        return []

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        raise OSError(19)  # ENODEV

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        raise OSError(19)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        raise OSError(19)

    def readfrom_into(self, addr, buf, stop=True):
        raise OSError(19)

    def writeto(self, addr, buf, stop=True):
        raise OSError(19)


class UART:
    """UART0 is the line of the REPL; the others end in the air."""

    def __init__(self, id, baudrate=115200, **options):
        if not 0 <= id < 3:
            raise ValueError("UART(%d) does not exist" % id)
        self._id = id
        self.init(baudrate, **options)

    def init(
        self, baudrate=115200, bits=8, parity=None, stop=1, *, tx=None, rx=None, rts=None,
        cts=None, txbuf=256, rxbuf=256, timeout=0, timeout_char=0, invert=0, flow=0,
    ):  # fmt: skip
        if self._id == 0 and baudrate != _wire.baud:
            _wire.set_baud(baudrate)

    def any(self):
        return 0

    def read(self, nbytes=-1):
        return None

    def readinto(self, buf, nbytes=-1):
        return None

    def write(self, buf):
        return _wire.chip_sys.stdout.buffer.write(buf) if self._id == 0 else len(buf)

# SPDX-License-Identifier: MIT
"""ADS1115, a converter of 16 bits with four inputs on I2C (Texas Instruments SBAS444D).

One conversion after the other, each for one input: its config is written with the OS bit, which
reads 1 again when the conversion is ready. A config that reads back otherwise (the chip lost its
supply, another one answers) and the ends of the range are faults.
"""

import time

from micropython import const

_CONVERSION = const(0)
_CONFIG = const(1)
_START = const(0x8000)  # OS: begin a single conversion; read: none is running
_SINGLE_SHOT = const(0x0100)
_NO_COMPARATOR = const(0x0003)
_CHECKED = const(0x7FE0)  # of the config: input, range, mode, rate
_HIGHEST = const(0x7FFF)
_LOWEST = const(0x8000)
_WAIT_MS = const(50)  # beyond the time of a conversion
_BACK_OFF_MS = const(1000)  # after a failure

# By range code: sixteenths of a microvolt a step, for 6.144, 4.096, 2.048, 1.024, 0.512, 0.256 V.
_STEPS = (3000, 2000, 1000, 500, 250, 125)
_RATES = (8, 16, 32, 64, 128, 250, 475, 860)  # samples a second


class Input:
    """One input, a converter for a driver: `measure` leaves `uv` and says whether it can be used.

    `mux`: 0 to 3 = AIN0 to AIN3 against ground, 4 to 7 = the differences 0-1, 0-3, 1-3, 2-3.
    """

    low_uv = -10000000  # `put` sees to the ends of its range
    high_uv = 10000000

    def __init__(self, mux, gain, rate, max_age_ms):
        code = mux + 4 if mux < 4 else mux - 4
        self.config = code << 12 | gain << 9 | _SINGLE_SHOT | rate << 5 | _NO_COMPARATOR
        self.wait_ms = 1100 // _RATES[rate] + 1  # the oscillator may be 10 % slow
        self._step = _STEPS[gain]
        self._max_age_ms = max_age_ms
        self._at_ms = 0
        self._fresh = False
        self.uv = 0

    def put(self, raw, at_ms):
        """A conversion gave these 16 bits."""
        if _HIGHEST <= raw <= _LOWEST:  # neighbours, without a sign
            self._fresh = False
            return
        if raw & 0x8000:
            raw -= 0x10000
        self.uv = raw * self._step >> 4
        self._at_ms = at_ms
        self._fresh = True

    def drop(self):
        """The chip did not answer."""
        self._fresh = False

    def measure(self):
        """Whether `uv` is a fresh measurement."""
        if not self._fresh:
            return False
        age_ms = time.ticks_diff(time.ticks_ms(), self._at_ms)
        self._fresh = 0 <= age_ms <= self._max_age_ms
        return self._fresh


class ADS1115:
    """`bus` is an I2C (readfrom_into, writeto); a round through all inputs every `period_ms`."""

    def __init__(self, bus, address, inputs, period_ms):
        self._bus = bus
        self._address = address
        self._inputs = inputs
        self._period_ms = period_ms
        self._index = 0
        self._running = False
        self._begun_ms = time.ticks_ms()
        self._round_ms = time.ticks_ms()
        self._due_ms = time.ticks_ms()
        self._set = bytearray(3)
        self._set[0] = _CONFIG
        self._ask = bytearray(1)
        self._word = bytearray(2)
        self.errors = 0

    def poll(self):
        """One step; milliseconds until the next. Other buses have all of them polled earlier."""
        left = time.ticks_diff(self._due_ms, time.ticks_ms())
        if left > 0:
            return left
        try:
            wait = self._step()
        except OSError:
            wait = self._failed()
        self._due_ms = time.ticks_add(time.ticks_ms(), wait)
        return wait

    def _step(self):
        if not self._running:
            return self._begin()
        source = self._inputs[self._index]
        state = self._read(_CONFIG)
        if not state & _START:
            late_ms = time.ticks_diff(time.ticks_ms(), self._begun_ms)
            if late_ms < source.wait_ms + _WAIT_MS:
                return 1
            return self._failed()
        self._running = False
        if (state ^ source.config) & _CHECKED:
            return self._failed()
        source.put(self._read(_CONVERSION), self._begun_ms)
        return self._next()

    def _begin(self):
        config = self._inputs[self._index].config | _START
        self._set[1] = config >> 8
        self._set[2] = config & 255
        self._begun_ms = time.ticks_ms()
        self._bus.writeto(self._address, self._set)
        self._running = True
        return self._inputs[self._index].wait_ms

    def _next(self):
        self._index += 1
        if self._index < len(self._inputs):
            return 1
        self._index = 0
        now = time.ticks_ms()
        self._round_ms = time.ticks_add(self._round_ms, self._period_ms)
        left = time.ticks_diff(self._round_ms, now)
        if left <= 0:
            self._round_ms = now
            return 1
        return left

    def _failed(self):
        self.errors += 1
        self._running = False
        self._inputs[self._index].drop()
        return max(self._next(), _BACK_OFF_MS)

    def _read(self, register):
        self._ask[0] = register
        self._bus.writeto(self._address, self._ask)
        self._bus.readfrom_into(self._address, self._word)
        return self._word[0] << 8 | self._word[1]

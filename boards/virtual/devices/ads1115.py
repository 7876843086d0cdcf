# SPDX-License-Identifier: MIT
"""ADS1115 converter (Texas Instruments SBAS444D): registers, and conversions that take their time.

A conversion that was begun by the OS bit reads as running for 1/rate; until it ends the conversion
register holds the one before.
"""

import time

_CONVERSION, _CONFIG, _LOW, _HIGH = range(4)
_FULL_UV = (6_144_000, 4_096_000, 2_048_000, 1_024_000, 512_000, 256_000, 256_000, 256_000)
_RATES = (8, 16, 32, 64, 128, 250, 475, 860)
_PAIRS = ((0, 1), (0, 3), (1, 3), (2, 3))  # inputs of the differences, by multiplexer


class ADS1115Chip:
    """`read_uv(i)` gives the microvolts at AIN0 to AIN3."""

    def __init__(self, read_uv):
        self._read_uv = read_uv
        self.dead = False  # it answers, and never finishes
        self.power_on()

    def power_on(self):
        """As after its supply came: what was configured is forgotten."""
        self._registers = [0, 0x0583, 0x8000, 0x7FFF]
        self._pointer = 0
        self._coming = None  # the result of the conversion that runs
        self._ready_ms = 0

    def write(self, data):
        self._pointer = data[0] & 3
        if len(data) < 3 or self._pointer == _CONVERSION:
            return
        word = data[1] << 8 | data[2]
        if self._pointer != _CONFIG:
            self._registers[self._pointer] = word
            return
        self._registers[_CONFIG] = word & 0x7FFF
        if word & 0x8000 or not word & 0x0100:  # a single one, or one after the other
            self._coming = self._measured(word)
            self._ready_ms = time.ticks_add(time.ticks_ms(), 1000 // _RATES[word >> 5 & 7])

    def read(self, buf):
        self._finish()
        word = self._registers[self._pointer]
        if self._pointer == _CONFIG and self._coming is None:
            word |= 0x8000
        for i in range(len(buf)):
            buf[i] = word & 255 if i & 1 else word >> 8

    def _finish(self):
        if self._coming is None or self.dead:
            return
        if time.ticks_diff(time.ticks_ms(), self._ready_ms) < 0:
            return
        config = self._registers[_CONFIG]
        self._registers[_CONVERSION] = self._coming
        # Without the single-shot bit the next one has begun, and another, …
        self._coming = None if config & 0x0100 else self._measured(config)

    def _measured(self, config):
        mux = config >> 12 & 7
        if mux >= 4:
            uv = self._read_uv(mux - 4)
        else:
            uv = self._read_uv(_PAIRS[mux][0]) - self._read_uv(_PAIRS[mux][1])
        full = _FULL_UV[config >> 9 & 7]
        code = (uv * 65536 + full) // (2 * full)  # rounded
        return max(-32768, min(32767, code)) & 0xFFFF

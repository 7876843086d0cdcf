# SPDX-License-Identifier: MIT
"""Pins and the analog-to-digital converter of the classic ESP32."""

import _water

_NO_PIN = (20, 24, 28, 29, 30, 31)
_INPUT_ONLY = 34
_ADC1 = (32, 33, 34, 35, 36, 37, 38, 39)
_ADC2 = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27)
# By attenuation: what the calibrated reading can tell, in microvolts (ESP32 datasheet, ADC).
_LOW_UV = (100_000, 100_000, 150_000, 150_000)
_HIGH_UV = (950_000, 1_250_000, 1_750_000, 2_450_000)


def pin_number(pin):
    if not isinstance(pin, Pin):
        raise TypeError("expecting a pin")
    return pin._id


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    _pins = {}

    def __new__(cls, id, *args, **options):
        if not isinstance(id, int) or not 0 <= id < 40 or id in _NO_PIN:
            raise ValueError("invalid pin")
        if id not in cls._pins:
            self = object.__new__(cls)
            self._id = id
            self._level = 1
            self._pulses = _water.channel(_water.PULSES, id)
            cls._pins[id] = self
        return cls._pins[id]

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        self.init(mode, pull, value=value, drive=drive, hold=hold)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if mode in (self.OUT, self.OPEN_DRAIN) and self._id >= _INPUT_ONLY:
            raise ValueError("pin can only be input")
        if value is not None:
            self._level = 1 if value else 0

    def __repr__(self):
        return "Pin(%u)" % self._id

    def value(self, value=None):
        if value is None:
            return self._level if self._pulses < 0 else _water.level(self._pulses)
        self._level = 1 if value else 0
        return None

    def __call__(self, value=None):
        return self.value(value)

    def on(self):
        self._level = 1

    def off(self):
        self._level = 0


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3
    WIDTH_9BIT = 9
    WIDTH_10BIT = 10
    WIDTH_11BIT = 11
    WIDTH_12BIT = 12

    def __init__(self, pin, *, atten=0):
        number = pin_number(pin)
        if number not in _ADC1 and number not in _ADC2:
            raise ValueError("invalid pin")
        self._pin = number
        self._channel = _water.channel(_water.MICROVOLTS, number)
        _water.touch()
        self.atten(atten)

    def init(self, *, atten=0):
        self.atten(atten)

    def atten(self, atten):
        if not 0 <= atten <= 3:
            raise ValueError("invalid atten")
        self._atten = atten

    def width(self, width):
        if not 9 <= width <= 12:
            raise ValueError("invalid bits")

    def read_uv(self):
        """Calibrated, in steps of one millivolt; beyond its range it tells the range's end."""
        if self._pin in _ADC2:  # as while Wi-Fi runs: a node must not depend on it
            raise OSError(-0x107, "ESP_ERR_TIMEOUT")
        low = _LOW_UV[self._atten]
        if self._channel < 0:
            return low
        value = _water.value(self._channel)
        return max(low, min(_HIGH_UV[self._atten], (value + 500) // 1000 * 1000))

    def read_u16(self):
        return self.read_uv() * 65535 // _HIGH_UV[self._atten]

    def read(self):
        return self.read_uv() * 4095 // _HIGH_UV[self._atten]

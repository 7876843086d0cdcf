# SPDX-License-Identifier: MIT
"""Pulse counters: `esp32.PCNT` (16 bits, starts again at 0 when it reaches a limit) and
`machine.Counter`.

The hardware counts while the chip does other things: a count is the scenario's count now, minus
that of the moment at which the unit was cleared. After a reset a counter starts at 0.
"""

import _water
from _pins import pin_number

_UNITS = 8  # of the ESP32; its S3 has 4, its C3 none
_UNSET = object()


class PCNT:
    IGNORE = 0
    INCREMENT = 1
    DECREMENT = 2
    NORMAL = 0
    REVERSE = 1
    HOLD = 2
    IRQ_ZERO = 1
    IRQ_THRESHOLD0 = 2
    IRQ_THRESHOLD1 = 4
    IRQ_MIN = 8
    IRQ_MAX = 16
    _units = {}

    def __new__(cls, id, **options):
        if not isinstance(id, int):
            raise TypeError("id")
        if not 0 <= id < _UNITS:
            raise ValueError("invalid id")
        if id not in cls._units:
            cls._units[id] = object.__new__(cls)
        return cls._units[id]

    def __init__(self, id, **options):
        self._id = id
        self._channels = [-1, -1]
        self._actions = [0, 0]  # counts per pulse: both edges of a pulse are one pulse's
        self._min = -32768
        self._max = 32767
        self._running = False
        self._base = 0
        self._held = 0
        self.init(**options)

    def __repr__(self):
        return "PCNT(%u)" % self._id

    def init(
        self, *, channel=0, pin=_UNSET, rising=_UNSET, falling=_UNSET, mode_pin=_UNSET,
        mode_low=0, mode_high=0, min=_UNSET, max=_UNSET, filter=0, threshold0=_UNSET,
        threshold1=_UNSET, value=_UNSET,
    ):  # fmt: skip
        if channel not in (0, 1):
            raise ValueError("channel")
        if mode_pin is not _UNSET and pin is _UNSET:
            raise ValueError("pin")
        if not 0 <= filter <= 1023:
            raise ValueError("filter")
        if value is not _UNSET and value != 0:
            raise ValueError("value")
        if min is not _UNSET:
            if not -32768 <= min < 0:  # newer ports refuse 0, older ones took it for none
                raise ValueError("minimum")
            self._min = min
        if max is not _UNSET:
            if not 0 < max <= 32767:
                raise ValueError("maximum")
            self._max = max
        total = self._total()
        if pin is not _UNSET:
            self._channels[channel] = (
                -1 if pin is None else _water.channel(_water.PULSES, pin_number(pin))
            )
            _water.touch()
        if rising is not _UNSET or falling is not _UNSET:
            up = 0 if rising is _UNSET else rising
            down = 0 if falling is _UNSET else falling
            if not (0 <= up <= 2 and 0 <= down <= 2):
                raise ValueError("rising")
            self._actions[channel] = (0, 1, -1)[up] + (0, 1, -1)[down]
        self._base += self._total() - total  # what another pin counted before is not ours
        if (value, min, max, threshold0, threshold1) != (_UNSET,) * 5:
            self._clear()

    def deinit(self):
        self._running = False
        self._held = 0

    def start(self):
        if not self._running:
            self._base = self._total() - self._held
            self._running = True

    def stop(self):
        self._held = self._count()
        self._running = False

    def value(self, value=None):
        count = self._count()
        if value is not None:
            if value != 0:
                raise ValueError("value")
            self._clear()
        if count >= 0:
            return count % self._max
        return -(-count % -self._min)

    def _clear(self):
        self._held = 0
        self._base = self._total()

    def _count(self):
        return self._total() - self._base if self._running else self._held

    def _total(self):
        total = 0
        for i in range(2):
            if self._actions[i]:
                total += self._actions[i] * _water.pulses(self._channels[i])
        return total


class Counter:
    """As the port's frozen Python over PCNT: one per unit, and a count that does not wrap."""

    RISING = 1
    FALLING = 2
    UP = PCNT.INCREMENT
    DOWN = PCNT.DECREMENT
    _instances = {}

    def __new__(cls, id, *args, **options):
        if not isinstance(id, int):
            raise TypeError("id")
        if not 0 <= id < _UNITS:
            raise ValueError("invalid id")
        if id not in cls._instances:
            self = object.__new__(cls)
            self._step = 0
            cls._instances[id] = self
        return cls._instances[id]

    def __init__(self, id, *args, filter_ns=0, **options):
        self._id = id
        if self._step and not (args or options):
            return  # the counter as it runs
        self._configure(*args, **options)

    def init(self, *args, **options):
        self.__init__(self._id, *args, **options)

    def _configure(self, src, edge=1, direction=1):
        if direction not in (self.UP, self.DOWN):
            raise ValueError("rising")
        self._channel = _water.channel(_water.PULSES, pin_number(src))
        _water.touch()
        edges = (edge & 1) + (edge >> 1 & 1)
        self._step = edges if direction == self.UP else -edges
        self._base = _water.pulses(self._channel)
        self._offset = 0

    def deinit(self):
        self._step = 0

    def value(self, value=None):
        if not self._step:
            raise RuntimeError("not initialised")
        count = self._step * (_water.pulses(self._channel) - self._base)
        result = count + self._offset
        if value is not None:
            self._offset = value - count
        return result

# SPDX-License-Identifier: MIT
"""Atlas Scientific EZO circuits on I2C: pH, ORP, EC, DO, RTD (their data sheets, I2C mode).

`R` asks for a reading, which is ready 900 ms later (600 ms for some). The first byte of an answer
is 1 done, 2 syntax error, 254 still busy, 255 nothing to send; then follows text, up to a zero.
"""

import time

from micropython import const

from tirta_format.record import GOOD, SUSPECT
from tirta_node.sensors.decimals import BAD, decimal
from tirta_node.sensors.held import Held
from tirta_node.sensors.water import Water

_READY_MS = const(900)
_SET_MS = const(300)  # what the command T takes
_AGAIN_MS = const(100)
_TRIES = const(8)  # times that 254 is taken
_DONE = const(1)
_BUSY = const(254)
_TEXT = const(40)
_COMMA = const(44)
_ASK = const(0)
_SET = const(1)
_READ = const(2)


class Field(Held):
    """A channel: the `index`-th number of the answer, from 0, times `scale`."""

    def __init__(self, index, scale, max_age_ms):
        super().__init__(max_age_ms)
        self.index = index
        self.scale = scale


class EZO:
    """One circuit, read every `poll_ms`. What `thermometer` (a driver, or None) measures, `degree`
    values a degree in `unit`, is told to the circuit before each reading, for it keeps the last
    one: a thermometer that is lost leaves `fixed_centi` and suspect readings.
    """

    def __init__(
        self, bus, address, fields, poll_ms, thermometer=None, degree=1, fixed_centi=2500,
        unit="degC",
    ):  # fmt: skip
        self._bus = bus
        self._address = address
        self._fields = fields
        self._poll_ms = poll_ms
        self.water = None
        if thermometer is not None:
            self.water = Water(thermometer, degree, fixed_centi, unit)
        self._flag = GOOD
        self._command = bytearray(b"T,000.0")
        self._buf = bytearray(_TEXT)
        self._state = _ASK
        self._due_ms = time.ticks_ms()
        self._asked_ms = time.ticks_ms()
        self._next_ms = time.ticks_ms()  # of the next step
        self._tries = 0
        self.errors = 0
        self.last_status = 0

    def join(self, field):
        """Another channel reads this circuit."""
        self._fields.append(field)

    def poll(self):
        """One step; ms until the next. Called before that, for other buses have shorter steps, it
        leaves the circuit alone.
        """
        left = time.ticks_diff(self._next_ms, time.ticks_ms())
        if left > 0:
            return left
        try:
            if self._state == _ASK:
                wait_ms = self._begin()
            elif self._state == _SET:
                wait_ms = self._ask()
            else:
                wait_ms = self._read()
        except OSError:  # it is not there, or another one holds the bus
            self.last_status = 0
            wait_ms = self._end(False)
        self._next_ms = time.ticks_add(time.ticks_ms(), wait_ms)
        return wait_ms

    def _begin(self):
        left = time.ticks_diff(self._due_ms, time.ticks_ms())
        if left > 0:
            return left
        water = self.water
        if water is None:
            return self._ask()
        self._flag = GOOD if water.read() else SUSPECT
        self._bus.writeto(self._address, self._temperature(water.centi))
        self._state = _SET
        return _SET_MS

    def _temperature(self, centi):
        """The command T with one digit behind the point; 0 to 100 degrees, as water is."""
        tenths = max(0, min((centi + 5) // 10, 1000))
        at = 2
        part = 1000
        while part:
            self._command[at] = 0x30 + tenths // part % 10
            at += 2 if part == 10 else 1
            part //= 10
        return self._command

    def _ask(self):
        self._bus.writeto(self._address, b"R")
        self._asked_ms = time.ticks_ms()
        self._tries = 0
        self._state = _READ
        return _READY_MS

    def _read(self):
        self._bus.readfrom_into(self._address, self._buf)
        self.last_status = self._buf[0]
        if self.last_status == _BUSY and self._tries < _TRIES:
            self._tries += 1
            return _AGAIN_MS
        return self._end(self.last_status == _DONE)

    def _end(self, answered):
        if not answered:
            self.errors += 1
        for field in self._fields:
            value = self._number(field) if answered else BAD
            if value == BAD:
                field.drop()
            else:
                field.put(value, self._asked_ms, self._flag)
        self._state = _ASK
        now = time.ticks_ms()
        self._due_ms = time.ticks_add(self._due_ms, self._poll_ms)
        if time.ticks_diff(self._due_ms, now) <= 0:
            self._due_ms = time.ticks_add(now, self._poll_ms)
        return max(1, time.ticks_diff(self._due_ms, now))

    def _number(self, field):
        buf = self._buf
        at = 1
        skip = field.index
        while skip:
            at = buf.find(b",", at)
            if at < 0:
                return BAD
            at += 1
            skip -= 1
        end = at
        while end < _TEXT and buf[end] and buf[end] != _COMMA:
            end += 1
        return decimal(buf, at, end, field.scale)

# SPDX-License-Identifier: MIT
"""SDI-12 recorder (SDI-12 Support Group, version 1.4): measurements of river and reservoir sondes.

`aM!` measures while the line belongs to the sensor until its service request, `aC!` while others
may be asked, `aR0!` reads at once; then `aD0!`, `aD1!` … bring the values. With a C behind (`aMC!`)
the data carry a CRC. A *measurement* is one such command, and the channels that read its values.
"""

import time

from micropython import const

from tirta_node.sensors.crc16 import crc16
from tirta_node.sensors.decimals import BAD, decimal
from tirta_node.sensors.held import Held

_ANSWER_MS = const(100)  # an answer begins within 15 ms; between characters are at most 1.7 ms
_REST_MS = const(1000)
_GAP_MS = const(20)
_TRIES = const(3)
_BUFFER = const(96)  # 75 characters of values, address, CRC, line end
_PART = const(32)
_REQUEST_MS = const(500)  # beyond the promised time the values are asked for anyway
_LAST_PAGE = const(9)

_IDLE = const(0)
_SENDING = const(1)
_ANSWER = const(2)
_SERVICE = const(3)  # the line belongs to a sensor that measures

_M = const(0x4D)  # of a command: the service request is waited for
_R = const(0x52)  # the values come at once
_COMMAND = const(0)  # steps of a measurement
_DATA = const(1)


class Value(Held):
    """A channel: the `index`-th value of its measurement, from 0, times `scale`."""

    def __init__(self, index, scale, max_age_ms):
        super().__init__(max_age_ms)
        self.index = index
        self.scale = scale
        self.found = BAD  # while the pages come


class Measurement:
    """`command`: `M`, `M1`, `C`, `MC`, `CC`, `R0`, `RC0` …, of the sensor at `address`."""

    def __init__(self, address, command, values, poll_ms):
        self.address = address.encode()
        self.values = values
        self.poll_ms = poll_ms
        self.command = self.address + command.encode() + b"!"
        self.with_crc = command[1:2] == "C"
        self.due_ms = time.ticks_ms()
        self.asked_ms = 0
        self.step = _COMMAND
        self.page = 0
        self.count = 0  # values that it has
        self.have = 0
        self.tries = 0

    def text(self):
        """What is to be sent now."""
        if self.step == _COMMAND:
            return self.command
        return self.address + b"D" + bytes((0x30 + self.page,)) + b"!"


class Sdi12:
    """`line` sends, releases and receives (hal.sdi12)."""

    def __init__(self, line, measurements):
        self._line = line
        self._measurements = measurements
        self._now = measurements[0]  # the measurement that the line is busy with
        self._state = _IDLE
        self._buf = bytearray(_BUFFER)
        self._end = 0
        self._part = bytearray(_PART)
        self._until_ms = time.ticks_ms()
        self.errors = 0

    def poll(self):
        """One step; milliseconds until the next."""
        if self._state == _IDLE:
            return self._begin()
        if self._state == _SENDING:
            left = self._line.finish()
            if left:
                return left
            self._wait(_ANSWER, _ANSWER_MS)
        if self._receive():
            self._wait(self._state, _ANSWER_MS)
        if self._end and self._buf[self._end - 1] == 0x0A:
            return self._answered()
        left = time.ticks_diff(self._until_ms, time.ticks_ms())
        if left > 0:
            return min(left, 10)
        if self._state == _SERVICE:  # its time is over
            return self._rest()
        return self._again()

    def _wait(self, state, ms):
        self._state = state
        self._until_ms = time.ticks_add(time.ticks_ms(), ms)

    def _begin(self):
        now = time.ticks_ms()
        left = time.ticks_diff(self._until_ms, now)
        if left > 0:
            return left
        wait = _REST_MS
        found = None
        for measurement in self._measurements:
            left = time.ticks_diff(measurement.due_ms, now)
            wait = min(wait, left)
            if left <= 0 and (found is None or measurement.step > found.step):
                found = measurement
        if found is None:
            return wait
        self._now = found
        if found.step == _COMMAND and not found.tries:
            found.asked_ms = now
        self._end = 0
        self._line.send(found.text())
        self._state = _SENDING
        return 30

    def _answered(self):
        measurement = self._now
        buf, end = self._buf, self._end - 2
        self._end = 0
        at = 0
        for i in range(end):
            if buf[i] == 0x21:  # the end of our own command: the line is heard while we send
                at = i + 1
        while at < end and buf[at] != measurement.address[0]:
            at += 1
        if at >= end:
            return 10 if self._state == _SERVICE else self._again()
        if self._state == _SERVICE:
            return self._rest()
        if measurement.step == _COMMAND and measurement.command[1] != _R:
            return self._promised(measurement, at + 1, end)
        return self._take(measurement, at, end)

    def _promised(self, measurement, at, end):
        """atttn or atttnn: ready in ttt seconds with n values."""
        for i in range(at, end):
            if not 0x30 <= self._buf[i] <= 0x39:
                return self._again()
        if not 4 <= end - at <= 5:
            return self._again()
        seconds = decimal(self._buf, at, at + 3, 1)
        measurement.count = decimal(self._buf, at + 3, end, 1)
        if measurement.count == 0:
            return self._failed(measurement)
        self._begin_pages(measurement)
        if seconds and measurement.command[1] == _M:
            self._wait(_SERVICE, seconds * 1000 + _REQUEST_MS)
            return 10
        measurement.due_ms = time.ticks_add(time.ticks_ms(), seconds * 1000)
        return self._rest()

    def _begin_pages(self, measurement):
        measurement.step = _DATA
        measurement.page = 0
        measurement.have = 0
        measurement.tries = 0
        measurement.due_ms = time.ticks_ms()
        for value in measurement.values:
            value.found = BAD

    def _take(self, measurement, at, end):
        """a+1.5-2.25…: values, each behind its sign; three characters of CRC perhaps."""
        if measurement.with_crc:
            if end - at < 4 or not _crc_is_right(self._buf, at, end):
                return self._again()
            end -= 3
        if measurement.command[1] == _R:
            self._begin_pages(measurement)
        at += 1
        if at >= end:
            return self._failed(measurement)  # no values: the measurement was broken off
        while at < end:
            stop = at + 1
            while stop < end and self._buf[stop] != 0x2B and self._buf[stop] != 0x2D:
                stop += 1
            for value in measurement.values:
                if value.index == measurement.have and not _is_fault(self._buf, at, stop):
                    value.found = decimal(self._buf, at, stop, value.scale)
            measurement.have += 1
            at = stop
        if measurement.have < measurement.count and measurement.page < _LAST_PAGE:
            measurement.page += 1
            measurement.tries = 0
            return self._rest()
        for value in measurement.values:
            if value.found == BAD:
                value.drop()
            else:
                value.put(value.found, measurement.asked_ms)
        return self._next(measurement)

    def _again(self):
        """No answer, or one that cannot be read."""
        self.errors += 1
        measurement = self._now
        measurement.tries += 1
        return self._failed(measurement) if measurement.tries >= _TRIES else self._rest()

    def _failed(self, measurement):
        for value in measurement.values:
            value.drop()
        return self._next(measurement)

    def _next(self, measurement):
        measurement.step = _COMMAND
        measurement.tries = 0
        measurement.count = 0
        now = time.ticks_ms()
        measurement.due_ms = time.ticks_add(measurement.asked_ms, measurement.poll_ms)
        if time.ticks_diff(measurement.due_ms, now) < 0:
            measurement.due_ms = now
        return self._rest()

    def _rest(self):
        self._wait(_IDLE, _GAP_MS)
        return _GAP_MS

    def _receive(self):
        n = self._line.receive(self._part)
        if self._end + n > _BUFFER:
            self._end = 0  # nobody sends so much: noise
        for i in range(n):
            self._buf[self._end + i] = self._part[i] & 0x7F
        self._end += n
        return n


def _is_fault(buf, at, end):
    """-9999 and its like stand for no value: -9990 to -9999 (METER Group, integrator guide of TEROS
    11 and 12: -9999 a sensor that is broken, -9992 one without calibration), longer rows of nines.
    """
    stop = buf.find(b".", at, end)
    if stop < 0:
        stop = end
    if buf[at] != 0x2D or stop - at < 5:
        return False
    i = stop - 1 if stop - at == 5 else stop
    while i > at + 1:
        i -= 1
        if buf[i] != 0x39:
            return False
    return True


def _crc_is_right(buf, at, end):
    """Three characters of six bits each, 0x40 added (version 1.4, 4.4.12)."""
    end -= 3
    crc = crc16(buf, at, end, 0)
    return (
        buf[end] == 0x40 | crc >> 12
        and buf[end + 1] == 0x40 | crc >> 6 & 0x3F
        and buf[end + 2] == 0x40 | crc & 0x3F
    )

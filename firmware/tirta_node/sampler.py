# SPDX-License-Identifier: MIT
"""Reads every sensor once an interval and puts the record into the ring.

A *sensor* has `prepare()`, called `LEAD_MS` before the deadline (slow ones start to convert), and
`sample()`, which leaves `value` (an integer) and `flag` (QARTOD) and neither waits nor allocates.
"""

from tirta_node.ring import USED

LEAD_MS = 900  # a DS18B20 converts for 750 ms


class Sampler:
    """`sensors` in the order of the config's channels."""

    def __init__(self, sensors, ring, schedule):
        self.sensors = sensors
        self._ring = ring
        self._schedule = schedule
        self._prepared = False

    def wait_ms(self):
        """How long nothing is to do here."""
        left = self._schedule.left_ms()
        if not self._prepared:
            left -= LEAD_MS
        return left if left > 0 else 0

    def step(self):
        """Do what is due. True when a deadline was met."""
        left = self._schedule.left_ms()
        if left > LEAD_MS:
            return False
        if not self._prepared:
            self._prepared = True
            for sensor in self.sensors:
                sensor.prepare()
        if self._schedule.left_ms() > 0:
            return False
        self._prepared = False
        self._capture(self._schedule.take())
        return True

    def _capture(self, slot):
        ring = self._ring
        if ring.state[USED] == ring.capacity:
            ring.refused += 1
            return  # unread, a pulse counter keeps its pulses for the next record
        self._read(ring)
        ring.take(ring.handle, slot)

    def _read(self, ring):
        # Few locals, and no iterator: a frame of more than 11 words would come from the heap.
        values = ring.values
        flags = ring.flags
        sensors = self.sensors
        n = len(sensors)
        i = 0
        while i < n:
            sensor = sensors[i]
            sensor.sample()
            values[i] = sensor.value
            flags[i] = sensor.flag
            i += 1

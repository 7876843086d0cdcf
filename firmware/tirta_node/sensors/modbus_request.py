# SPDX-License-Identifier: MIT
"""What a Modbus master asks for: a *request* reads registers of a *slave* that lie together, for
one channel or several. How it stands is kept here; what is done about it is in modbus.py.
"""

import time

from tirta_format.record import GOOD
from tirta_node.sensors import modbus_frame
from tirta_node.sensors.held import Held
from tirta_node.sensors.modbus_shape import shape
from tirta_node.sensors.numbers import BAD, number


class Register(Held):
    """A channel: a number in the registers of its request.

    `order` has bit 0 set when the bytes of each register are swapped, bit 1 when the two registers
    are. The value is the number times `mul` / `div`, plus `shift`.
    """

    def __init__(self, kind, order, ratio, shift, max_age_ms):
        super().__init__(max_age_ms)
        self._how = kind | order << 3  # and from bit 5 on its byte in the answer
        self._ratio = ratio
        self._shift = shift

    def place(self, offset):
        """It lies `offset` registers into its request."""
        self._how = (self._how & 31) + (2 * offset << 5)

    def take(self, buf, at, asked_ms, flag=GOOD):
        """Read the number out of the answer, whose registers begin at `at`."""
        kind = self._how & 7
        at += self._how >> 5
        swap = self._how >> 3 & 1
        first = buf[at + swap] << 8 | buf[at + 1 - swap]
        if kind < 2:
            second, first = first, 0
        else:
            second = buf[at + 2 + swap] << 8 | buf[at + 3 - swap]
            if self._how & 16:
                first, second = second, first
        value = number(kind, first, second, self._ratio[0], self._ratio[1])
        if value == BAD:
            self.drop()
        else:
            self.put(value + self._shift, asked_ms, flag)


class Slave:
    """How a slave behaves: `fails` polls in a row without an answer. One that was silent or late
    is *doubted* for a while: what it says may be older than the last question.
    """

    def __init__(self, address):
        self.address = address
        self.shapes = ()
        self.fails = 0
        self.doubted = False
        self.doubt_ms = 0  # when it gave a reason last
        self.late_ms = 0  # the latest answer while it was doubted

    def doubt(self, now, late_ms):
        """It was late, or silent for so long."""
        self.doubted = True
        self.doubt_ms = now
        self.late_ms = max(self.late_ms, late_ms)

    def trust(self):
        """It has answered in time for long."""
        self.doubted = False
        self.late_ms = 0


class Request:
    """`channels` read `count` registers from `register` on, every `poll_ms`."""

    def __init__(self, slave, function, register, count, channels, poll_ms):
        self.channels = channels
        self.poll_ms = poll_ms
        self.frame = modbus_frame.request(slave.address, function, register, count)
        self.due_ms = time.ticks_ms()
        self.tries = 0
        self.shape = shape(slave, function, count)  # which keeps the next two
        self.shape.members += (self,)
        self.owes = False  # an answer to an attempt may still come
        self.since_ms = 0  # the first such attempt

    def drop(self):
        """Every channel is missing."""
        for channel in self.channels:
            channel.drop()

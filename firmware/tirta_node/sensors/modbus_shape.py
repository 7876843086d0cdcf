# SPDX-License-Identifier: MIT
"""Which answers a Modbus line still owes, and to whom: RTU has no number that joins the two.

A *shape* is slave, function and length: all that an answer says of its question. A request *owes*
from its first attempt on until as many answers of the shape came as attempts were made; so an
answer is known to be of one register only while no other request of its shape owes.
"""

import time

from micropython import const

_ANY = const(1 << 20)  # more answers than come before all is clear again


class Shape:
    """`head`: the first three bytes of such an answer; `full_ring`: the two of an exception;
    `members`: the requests that look like this.
    """

    def __init__(self, slave, head, *members):
        self.members = members
        self.head = head
        self.refusal = bytes((head[0], head[1] | 0x80))
        self.slave = slave
        self.owed = 0  # answers that may still come
        self.waits = False  # an attempt was in vain: its answer may come soon
        self.vain_ms = 0  # when there was one last, or an answer to one
        self.last_ms = 0  # the last attempt

    def rest_ms(self):
        """The longest time between two polls."""
        longest_ms = 0
        for request in self.members:
            longest_ms = max(longest_ms, request.poll_ms)
        return longest_ms

    def ask(self, request, now):
        """An attempt is made."""
        if not request.owes:
            request.owes = True
            request.since_ms = now
        self.owed += 1
        self.last_ms = now

    def in_vain(self):
        """The last attempt was not answered in time."""
        self.waits = True
        self.vain_ms = self.last_ms

    def answered(self):
        """One attempt was, and which is not known until all are."""
        self.owed -= 1
        if self.owed <= 0:
            self.clear()

    def clear(self):
        """No answer comes any more."""
        self.owed = 0
        self.waits = False
        for request in self.members:
            request.owes = False

    def exceed(self, now):
        """An answer came that nobody had asked for: what there is cannot be trusted."""
        self.vain_ms = now
        mixed = False
        for request in self.members:
            mixed = mixed or request.frame != self.members[0].frame
        for request in self.members:
            request.owes = True
            request.since_ms = now
            if mixed:
                request.drop()
        self.owed = _ANY

    def is_only(self, frame):
        """Whether no other question owes."""
        for request in self.members:  # noqa: SIM110 - a generator would come from the heap
            if request.owes and request.frame != frame:
                return False
        return True

    def owing(self):
        """One of the requests that owe."""
        for request in self.members:
            if request.owes:
                return request
        return self.members[0]

    def since_ms(self, frame):
        """The first attempt at this question that may be meant: so old its answer may be."""
        found = self.last_ms
        for request in self.members:
            meant = request.owes and request.frame == frame
            if meant and time.ticks_diff(request.since_ms, found) < 0:
                found = request.since_ms
        return found


def shape(slave, function, count):
    """The Shape of answers of so many registers; one for all whose answers look alike."""
    head = bytes((slave.address, function, 2 * count))
    for known in slave.shapes:
        if known.head == head:
            return known
    made = Shape(slave, head)
    slave.shapes += (made,)
    return made

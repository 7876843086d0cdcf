# SPDX-License-Identifier: MIT
"""The node's alarms as a program that is asked line by line: a config, anchors of its clock, and
records go in, what it says of each night comes out. tests/host/test_night.py asks.
"""

import json
import sys

import nochip  # noqa: F401 - before what imports the hal
from nor import Flash

import tirta_node.hal


class Chip:
    flash = Flash(8)

    def partition(self, name):
        return self.flash


tirta_node.hal.chip = sys.modules["tirta_node.hal.chip"] = Chip()

from tirta_format import meta  # noqa: E402 - with that chip
from tirta_node.alarms import alarm_setup  # noqa: E402
from tirta_node.clock import Clock  # noqa: E402
from tirta_node.sampling.sampler import SLOT  # noqa: E402


class Uptime(Clock):
    """The node's clock, at an uptime that the test says."""

    now = 0

    def uptime_ms(self):
        return self.now


class Group:
    words = [0] * 8


class Node:
    """What alarms need; records are put into its ring by hand."""

    refused = 0

    def __init__(self, config):
        self.config = config
        self.clock = Uptime()
        self.sampler = self.ring = self.keeper = self.log = self
        self.groups = (Group(),)
        Group.words[SLOT] = 0
        self.values, self.flags = [0, 0], [9, 9]
        self.alarms = alarm_setup.begin(self)

    def flash_was_busy(self):
        pass

    def note(self, payload):
        pass

    def take(self, slot, flow, flag, pressure, pressure_flag):
        """A record; what the alarm says of a night that it ended."""
        self.values[:] = flow, pressure
        self.flags[:] = flag, pressure_flag
        Group.words[SLOT] = slot + 1
        source = self.alarms._found[0].source
        words, night = source.words, source._night
        words[1] = MARK  # the alarm writes it at the end of a night alone
        self.alarms.step()
        return [] if words[1] == MARK else [slot, night, words[1], words[2], words[0]]


MARK = -12345678
NODES = [None]


def answer(line):
    """One of {"config": …}, {"anchor": [uptime_ms, unix_ms]}, {"records": [[slot, …], …]}."""
    asked = json.loads(line)
    if "config" in asked:
        Chip.flash = Flash(8)
        NODES[0] = Node(asked["config"])
    node = NODES[0]
    if "anchor" in asked:
        node.clock.now = asked["anchor"][0]
        node.clock.set(asked["anchor"][1], meta.CLOCK_LAPTOP, 50)
    found = [node.take(*record) for record in asked.get("records", ())]
    return json.dumps([told for told in found if told])


def serve():
    """Answer lines on stdin until it ends."""
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        print(answer(line))

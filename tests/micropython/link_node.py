# SPDX-License-Identifier: MIT
"""The node's side of the link in lockstep with a laptop (tests/support/lockstep.py): time passes
when the laptop lets it, so that no waiting takes any.

What runs is the firmware: log, keeper, commands, console, streams, and the gate of a locked node.
Records come once a second. Commands on stdin are a letter and two u32: `T` time in ms that may pass
until something is said, bytes for the line that follow; `R` begin anew from the log as it was
written, 1 = locked; `I` the flash. An answer is u32 ms that passed, u32 bytes, bytes.
"""

import json
import struct
import sys

import nochip  # noqa: F401 - before anything of ours
from faketime import time
from nor import Flash, Random
from writer import NEVER, Setup, Writer

from tirta_format import meta, state
from tirta_node import unload
from tirta_node.access import login
from tirta_node.access.gate import Gate
from tirta_node.hal import chip
from tirta_node.line.console import Console
from tirta_node.requests.dispatch import Dispatcher
from tirta_node.sampling import sampler
from tirta_node.state import copies

NODE = "02fb6be3ee96"
KEY = bytes(range(32))
INTERVAL_MS = 1000
COLUMNS = ("flow", "p_0", "p_1", "p_2")
BEGAN_UNIX_MS = 1790000000000  # uptime 0 of the first boot, whose clock was set
BLOCKS = 64
STATE_BLOCKS = 8
FIFO = 120
SAID = 8192  # bytes in one answer, at most: the laptop may hang up meanwhile


def setup():
    """A config as the product's decoder reads it."""
    channels = [{"scale": 1, "pin": 27, "sensor": "pulse", "counter": 0, "ml": 10}]
    for i in range(3):
        channel = {"scale": 100, "pin": 36 - i, "sensor": "voltage"}
        channel.update({"uv0": 0, "uv1": 1000000, "value0": 0, "value1": 100})
        channels.append(channel)
    for channel, name in zip(channels, COLUMNS):
        channel["name"] = name
    config = {"board": "virtual", "channels": channels, "interval_ms": INTERVAL_MS}
    return Setup(json.dumps(config).encode(), len(channels), {0: COLUMNS[0]})


class Line:
    """A line that takes what it is given, and hands out what the laptop sent."""

    baud = 0

    def __init__(self):
        self.input = b""
        self.at = 0
        self.output = bytearray()
        self.one = bytearray(1)

    def pace(self, baud):
        """A line in lockstep has no rate."""

    def byte(self):
        if self.at == len(self.input):
            return -1
        self.at += 1
        return self.input[self.at - 1]

    def room(self):
        return FIFO

    def drain_ms(self):
        return 0

    def write(self, data):
        self.output += data

    def arrive(self, data):
        self.input = self.input[self.at :] + data
        self.at = 0


class Group:
    """The words of the only group; nothing is late where time waits."""

    period_ms = INTERVAL_MS

    def __init__(self):
        self.words = [0] * 16


class Sampler:
    """What `status` and `dispatch` ask of one."""

    def __init__(self, columns):
        self.columns = columns
        self.groups = (Group(),)
        self.buses = ()

    def is_due(self, in_ms, slot):
        words = self.groups[0].words
        words[sampler.DUE] = time.ticks_add(time.ticks_ms(), in_ms)
        words[sampler.SLOT] = slot


class Node:
    """The parts that app.py puts together, but for the sensors."""

    def __init__(self, flash, memory, setup, seed):
        self.setup = setup
        self.config = {"name": "lockstep", "interval_ms": INTERVAL_MS, "visit_s": 1800}
        self.config_problem = ""
        self.board = "virtual"
        self.version = "1.0"
        self.sampler = Sampler(COLUMNS)
        self.alarms = self.gate = None
        self.line = Line()
        self.console = Console(self.line)
        self.dispatcher = Dispatcher(self, self.console)
        self.console.handle = self.dispatcher.handle
        self.writer = Writer(flash, setup, time, seed, NEVER, INTERVAL_MS)
        self.keeper, self.ring = self.writer.keeper, self.writer.ring
        self.clock = self.writer.clock
        self.left_ms = INTERVAL_MS  # until the next record
        self.sampler.is_due(self.left_ms, 0)
        if copies.mode(memory) == b"locked":
            self.gate = Gate(self, memory)

    def config_text(self):
        return self.setup.text

    def turn(self, most_ms):
        """What the console does until it has said something or `most_ms` have passed; ms."""
        passed_ms = 0
        console, line = self.console, self.line
        while True:
            console.step()
            if console.visit:
                raise RuntimeError("noise opened the REPL")
            if len(line.output) >= SAID:
                return passed_ms
            if console.wait_ms() == 0 or line.at < len(line.input):
                continue
            if line.output or passed_ms >= most_ms:
                return passed_ms
            step_ms = min(console.wait_ms(), most_ms - passed_ms, self.left_ms)
            time.sleep_ms(step_ms)
            passed_ms += step_ms
            self.left_ms -= step_ms
            if not self.left_ms:
                self.left_ms = INTERVAL_MS
                self.sample()

    def sample(self):
        """One record, and what its slack is used for."""
        writer = self.writer
        writer._one()
        writer.samples.clear()
        self.sampler.is_due(INTERVAL_MS, writer.slot)
        writer.work()


class Lockstep:
    """Answers the laptop's commands until it ends."""

    def __init__(self, records):
        self._setup = setup()
        self._in, self._out = sys.stdin.buffer, sys.stdout.buffer
        chip.node_id = lambda: NODE
        chip.reset_cause = lambda: 1
        chip.keep_unix_ms = lambda unix_ms: None
        flash = Flash(BLOCKS)
        writer = Writer(flash, self._setup, time, 1, NEVER, INTERVAL_MS)
        writer.clock.set(BEGAN_UNIX_MS, meta.CLOCK_LAPTOP, 50)
        writer.start(epoch=99)
        writer.run(records)
        writer.stop()
        self._written = flash.image
        self._node = None
        self._reset(0, 1)

    def _reset(self, locked, seed):
        self._flash = Flash(BLOCKS, self._written)
        self._state = Flash(STATE_BLOCKS)
        fields = {state.SLOT: b"a", state.MODE: b"locked" if locked else b"open", state.KEY: KEY}
        copies.change(self._state, fields)
        chip.partition = {"log": self._flash, "state": self._state}.get
        self._node = Node(self._flash, self._state, self._setup, seed)
        self._node.writer.start()

    def run(self):
        while True:
            head = self._in.read(9)
            if len(head) < 9:
                return
            letter = head[:1]
            first, second = struct.unpack("<II", head[1:])
            passed_ms, said = 0, b""
            if letter == b"R":
                self._reset(first, second)
            elif letter == b"I":
                said = self._flash.image
            else:
                node = self._node
                if second:
                    node.line.arrive(self._in.read(second))
                passed_ms = node.turn(first)
                said, node.line.output = node.line.output, bytearray()
            self._out.write(struct.pack("<II", passed_ms, len(said)))
            self._out.write(said)


class Chance:
    """As many random bytes as are wanted, the same ones in each run."""

    urandom = Random(20261124).bytes


def main(records):
    login.os = Chance
    # Each request would compile its module anew: on a chip they are compiled.
    unload.call = lambda module, function, *a: getattr(
        __import__(module, None, None, (function,)), function
    )(*a)
    Lockstep(records).run()

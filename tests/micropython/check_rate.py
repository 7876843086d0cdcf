# SPDX-License-Identifier: MIT
"""The rate of the line, model-checked: every order of hellos, rate requests, silence and loss that
leads to a state not seen before, through the node's own console, commands and rate. Whatever came,
two seconds of silence end at the rate that the next laptop knows.
"""

import struct
import sys

import nochip  # noqa: F401 - before anything of ours
from faketime import time

import tirta_node.hal
from tirta_format import frame


class Uart:
    """The rate at which bytes really go; `works` is what the port says of a switch."""

    baud = 115200
    works = True

    def switch(self, baud):
        if self.works:
            self.baud = baud
        return self.works


uart = tirta_node.hal.uart = sys.modules["tirta_node.hal.uart"] = Uart()


class HalLine:
    FIFO = 120


tirta_node.hal.line = sys.modules["tirta_node.hal.line"] = HalLine()

from tirta_node.line import baud as rate  # noqa: E402 - with that UART
from tirta_node.line.console import Console  # noqa: E402
from tirta_node.requests import dispatch  # noqa: E402

dispatch.unload.call = lambda module, function, *args: (
    {"tirta": 1} if function == "identity" else getattr(rate, function)(*args)
)

FIRST = 115200
BAUDS = (57600, 115200, 230400, 921600)
SLOW = sys.maxsize < 1 << 32


class Line:
    """Bytes from a laptop; what is written leaves at once."""

    baud = FIRST
    input = b""

    def pace(self, baud):
        self.baud = baud

    def byte(self):
        if not self.input:
            return -1
        byte, self.input = self.input[0], self.input[1:]
        return byte

    def room(self):
        return 120

    def drain_ms(self):
        return 0

    def write(self, data):
        self.written = bytes(data)


class Node:
    def __init__(self):
        uart.baud, uart.works = FIRST, True
        self.line = Line()
        self.console = Console(self.line)
        self.dispatcher = dispatch.Dispatcher(self, self.console)
        self.console.handle = self.dispatcher.handle

    def hears(self, data):
        self.line.input += data
        self.passes(20)

    def passes(self, ms):
        for _ in range(0, ms, 10):
            time.sleep_ms(10)
            self.console.step()

    def state(self):
        console = self.console
        return (
            uart.baud,
            self.line.baud,
            console.first_baud,
            console.switched,
            console.lapse is not None,
        )


def hello(node, baud):
    node.hears(frame.encode(frame.HELLO, 1, b"\1\1" + str(baud).encode()))


def ask(node, baud):
    node.hears(frame.encode(frame.RATE, 2, struct.pack("<I", baud)))


def deaf(node, baud):
    """A rate that the port refuses."""
    uart.works = False
    ask(node, baud)
    uart.works = True


def lose(node, which):
    """A request that arrives in part."""
    whole = frame.encode(frame.RATE, 3, struct.pack("<I", 460800))
    node.hears(whole[:-4] + b"\0" if which else whole[: len(whole) // 2])


def wait(node, ms):
    node.passes(ms)


EVENTS = (
    [(hello, baud) for baud in (0,) + BAUDS + (9, 99999999)]
    + [(ask, baud) for baud in BAUDS + (7, 0, 6000000)]
    + [(deaf, 921600), (lose, 0), (lose, 1), (wait, 1000), (wait, 2000)]
)


def after(path):
    node = Node()
    for event, value in path:
        event(node, value)
    return node


def told(path):
    return " ".join(["%s(%d)" % (event.__name__, value) for event, value in path])


def explore(check):
    """Apply every event in every state that can be reached; return the states."""
    seen = {after(()).state(): ()}
    waiting = [()]
    while waiting:
        path = waiting.pop(0)
        for event in EVENTS:
            longer = path + (event,)
            node = after(longer)
            state = node.state()
            check(node, longer)
            if state not in seen:
                seen[state] = longer
                waiting.append(longer)
    return seen


def test_silence_leads_back_to_the_first_rate_from_every_state():
    def check(node, path):
        first = node.console.first_baud
        node.passes(2000)
        assert uart.baud == (first if node.console.switched else FIRST), told(path)
        assert not node.console.switched or node.line.baud == uart.baud, told(path)
        assert node.console.lapse is None, told(path)

    states = explore(check)
    assert len(states) > 15, len(states)


def test_the_pace_is_the_rate_once_the_node_has_set_one():
    def check(node, path):
        if node.console.switched:
            assert node.line.baud == uart.baud, told(path)

    explore(check)


def test_a_rate_that_is_not_the_first_one_is_watched():
    def check(node, path):
        if node.console.switched and uart.baud != node.console.first_baud:
            assert node.console.lapse is not None, told(path)

    explore(check)


def test_the_first_rate_never_changes_after_a_switch():
    def check(node, path):
        before = after(path[:-1])
        if before.console.switched:
            assert node.console.first_baud == before.console.first_baud, told(path)
        assert node.console.first_baud <= FIRST, told(path)

    explore(check)


def test_a_late_hello_raises_nothing():
    for late in BAUDS:
        node = after(((hello, FIRST), (ask, 921600), (hello, 921600), (wait, 2000), (hello, late)))
        ask(node, FIRST)
        node.passes(2000)
        assert (uart.baud, node.line.baud) == (FIRST, FIRST), late


def test_who_lowers_the_rate_is_not_switched_again():
    node = after(((hello, FIRST), (ask, 921600), (hello, 921600), (ask, FIRST), (hello, FIRST)))
    assert node.console.lapse is None
    uart.works = False  # a switch would fail
    node.passes(3000)
    assert uart.baud == FIRST


def test_the_same_rate_again_disturbs_nothing():
    node = after(((hello, FIRST), (ask, 921600)))
    switches = []
    switch, uart.switch = uart.switch, switches.append
    ask(node, 921600)
    uart.switch = switch
    assert switches == []
    assert node.line.written
    node.passes(2000)
    assert uart.baud == FIRST


def test_a_flood_of_hellos_loads_a_module_once():
    node = Node()
    loads = []
    call = dispatch.unload.call
    dispatch.unload.call = lambda *args: loads.append(args) or {"tirta": 1}
    for _ in range(300):
        hello(node, FIRST)
        assert node.line.written
    dispatch.unload.call = call
    assert len(loads) == 1, loads


def test_talking_keeps_a_raised_rate_and_noise_does_not():
    node = after(((hello, FIRST), (ask, 921600)))
    for _ in range(20):
        wait(node, 1000)
        hello(node, 921600)
    assert uart.baud == 921600
    for _ in range(2):
        wait(node, 1000)
        lose(node, 1)
    assert uart.baud == FIRST

# SPDX-License-Identifier: MIT
"""Opening and closing a port does not reset a node: what pyserial does to DTR and RTS, in order.

A PTY has no such lines. So the real pyserial opens one, and the calls by which it sets them are
recorded and fed to the truth table of the two transistors that common boards have.
"""

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import serial
from mpremote.transport_serial import SerialTransport

from tirta.link.serial_line import Line

State = tuple[bool, bool]  # DTR, RTS as the program sees them: set means a low voltage
SET_BITS, CLEAR_BITS = termios.TIOCMBIS, termios.TIOCMBIC
BITS = {termios.TIOCM_DTR: 0, termios.TIOCM_RTS: 1}


def en_is_low(state: State) -> bool:
    """The chip is held in reset. Espressif's circuit: one transistor pulls EN down while RTS is set
    and DTR is not, the other one GPIO0 while DTR is set and RTS is not; both or none pull nothing.
    Source: ESP32-DevKitC V4 schematic, "Auto program" (2017).
    """
    dtr, rts = state
    return rts and not dtr


def gpio0_is_low(state: State) -> bool:
    """What the chip reads when it leaves reset, and never else."""
    dtr, rts = state
    return dtr and not rts


class Wires:
    """DTR and RTS of one port, and every state that they were in."""

    def __init__(self, start: State, kernel_first: int | None) -> None:
        self.states = [start]
        self._kernel_first = kernel_first

    def set(self, line: int, value: bool) -> None:
        now = list(self.states[-1])
        now[line] = value
        self.states.append((now[0], now[1]))

    def kernel(self, value: bool) -> None:
        """At the first open and the last close the kernel sets or clears both: in one request to
        the bridge, or one line after the other where its driver can only do that.
        """
        if self._kernel_first is None:
            self.states.append((value, value))
        else:
            self.set(self._kernel_first, value)
            self.set(1 - self._kernel_first, value)

    def resets(self) -> bool:
        return any(map(en_is_low, self.states))


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[str, Wires]]]:
    """A PTY's path, and the lines that it would have."""
    ends: list[int] = []

    def plug(start: State = (False, False), kernel_first: int | None = None) -> tuple[str, Wires]:
        recorded = Wires(start, kernel_first)
        ends.extend(pty.openpty())
        path = os.ttyname(ends[-1])
        port_fds: set[int] = set()
        opened, closed, real = os.open, os.close, fcntl.ioctl

        def open_(name: Any, *arguments: Any, **options: Any) -> int:
            descriptor = opened(name, *arguments, **options)
            if name == path:
                recorded.kernel(True)
                port_fds.add(descriptor)
            return descriptor

        def close(descriptor: int) -> None:
            if descriptor in port_fds:
                port_fds.remove(descriptor)
                recorded.kernel(False)  # HUPCL, which is set unless somebody cleared it
            closed(descriptor)

        def ioctl(descriptor: Any, request: int, argument: Any = 0, *rest: Any) -> Any:
            if descriptor in port_fds and request in {SET_BITS, CLEAR_BITS}:
                bits = struct.unpack("I", argument)[0]
                for bit, line in BITS.items():
                    if bits & bit:
                        recorded.set(line, request == SET_BITS)
                return argument
            assert request != termios.TIOCMSET, "both lines in one call: not modelled"
            return real(descriptor, request, argument, *rest)

        monkeypatch.setattr(os, "open", open_)
        monkeypatch.setattr(os, "close", close)
        monkeypatch.setattr(fcntl, "ioctl", ioctl)
        return path, recorded

    yield plug
    monkeypatch.undo()
    for end in ends:
        os.close(end)


STARTS: list[State] = [(False, False), (True, True)]


@pytest.mark.parametrize("start", STARTS)
def test_a_session_never_resets(wires: Callable[..., Any], start: State) -> None:
    path, recorded = wires(start)
    with Line(path) as line:
        line.write(b"\0")
        line.reopen()
        assert recorded.states[-1] == (True, True)  # native USB waits for DTR before it sends
    assert recorded.states[-1] == (False, False)
    assert len(recorded.states) > 8
    assert not recorded.resets(), recorded.states


def test_a_killed_program_never_resets(wires: Callable[..., Any]) -> None:
    path, recorded = wires()
    line = Line(path)
    os.close(line._serial.fileno())  # what the kernel does for a process that is gone
    assert recorded.states[-1] == (False, False)
    assert not recorded.resets(), recorded.states
    line._serial.fd = None
    line._serial.is_open = False


def test_mpremote_and_deploy_never_reset(wires: Callable[..., Any]) -> None:
    path, recorded = wires()
    transport = SerialTransport(path, 115200)
    assert recorded.states[-1] == (True, True)
    transport.close()
    assert not recorded.resets(), recorded.states


def test_pyserials_own_way_of_leaving_both_off_would_reset(wires: Callable[..., Any]) -> None:
    """The advice that is often given; here to show that the table can say yes."""
    path, recorded = wires()
    port = serial.Serial()
    port.port = path
    port.dtr = port.rts = False
    port.open()
    port.close()
    assert recorded.resets()


def test_a_driver_that_sets_rts_first_resets_whatever_a_program_does(
    wires: Callable[..., Any],
) -> None:
    path, recorded = wires(kernel_first=1)
    Line(path).close()
    assert recorded.resets()
    path, recorded = wires(kernel_first=0)
    Line(path).close()
    assert not recorded.resets()


def test_esptools_reset_is_one_in_this_table() -> None:
    """The classic sequence: reset with GPIO0 high, then out of reset with GPIO0 low."""
    states: list[State] = [(False, True), (True, False), (False, False)]
    assert [en_is_low(s) for s in states] == [True, False, False]
    assert [gpio0_is_low(s) for s in states] == [False, True, False]
    for dtr, rts in ((False, False), (False, True), (True, False), (True, True)):
        assert not (en_is_low((dtr, rts)) and gpio0_is_low((dtr, rts)))

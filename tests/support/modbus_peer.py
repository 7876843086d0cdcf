# SPDX-License-Identifier: MIT
"""Modbus slaves at a virtual node's UART 1: pymodbus, whose answers may be spoiled."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

ADDRESS = 1
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # it also logs that exception
ALIEN = bytes.fromhex("0703020014316b")  # what another slave answered before

FAULTS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "none": lambda answer, _: answer,
    "leading 00": lambda answer, _: b"\x00" + answer,
    "echo": lambda answer, request: request + answer,
    "glued": lambda answer, _: ALIEN + answer,
    "wrong crc": lambda answer, _: answer[:-1] + bytes((answer[-1] ^ 1,)),
    "silent": lambda *_: b"",
    "garbage": lambda *_: bytes.fromhex("ff010355aa") * 12,
}


class Slave:
    """`fault` says how its answers are spoiled, `late_s` how late they come; `asked` holds every
    request. -1 among `registers` counts these.
    """

    def __init__(self, address: int, registers: list[int]) -> None:
        self.fault = "none"
        self.late_s = 0.0
        self.asked: list[bytes] = []
        self._count = registers.index(-1)
        data = [max(word, 0) for word in registers]
        block = SimData(0, values=data, datatype=DataType.REGISTERS)
        self.device = SimDevice(address, [block], action=self._read)

    async def _read(self, *request: Any) -> None:
        """Function code, first register of `words`, address and count asked for, `words`."""
        _, start, _, _, words, _ = request
        words[self._count - start] = len(self.asked) & 0xFFFF

    def answer(self, data: bytes) -> bytes:
        if self.late_s:
            time.sleep(self.late_s)
        return FAULTS[self.fault](data, self.asked[-1])


class Line:
    """The slaves by address; whoever is not among them is silent."""

    def __init__(self, slaves: dict[int, Slave]) -> None:
        self._slaves = slaves

    def _pass(self, sending: bool, data: bytes) -> bytes:
        of = self._slaves.get(data[0]) if data else None
        if not sending:
            if of:
                of.asked.append(data)
            return data
        # pymodbus says by an exception that it is not another slave: a line has nobody who would.
        return of.answer(data) if of else b""

    async def serve(
        self, path: str, baud: int, started: threading.Event, end: threading.Event
    ) -> None:
        server = ModbusSerialServer(
            [slave.device for slave in self._slaves.values()], port=path, baudrate=baud,
            ignore_missing_devices=True, trace_packet=self._pass,
        )  # fmt: skip
        await server.serve_forever(background=True)
        started.set()
        while not end.is_set():
            await asyncio.sleep(0.02)
        await server.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def slaves(
    path: str, registers: dict[int, list[int]], baud: int = 9600
) -> Iterator[dict[int, Slave]]:
    """Slaves that answer until the block ends, by their addresses."""
    made = {address: Slave(address, words) for address, words in registers.items()}
    started, end = threading.Event(), threading.Event()
    serve = Line(made).serve
    thread = threading.Thread(target=lambda: asyncio.run(serve(path, baud, started, end)))
    thread.start()
    try:
        assert started.wait(10)
        yield made
    finally:
        end.set()
        thread.join(10)


@contextmanager
def slave(path: str, registers: list[int], baud: int = 9600) -> Iterator[Slave]:
    """One with the address 1."""
    with slaves(path, {ADDRESS: registers}, baud) as made:
        yield made[ADDRESS]

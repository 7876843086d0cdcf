# SPDX-License-Identifier: MIT
"""A Modbus slave at a virtual node's UART 1: pymodbus, whose answers may be spoiled."""

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
}


class Peer:
    """`fault` says how answers are spoiled; `asked` holds (time, request) of every one."""

    def __init__(self, path: str, registers: list[int], baud: int) -> None:
        self.fault = "none"
        self.late_s = 0.0
        self.asked: list[bytes] = []
        self._count = registers.index(-1)  # holds how many times it was read
        data = [max(word, 0) for word in registers]
        device = SimDevice(
            ADDRESS, [SimData(0, values=data, datatype=DataType.REGISTERS)], action=self._read
        )
        self._settings = device, path, baud

    async def _read(self, *request: Any) -> None:
        """Function code, first register of `words`, address and count asked for, `words`."""
        _, start, _, _, words, _ = request
        words[self._count - start] = len(self.asked) & 0xFFFF

    def _pass(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            if data:
                self.asked.append(data)
            return data
        if data[0] != ADDRESS:  # the exception by which pymodbus says that it is not another slave
            return b""
        if self.late_s:
            time.sleep(self.late_s)
        return FAULTS[self.fault](data, self.asked[-1])

    async def serve(self, started: threading.Event, end: threading.Event) -> None:
        device, path, baud = self._settings
        server = ModbusSerialServer(
            device, port=path, baudrate=baud, ignore_missing_devices=True, trace_packet=self._pass
        )
        await server.serve_forever(background=True)
        started.set()
        while not end.is_set():
            await asyncio.sleep(0.02)
        await server.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def slave(path: str, registers: list[int], baud: int = 9600) -> Iterator[Peer]:
    """A slave that answers until the block ends. -1 among `registers` counts the requests."""
    peer = Peer(path, registers, baud)
    started, end = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(peer.serve(started, end)))
    thread.start()
    try:
        assert started.wait(10)
        yield peer
    finally:
        end.set()
        thread.join(10)

# SPDX-License-Identifier: MIT
"""One virtual node as its supervisor sees it: power, resets, and what can be asked about it."""

import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

from tirta.errors import TirtaError
from tirta.image.partition_table import TABLE_OFFSET, TABLE_SIZE, parse
from tirta.virtual.output import Output
from tirta.virtual.process import Process
from tirta.virtual.state import Slot, State, Torn, Without
from tirta.virtual.truth import Truth

PWRON_RESET, HARD_RESET, WDT_RESET, SOFT_RESET = 1, 2, 3, 5
_ROM_LINE = {HARD_RESET: "rst:0xc (SW_CPU_RESET)", WDT_RESET: "rst:0x1 (TG0WDT_SYS_RESET)"}
_log = logging.getLogger("tirta.virtual")
_CRASHES = 5  # in a row, each within a second: the board cannot start


class PoweredBoard:
    """A virtual node's board: its process, its resets, and what it says."""

    def __init__(self, folder: Path, settings: dict[str, Any], uart1: int) -> None:
        """`uart1`: the descriptor at which the board's UART 1 ends."""
        self.folder = folder
        self._settings = settings
        self.state = State(folder / "state.bin")
        self.state[Slot.UNIQUE_ID] = settings["unique_id"]
        self.state[Slot.SEED] = settings["seed"]
        self.state[Slot.SPEED] = settings["speed"]
        self.state[Slot.FREE_LINE] = int(settings.get("free_line", False))
        self.state[Slot.ERASE_MS] = int(settings.get("erase_ms", 0))
        self.state[Slot.TALK_US] = round(1e6 * settings.get("talk_s", 2.0))
        network = bool(settings.get("network", False))
        self.state[Slot.NETWORK] = int(network)
        self.truth = Truth.open(folder / "scenario.bin")
        heap_less = int(settings.get("heap_less", 0))
        self.process = Process(folder, uart1, self.truth.has_devices, heap_less, network)
        self._output = Output()
        self._line = bytearray()
        self._booted = False
        self._off_at_us = 1_000_000  # virtual time while there is no power
        self._started_s = 0.0
        self._crashes = 0
        self._resets = 0

    @property
    def baud(self) -> int:
        """The baud rate that the chip's UART runs at."""
        return self.state[Slot.BAUD] or int(self._settings["baud"])

    @property
    def now_us(self) -> int:
        """The board's own time, in microseconds."""
        if not self.process.running:
            return self._off_at_us
        return time.monotonic_ns() // 1000 + self.state[Slot.CLOCK_OFFSET_US]

    def take_output(self) -> bytes:
        """Take what the board has sent since the last time."""
        out = bytes(self._line)
        self._line.clear()
        return out

    def power_on(self) -> None:
        """Start the board as after a cut of its power."""
        self.state[Slot.CLOCK_OFFSET_US] = self._off_at_us - time.monotonic_ns() // 1000
        self.state.clear_rtc(self._off_at_us)
        self.state[Slot.CUT_AT_OP] = 0
        self._reset_chip(PWRON_RESET)

    def power_off(self) -> None:
        """Cut the power: whatever is under way ends where it is."""
        self._off_at_us = self.now_us
        code = self.process.kill()
        _log.info("power off at %d us (%d)", self._off_at_us, code)
        self.process.drain()
        self._output.restart()
        while self.process.read():
            pass

    def _reset_chip(self, cause: int) -> None:
        _log.info("reset, cause %d", cause)
        now_us = self.now_us
        self.process.kill()
        self.process.drain()
        self._off_at_us = now_us
        self.state[Slot.BOOT_US] = now_us
        self.state[Slot.BAUD] = self._settings["baud"]
        self._output.raw_repl = False
        if cause in _ROM_LINE:
            self._line += f"{_ROM_LINE[cause]},boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n".encode()
        try:
            with (self.folder / "flash.bin").open("rb") as flash:
                flash.seek(TABLE_OFFSET)
                parse(flash.read(TABLE_SIZE))
        except TirtaError as error:
            _log.warning("%s", error.what)
            self._line += b"E (45) boot: Failed to verify partition table\r\n"
            return
        self._start(cause)

    def _start(self, cause: int) -> None:
        self.state[Slot.RESET_CAUSE] = cause
        self.state[Slot.RAW_REPL] = int(cause == SOFT_RESET and self._output.raw_repl)
        self._output.restart()
        while self.process.read():
            pass  # left over from the run before
        self._booted = False
        self._started_s = time.monotonic()
        self._resets += 1
        self.process.start()

    def _soft_reset(self) -> None:
        self.process.kill()
        self._line += b"MPY: soft reboot\r\n"
        self._start(SOFT_RESET)

    def hear(self, data: bytes) -> bytes:
        """Take what the board's process wrote: events act, the rest goes to the line."""
        self._hear(data)
        return self.take_output()

    def _hear(self, data: bytes) -> None:
        for kind, content in self._output.feed(data):
            if kind == "line":
                self._line += content
            elif self._event(content.decode()):
                break  # that run is over; nothing after it counts

    def _event(self, event: str) -> bool:
        word, _, value = event.partition(" ")
        if word == "boot":
            self._booted = True
        elif word == "repl" and value == "raw":
            self._output.hide_until_raw()
            waiting = self.process.drain()
            self.process.feed(b"\x01" + waiting)
            self.state[Slot.RAW_REPL] = 0
        elif word == "soft":
            self._soft_reset()
            return True
        elif word == "reset":
            self._reset_chip(int(value))
            return True
        elif word == "interrupt":
            self.process.interrupt()
        elif word == "cut":
            self.power_off()
            return True
        return False

    def ended(self) -> None:
        """Start anew after the process ended by itself: Ctrl-D or sys.exit at the REPL, or a
        crash.
        """
        run = self._resets
        while data := self.process.read():
            self._hear(data)
            if self._resets != run or not self.process.running:
                return  # an event in there already ended this run
        code = self.process.reap()
        if code < 0:
            _log.warning("the board ended by %s", signal.Signals(-code).name)
        quick = time.monotonic() - self._started_s < 1.0 and not self._booted
        self._crashes = self._crashes + 1 if quick else 0
        if self._crashes >= _CRASHES:
            _log.error("the board does not start (%d); see board.log", code)
            self.power_off()
        elif code < 0:
            self._reset_chip(HARD_RESET)
        else:
            self._soft_reset()

    def receive(self, data: bytes) -> None:
        """Bring bytes to the board's UART."""
        if data and self.process.running:
            self.process.feed(data)

    def interrupt(self) -> bool:
        """Interrupt the program as Ctrl-C does. Before boot.py no Ctrl-C is taken out of the
        input.
        """
        return self._booted and self.process.interrupt()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what the registry's socket asks for, and return the status."""
        match request.get("do"):
            case "status" | "down":
                pass
            case "cut":
                torn = Torn.parse(request.get("torn"))
                after = request.get("after_ops")
                if torn is None or (after is not None and int(after) < 1):
                    return {"error": "bad request"}
                if after is None:
                    self.power_off()
                else:
                    self.state[Slot.TORN_SHAPE] = int(torn)
                    self.state[Slot.CUT_AT_OP] = self.state[Slot.FLASH_OPS] + int(after)
            case "power_on":
                if not self.process.running:
                    self._off_at_us += int(float(request.get("after_s") or 0) * 1_000_000)
                    self.power_on()
            case "reset":
                self._reset_chip(HARD_RESET)
            case "network":
                without = Without.of(request.get("without", []))
                if without is None or not self.state[Slot.NETWORK]:
                    return {"error": "no such fault of a network, or no network"}
                self.state[Slot.NETWORK_BYTES] = int(request.get("after_bytes") or 0)
                self.state[Slot.NETWORK] = Without.RADIO_IS_THERE | without
            case other:
                return {"error": f"unknown request {other!r}"}
        return self._status()

    def _status(self) -> dict[str, Any]:
        now_us = self.now_us
        start_us = self.state[Slot.SCENARIO_START_US]
        return {
            "name": self._settings["name"],
            "port": self._settings["port"],
            "uart1": self._settings["uart1"],
            "pid": os.getpid(),
            "power": "on" if self.process.running else "off",
            "time_us": now_us,
            "boots": self._resets,
            "reset_cause": self.state[Slot.RESET_CAUSE],
            "baud": self.baud,
            "flash_ops": self.state[Slot.FLASH_OPS],
            "erases": self.state[Slot.ERASES],
            "dropped_input": self.process.dropped,
            "unread_input": self.process.unread(),
            "board_heap": self.state[Slot.HEAP_USED],
            "scenario": self.truth.at(now_us - start_us if start_us else None),
        }

# SPDX-License-Identifier: MIT
"""The process that owns one virtual node: line, power, resets.

`python -m tirta.virtual.supervisor FOLDER` runs until it is told to end. The laptop's side is a PTY
that stays the same through resets and power cuts; the board's side are two pipes. In between lies
the line: no byte passes before its time (tirta.virtual.pace).

The node's port is `port` in its folder, a link to the PTY. By that name mpremote waits for a prompt
as long as at a cable; by a name below /dev/pts it reads without a limit, and would sit before a
locked node for ever without a word.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import sys
import time
import tty
from pathlib import Path
from typing import Any

from tirta.virtual.node import PoweredBoard
from tirta.virtual.pace import Pace
from tirta.virtual.registry import socket_address

_log = logging.getLogger("tirta.virtual")
_CTRL_C = 3
_BACKLOG = 1024  # bytes taken from the board ahead of the line
_REQUEST_S = 20.0
_FREE_BAUD = 100_000_000
_FULL_S = 0.002  # until the laptop's buffer is tried again


class Supervisor:
    """The process that carries a virtual node: its board, its line, its socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = json.loads((folder / "node.json").read_text(encoding="utf-8"))
        # The slave stays open here: a laptop that closes it must not hang the line up.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        uart1, uart1_path = _outside(folder / "uart1")
        self.port = str(_link(folder / "port", os.ttyname(self._slave)))
        settings |= {"port": self.port, "uart1": uart1_path, "pid": os.getpid()}
        (folder / "node.json").write_text(json.dumps(settings), encoding="utf-8")
        self.node = PoweredBoard(folder, settings, uart1)
        # A free line has no rate of its own: a bench puts one behind it.
        self._free = bool(settings.get("free_line"))
        self._baud = _FREE_BAUD if self._free else settings["baud"]
        self._up = Pace(self._baud)
        self._down = Pace(self._baud)
        self._to_laptop = bytearray()
        self._to_board = bytearray()
        self._control = self._listen()

    def _listen(self) -> socket.socket:
        control = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "control").unlink()
        with socket_address(self.folder) as address:
            control.bind(address)
        control.listen(8)
        return control

    def run(self) -> None:
        """Carry the node until it is taken down."""
        try:
            self.node.power_on()
            while self._step():
                pass
        finally:
            self.node.process.kill()
            for name in ("control", "port"):  # the PTY's number may soon be another program's
                (self.folder / name).unlink(missing_ok=True)

    def _step(self) -> bool:
        process = self.node.process
        self._to_laptop += self.node.take_output()
        if not self._free and self._baud != self.node.baud:
            self._baud = self.node.baud
            self._up.set_baud(self._baud)
            self._down.set_baud(self._baud)
        wait_s = min(self._carry_up(), self._carry_down())
        reads = [self._control.fileno()]
        if not self._to_board:
            reads.append(self._master)
        if len(self._to_laptop) < _BACKLOG:
            reads.append(process.output)
        if process.exit_fd >= 0:
            reads.append(process.exit_fd)
        ready, _, _ = select.select(reads, [], [], None if wait_s == float("inf") else wait_s)
        if process.output in ready:
            self._to_laptop += self.node.hear(process.read())
        if process.exit_fd >= 0 and process.exit_fd in ready:
            self.node.ended()
        if self._master in ready:
            self._down.begin(time.monotonic())
            self._to_board += self._read_laptop()
        return self._serve() if self._control.fileno() in ready else True

    def _read_laptop(self) -> bytes:
        """What the line carries in its next quantum: the rest waits in the laptop's buffer."""
        try:
            return os.read(self._master, max(16, int(self._baud / 10 * Pace.QUANTUM_S)))
        except BlockingIOError:
            return b""

    def _carry_up(self) -> float:
        """Board to laptop; the seconds until the next bytes are due."""
        if not self._to_laptop:
            self._up.end()
            return float("inf")
        now = time.monotonic()
        self._up.begin(now)
        if count := self._up.due(now, len(self._to_laptop)):
            try:
                written = os.write(self._master, self._to_laptop[:count])
            except BlockingIOError:  # nobody reads
                written = 0
            if self._free:
                count = written
                if not count:
                    return _FULL_S
            del self._to_laptop[:count]
            self._up.carried(count)
        return self._up.wait_s(now, len(self._to_laptop)) if self._to_laptop else 0.0

    def _carry_down(self) -> float:
        """Laptop to board; the seconds until the next bytes are due."""
        if not self._to_board:
            ready, _, _ = select.select([self._master], [], [], 0)
            if not ready:
                self._down.end()
            return float("inf")
        now = time.monotonic()
        count = self._down.due(now, len(self._to_board))
        if not count:
            return self._down.wait_s(now, len(self._to_board))
        self._deliver(bytes(self._to_board[:count]))
        del self._to_board[:count]
        self._down.carried(count)
        return 0.0

    def _deliver(self, data: bytes) -> None:
        """Bytes reach the chip, whose interrupt handler takes a Ctrl-C out."""
        at = 0
        while at < len(data):
            end = data.find(_CTRL_C, at)
            if end < 0:
                break
            self.node.receive(data[at:end])
            if not self.node.interrupt():
                self.node.receive(data[end : end + 1])
            at = end + 1
        self.node.receive(data[at:])

    def _serve(self) -> bool:
        """One request on the control socket; False when it asks to end."""
        connection, _ = self._control.accept()
        with connection:
            connection.settimeout(_REQUEST_S)
            try:
                with connection.makefile("rb") as lines:
                    request: dict[str, Any] = json.loads(lines.readline())
                _log.info("asked: %s", request)
                answer = self.node.answer(request)
                connection.sendall(json.dumps(answer).encode() + b"\n")
            except (OSError, ValueError) as error:
                _log.warning("request failed: %s", error)
                return True
        return request.get("do") != "down"


def _outside(link: Path) -> tuple[int, str]:
    """The board's end of a serial line for other devices, and the path of their end.

    Their end stays closed here: so the board knows whether somebody listens.
    """
    board, device = os.openpty()
    tty.setraw(device)
    os.set_blocking(board, False)
    path = os.ttyname(device)
    os.close(device)
    return board, str(_link(link, path))


def _link(link: Path, path: str) -> Path:
    """Make a link to a device, in place of one that a killed supervisor left."""
    link = link.absolute()
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return link


def _stop(*_: object) -> None:
    raise SystemExit(0)


def main() -> None:
    """Carry the node whose folder is named, and tell the parent the port once it is open."""
    folder = Path(sys.argv[1])
    ready = int(sys.argv[2])
    logging.basicConfig(
        filename=folder / "supervisor.log", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        supervisor = Supervisor(folder)
        os.write(ready, supervisor.port.encode())
        os.close(ready)
        supervisor.run()
    except Exception:
        _log.exception("supervisor ended")
        raise


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Nodes without hardware: our firmware on unix MicroPython, behind a serial device.

`up` starts a node and tells its device path; it runs in the background until `down`. `cut` takes
the power away, `up` of a node that is cut gives it back on the same flash. `control` asks the
supervisor what only a simulator can know: how many pulses there really were.
"""

import hashlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tirta.errors import TirtaError
from tirta.keys import memory
from tirta.virtual import registry
from tirta.virtual.interpreter import command
from tirta.virtual.state import Torn

__all__ = ["VirtualNode", "control", "cut", "down", "list_nodes", "up"]

_END_S = 60.0
_MAX_SPEED = 1_000_000
_BAUDS = range(300, 5_000_001)
SHAPES = tuple(shape.name.lower().replace("_", "-") for shape in Torn)


@dataclass(frozen=True)
class VirtualNode:
    """A virtual node that is up: its name, its ports, and the file that is its flash."""

    name: str
    port: str
    flash: str
    uart1: str  # the other end of its UART 1: where a Modbus slave can listen


def up(  # noqa: PLR0913 - the options of one command
    name: str,
    *,
    board: str = "virtual",
    scenario: Path | str | None = None,
    speed: str | int = "1",
    baud: int = 115200,
    app: bool = False,
    config: bytes | None = None,
    seed: int = 1,
    fleet: bytes | None = None,
    flash_image: bytes | None = None,
    chip_id: str = "",
    free_line: bool = False,
    erase_ms: int = 0,
    heap_less: int = 0,
    talk_s: float = 2.0,
    network: bool = False,
    secrets: bytes = b"",
) -> VirtualNode:
    """Start a node, or give one that is cut its power back.

    A `free_line` has neither baud rate nor FIFO, like native USB; a bench puts a line behind it. An
    erase of flash takes 30 ms to `erase_ms`, and nothing runs meanwhile; 0: no time at all.
    Of the heap, `heap_less` bytes are not there: what works so, leaves as many.
    After each byte from the laptop time runs at 1 for `talk_s`, whatever `speed` says:
    a laptop's timeouts must hold. 0 is for who waits only on the node's clock.
    `secrets` are passwords of an uplink, as `tirta.config.secrets` gives them.
    A board with a `network` has a radio; `control` says what the network lacks.
    With a `fleet`'s key the node is locked. `chip_id`: 12 hex digits, else made from the name.
    """
    command()  # says what is missing before anything is written
    from tirta.virtual import making  # noqa: PLC0415 - slow to load, and only this needs it

    with registry.locked(name) as folder:
        status = registry.ask(name, {"do": "status"})
        if status is not None:
            if status["power"] == "on":
                raise TirtaError(
                    f"{name} is already running at {status['port']}.",
                    f"Use it, or take it down first: tirta virtual down {name}",
                )
            registry.ask(name, {"do": "power_on"})
            return _node(folder)
        pace, kind = _speed(speed), making.load(board)
        unique_id = int(chip_id, 16) if chip_id else _unique_id(name)
        _check_baud(baud)
        if flash_image is None:
            key = fleet and making.node_key(fleet, f"{unique_id:012x}")
            flash_image = making.flash_image(kind, config=config, app=app, key=key, secrets=secrets)
        making.furnish(folder, kind, scenario, flash_image)
        memory.remember(f"{unique_id:012x}", memory.LOCKED if fleet else memory.OPEN, "virtual up")
        settings = {
            "name": name, "board": kind.name, "speed": pace, "baud": baud, "seed": seed,
            "scenario": str(scenario) if scenario else None, "unique_id": unique_id,
            "free_line": free_line, "erase_ms": erase_ms, "heap_less": heap_less,
            "talk_s": talk_s, "network": network,
        }  # fmt: skip
        (folder / "node.json").write_text(json.dumps(settings), encoding="utf-8")
        _spawn(name, folder)
        return _node(folder)


def list_nodes() -> list[dict[str, Any]]:
    """Ask every node whose supervisor runs: name, port, flash, board, power, speed, baud."""
    found = []
    for name in registry.names():
        status = registry.ask(name, {"do": "status"})
        if status is not None:
            folder = registry.folder(name)
            settings = json.loads((folder / "node.json").read_text(encoding="utf-8"))
            found.append(
                {
                    "name": name,
                    "port": status["port"],
                    "flash": str(folder / "flash.bin"),
                    "uart1": status.get("uart1", ""),  # a node of an older version runs on
                    "power": status["power"],
                    "board": settings["board"],
                    "speed": settings["speed"] or "max",
                    "baud": status["baud"],
                    "scenario": settings["scenario"],
                }
            )
    return found


def down(name: str) -> None:
    """Take a node down. Its flash and log stay until the next node of that name."""
    with registry.locked(name):
        status = _require(name, {"do": "down"})
        with _process(int(status["pid"])) as ended:
            if not ended(_END_S):
                raise TirtaError(
                    f"The supervisor of {name} (process {status['pid']}) does not end."
                )


def cut(name: str, after_ops: int | None = None, torn: str | None = None) -> None:
    """Take the power away: now, or at the `after_ops`-th flash operation from now, perhaps torn."""
    if torn is not None and torn not in SHAPES:
        raise TirtaError(f"There is no torn shape {torn!r}.", f"Choose: {', '.join(SHAPES)}.")
    if after_ops is not None and after_ops < 1:
        raise TirtaError("The power can be cut at the first flash operation or later.")
    if torn is not None and after_ops is None:
        raise TirtaError("Only a flash operation can be torn.", "Say at which one: --after-ops N")
    _require(name, {"do": "cut", "after_ops": after_ops, "torn": torn})


def control(name: str, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the supervisor: {"do": "status"}, {"do": "reset"}, or {"do": "network", "without":
    ["access-point", "address", "names", "way", "right-key", "driver"], "after_bytes": n}, which
    holds from now on (with `after_bytes`, the way goes behind so many bytes from the node); the
    status after.
    """
    return _require(name, request)


def _require(name: str, request: dict[str, Any]) -> dict[str, Any]:
    answer = registry.ask(name, request)
    if answer is None:
        running = [n for n in registry.names() if registry.ask(n, {"do": "status"})]
        raise TirtaError(
            f"No virtual node {name} is running.",
            f"Running: {', '.join(running)}." if running else f"Start it: tirta virtual up {name}",
        )
    if "error" in answer:
        raise TirtaError(f"{name} refuses: {answer['error']}.")
    return answer


def _speed(speed: str | int) -> int:
    if speed == "max":
        return 0
    try:
        pace = int(speed)
    except ValueError:
        pace = 0
    if not 1 <= pace <= _MAX_SPEED:
        raise TirtaError(f"{speed!r} is not a speed.", "Give 1, another whole number, or max.")
    return pace


def _check_baud(baud: int) -> None:
    if baud not in _BAUDS:
        raise TirtaError(f"{baud} is not a baud rate of the chip.", "Give 300 to 5000000.")


def _unique_id(name: str) -> int:
    """Six bytes like a MAC address, locally administered: stable for a name."""
    return int.from_bytes(b"\x02" + hashlib.sha256(name.encode()).digest()[:5], "big")


def _spawn(name: str, folder: Path) -> None:
    package = str(Path(__file__).resolve().parent.parent.parent)
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    reader, writer = os.pipe()
    with (folder / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tirta.virtual.supervisor", str(folder), str(writer)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": path},
        )
    os.close(writer)
    told = os.read(reader, 256)  # empty when it ended; however long a busy computer takes
    os.close(reader)
    if not told:
        process.wait()
        raise TirtaError(f"{name} did not start.", f"See {folder / 'supervisor.log'}.")
    process.returncode = 0  # it is on its own from here; nothing waits for it


def _node(folder: Path) -> VirtualNode:
    settings = json.loads((folder / "node.json").read_text(encoding="utf-8"))
    flash = str(folder / "flash.bin")
    return VirtualNode(settings["name"], settings["port"], flash, settings["uart1"])


@contextmanager
def _process(pid: int) -> Iterator[Any]:
    """Whether a process that need not be our child has ended, waiting at most some seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield lambda _seconds: True
        return
    try:
        yield lambda seconds: bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)

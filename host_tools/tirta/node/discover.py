# SPDX-License-Identifier: MIT
"""What is connected: serial ports and virtual nodes, each asked who it is.

Several nodes on one desk are never confused: a command that is not told which one uses the only
one, or refuses and says how to choose. A node can be named by its port, its virtual name or its
node id.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from serial.tools.list_ports import comports

from tirta import virtual
from tirta.errors import TirtaError
from tirta.keys.memory import DowngradeError
from tirta.link import port_names, repl
from tirta.link.failures import NoAnswerError
from tirta.link.mqtt_line import SCHEME
from tirta.link.serial_line import DEFAULT_BAUD, NO_UART, Line
from tirta.node import Node
from tirta.text import translation

REPL = "repl"
BUSY = "busy"
OFF = "off"
PAUSED = "paused"
SILENT = "silent"
DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class Port:
    """One row of `tirta ports`. `mode`: open, locked or paused for a node, doubtful for one that is
    known as locked and says open; else repl, busy, off or silent.
    """

    port: str
    kind: str
    node: str = ""
    board: str = ""
    firmware: str = ""
    mode: str = ""
    name: str = ""
    baud: int = DEFAULT_BAUD

    def as_json(self) -> dict[str, Any]:
        """Return what `tirta ports --json` prints of it."""
        return asdict(self)


@dataclass(frozen=True)
class Choice:
    """The port that a command talks to, and the speed of its line."""

    port: str
    baud: int


def list_ports(baud: int = DEFAULT_BAUD) -> list[Port]:
    """Ask every virtual node and every USB serial port at the same time who is there."""
    found = [
        Port(v["port"], "virtual", board=v["board"], name=v["name"], baud=v["baud"],
             mode=OFF if v["power"] == "off" else "")
        for v in virtual.list_nodes()
    ] + [Port(p.device, "serial", baud=baud) for p in comports() if p.vid is not None]  # fmt: skip
    with ThreadPoolExecutor(max_workers=16) as pool:
        return list(pool.map(_ask, found))


def _ask(port: Port) -> Port:
    if port.mode == OFF:
        return port
    values = {**asdict(port), "mode": SILENT}
    try:
        with Node(port.port, port.baud) as node:
            hello = node.hello
        values |= {"node": hello.node, "board": hello.board, "firmware": hello.firmware}
        values["mode"] = hello.mode
    except NoAnswerError:
        values |= _ask_repl(port)
    except DowngradeError as error:
        values |= {"node": error.node, "mode": DOUBTFUL}
    except TirtaError:
        values["mode"] = BUSY
    return Port(**values)


def _ask_repl(port: Port) -> dict[str, Any]:
    try:
        with Line(port.port, port.baud) as line:
            banner = repl.ask(line)
    except TirtaError:  # it went meanwhile, or somebody else has it now
        return {"mode": BUSY}
    if banner is None:
        return {}
    found = {"mode": REPL, "firmware": f"MicroPython {banner.version}".strip()}
    return found | {"mode": PAUSED, "node": banner.node} if banner.node else found


def choose(named: str | None, baud: int | None = None) -> Choice:
    """Find the port that a person means: a device, a virtual node's name, a node id, or the only
    one.
    """
    if named is None:
        return _only_one(baud)
    for node in virtual.list_nodes():
        typed_name = named == node["name"]
        if typed_name:
            translation.call(node["port"], named)
        if typed_name or port_names.real(named) == port_names.real(node["port"]):
            return Choice(node["port"], baud or node["baud"])
    if named.startswith(SCHEME):
        return Choice(named, NO_UART)
    if port_names.is_device(named):
        return Choice(named, baud or DEFAULT_BAUD)
    found = [p for p in list_ports(baud or DEFAULT_BAUD) if p.node == named]
    if len(found) == 1:
        return Choice(found[0].port, baud or found[0].baud)
    raise TirtaError(
        f"There is no port and no node {named!r}.",
        "Give a device path, a virtual node's name or a node id; `tirta ports` lists them.",
    )


def nodes(baud: int | None = None) -> tuple[list[Choice], list[Port]]:
    """Find every node that is connected, paused ones and busy ports too, for both may be nodes
    that a person means; and the ports behind which there is none.
    """
    every = list_ports(baud or DEFAULT_BAUD)
    found = [p for p in every if p.node or p.mode == BUSY]
    others = [p for p in every if p not in found]
    if not found:
        raise TirtaError(
            "No node is connected.",
            "Plug one in, or start a virtual one: `tirta virtual up demo --app`.",
        )
    return [Choice(port.port, baud or port.baud) for port in found], others


def _only_one(baud: int | None) -> Choice:
    devices = [(v["port"], v["baud"], v["name"]) for v in virtual.list_nodes()]
    devices += [(p.device, DEFAULT_BAUD, "") for p in comports() if p.vid is not None]
    if not devices:
        raise TirtaError(
            "No node is connected.",
            "Plug one in, or start a virtual one: `tirta virtual up demo --app`.",
        )
    if len(devices) > 1:
        told = ", ".join(f"{port} ({name})" if name else port for port, _, name in devices)
        raise TirtaError(
            f"{len(devices)} nodes may be connected: {told}.",
            "Say which one: put its port, name or node id after the command; `tirta ports` tells.",
        )
    port, speed, _ = devices[0]
    return Choice(port, baud or speed)

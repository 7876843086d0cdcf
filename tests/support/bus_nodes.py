# SPDX-License-Identifier: MIT
"""Nodes with sensors on buses: their configs, and what they say."""

import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodes import Nodes
from patience import Patience

from tirta import config
from tirta.archive.evidence import Archive
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta_format.record import MISSING

ORDERS = {"abcd": (0, 1, 2, 3), "badc": (1, 0, 3, 2), "cdab": (2, 3, 0, 1), "dcba": (3, 2, 1, 0)}
HEAD = 'board = "virtual"\ninterval_s = 1\ncommit_seconds = 600\n'
MODBUS = """[bus.modbus]
timeout_ms = 300
retries = 1
"""


def channel(name: str, sensor: str, **keys: object) -> str:
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in keys.items()]
    return "\n".join(["[[channel]]", f'name = "{name}"', f'sensor = "{sensor}"', *lines, ""])


def register(name: str, number: int, kind: str, **keys: object) -> str:
    keys = {
        "unit": "x",
        "slave": 1,
        "register": number,
        "type": kind,
        "poll_s": 0.5,
        "decimals": 0,
        "max_age_s": 1.6,
    } | keys
    return channel(name, "modbus", **keys)


def swapped(data: bytes, order: str) -> list[int]:
    """The registers that hold four bytes in an order."""
    return list(struct.unpack(">2H", bytes(data[i] for i in ORDERS[order])))


def start(nodes: Nodes, folder: Path, text: str, **options: Any) -> tuple[str, str]:
    path = folder / "node.toml"
    path.write_text(text)
    node = nodes.up(app=True, config=config.load(path)[0], **options)
    return node.port, node.uart1


def values(node: Node) -> dict[str, float | None]:
    """The last record."""
    return {name: value for name, value, flag in node.values()["values"]}


def until(node: Node, what: Callable[[dict[str, float | None]], bool]) -> dict[str, float | None]:
    patience = Patience()
    while not what(seen := values(node)):
        assert not patience.over(), seen
        time.sleep(0.2)
    return seen


def logged(node: Node, folder: Path) -> dict[str, list[int | None]]:
    """Every value of the log, by channel; None where it is missing."""
    pull(node, folder)
    (epoch,) = Archive(folder).must_have_epochs()
    log = decode_epoch(epoch)
    names = [entry["name"] for entry in log.records[0].config["channels"]]
    found: dict[str, list[int | None]] = {name: [] for name in names}
    for batch in log.records:
        for i, name in enumerate(names):
            rows = zip(batch.values[:, i], batch.flags[:, i], strict=True)
            found[name] += [None if flag == MISSING else int(value) for value, flag in rows]
    return found

# SPDX-License-Identifier: MIT
"""Locked virtual nodes with an uplink."""

from pathlib import Path
from typing import Any

import locked
from nodes import FAST_BAUD, Nodes
from patience import wait_for

from tirta import config
from tirta.archive.evidence import Archive
from tirta.keys import office, vault
from tirta.node import Node
from tirta_format import access, page

SECRET = "a-word-that-never-shows"
FLOW = """
[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
"""


def config_file(folder: Path, port: int, *, interval_s: float = 1, push_s: int = 10) -> Path:
    """A config with an uplink to this computer."""
    path = folder / "uplink.toml"
    path.write_text(
        f'board = "virtual"\ninterval_s = {interval_s}\ncommit_seconds = 2\n{FLOW}'
        f'[uplink]\nbroker = "127.0.0.1"\nport = {port}\nssid = "valves"\n'
        f'wifi_password = "{SECRET}"\npush_s = {push_s}\n'
    )
    return path


def up(nodes: Nodes, path: Path, name: str = "locked", **options: Any) -> tuple[str, str]:
    """Start a locked node that has the config and the passwords of a file; its port and its id."""
    text, hidden = config.load(path)[0], config.secrets(path)
    return locked.up(nodes, name, config=text, secrets=hidden, network=True, **options)


def status(port: str, node: str) -> dict[str, Any]:
    """What the node says of itself, to an administrator."""
    made = locked.credential(node, access.ADMINISTRATOR)
    with Node(port, FAST_BAUD) as there:
        return locked.guarded(there, made).status()


def office_has_the_key() -> None:
    """The fleet's key in the vault of this test, as `tirta keys init` puts one there."""
    office.init("waterworks")
    kept = vault.load()
    kept.fleets["waterworks"] = locked.FLEET
    vault.save(kept)


def on_flash(flash: Path) -> dict[int, bytes]:
    """Pages of the newest epoch as they lie on a virtual node's flash, by sequence."""
    data = flash.read_bytes()
    found: dict[int, bytes] = {}
    for at in range(0x2D8000, len(data), page.SIZE):
        head = page.header(data[at : at + page.HEADER_SIZE])
        if head is not None:
            found[head.seq] = data[at : at + page.SIZE]
    return found


def wait_until_archived(archive: Path, node: str, flash: Path, beyond: int = 0) -> None:
    """Wait until every page on the flash is in the archive up to its last chunk, as it lies there,
    and holds more than `beyond` bytes in all.
    """
    wait_for(lambda: _is_archived(archive, node, flash, beyond))


def _is_archived(archive: Path, node: str, flash: Path, beyond: int) -> bool:
    there = {
        stored.sequence: stored.read()
        for epoch in Archive(archive).epochs()
        if epoch.node == node
        for stored in epoch.pages().values()
    }
    lying = on_flash(flash)
    for sequence, data in there.items():
        assert lying.get(sequence, data).startswith(data), sequence
    newest = max(lying)
    return sum(map(len, there.values())) > beyond and all(
        len(there.get(s, b"")) >= (page.SIZE if s != newest else page.HEADER_SIZE) for s in lying
    )

# SPDX-License-Identifier: MIT
"""`make size`: what the firmware takes of each board's flash, and what it leaves of the heap.

The heap is read on the virtual node with the demo's config: as much is free there before anything
of ours runs as on an ESP32 (164,624 bytes), and its 64-bit objects are up to twice the chip's, so
the chip has more left. The node collects often, but not before it answers: a lower bound.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import measured

from tirta import virtual
from tirta.boards import board_file
from tirta.image.build import Build, build
from tirta.image.littlefs import BLOCK
from tirta.keys.credential import Credential, node_key
from tirta.link.login import Guard
from tirta.node import Node
from tirta.virtual.demo_config import demo_text
from tirta.virtual.inlet import write
from tirta_format import access

NAME = "size"
DAYS = 30
LEAST_FREE, LEAST_FREE_LOCKED = 64_000, 54_000
FLEET = bytes(32)
READINGS = 8
STARTS = 3  # what each lays where may differ


def flash_table(builds: dict[str, Build]) -> list[str]:
    """One line per file, one column per board: bytecode, so they differ little."""
    lines = [f"{'bytes of flash':32}" + "".join(f"{name:>18}" for name in builds)]
    for part in ("vfs", "app"):
        files = [getattr(made, part) for made in builds.values()]
        lines += [
            f"  {part + '/' + path:30}" + "".join(f"{len(each[path]):18,}" for each in files)
            for path in sorted(files[0])
        ]
        lines.append(f"{part + ', total':32}" + "".join(f"{_bytes(each):18,}" for each in files))
        lines.append(f"{'  in blocks of 4096':32}" + "".join(f"{_blocks(e):18,}" for e in files))
    return lines


def _bytes(files: dict[str, bytes]) -> int:
    return sum(map(len, files.values()))


def _blocks(files: dict[str, bytes]) -> int:
    """File blocks only: LittleFS adds two for each folder."""
    return sum(-(-len(data) // BLOCK) for data in files.values())


def heap_after_boot_and_a_month() -> tuple[int, int]:
    """Free bytes right after boot, and after DAYS of samples every minute."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TIRTA_VIRTUAL_DIR"] = folder
        os.environ["TIRTA_KEYS"] = str(Path(folder) / "keys")  # knows no node, and is forgotten
        scenario = Path(folder) / "month.csv"
        write(scenario, DAYS * 1440)
        config = demo_text("virtual")
        port = virtual.up(NAME, app=True, config=config).port
        try:
            at_boot = _heap_free(port)
            virtual.down(NAME)
            port = virtual.up(NAME, app=True, config=config, scenario=scenario, speed="max").port
            _wait_for_the_end()
            return at_boot, _heap_free(port)
        finally:
            if virtual.list_nodes():
                virtual.down(NAME)


def heap_of_a_locked_node() -> int:
    """Free bytes while a laptop is logged in."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TIRTA_VIRTUAL_DIR"] = folder
        os.environ["TIRTA_KEYS"] = str(Path(folder) / "keys")  # knows no node, and is forgotten
        port = virtual.up(NAME, app=True, config=demo_text("virtual"), fleet=FLEET).port
        try:
            return _heap_free(port)
        finally:
            virtual.down(NAME)


def _wait_for_the_end() -> None:
    while not virtual.control(NAME, {"do": "status"})["scenario"]["ended"]:
        time.sleep(0.5)


def _heap_free(port: str) -> int:
    with Node(port) as node:
        if node.hello.mode == "locked":
            claims = access.claims(access.TECHNICIAN, 7, 1, access.NEVER)
            key = access.credential_key(node_key(FLEET, node.hello.node), claims)
            made = Credential(node.hello.node, claims, key)
            node.link.guard = Guard(node.link, node.hello.node, lambda _node, _role: [made])
        return max(int(node.status()["heap_free"]) for _ in range(READINGS))


def main() -> int:
    builds = {name: build(board_file.load(name)) for name in board_file.names()}
    lines = flash_table(builds)
    sys.stdout.write("\n".join(lines) + "\n")
    at_boot, after_a_month = heap_after_boot_and_a_month()
    locked = min(heap_of_a_locked_node() for _ in range(STARTS))
    little = False
    for when, heap, least in (
        ("after boot", at_boot, LEAST_FREE),
        (f"after {DAYS} days", after_a_month, LEAST_FREE),
        ("of a locked node", locked, LEAST_FREE_LOCKED),
    ):
        lines.append(f"{'heap free ' + when:32}{heap:18,}")
        sys.stdout.write(lines[-1] + "\n")
        if heap < least:
            sys.stderr.write(f"size: less than {least:,} bytes of heap are left {when}\n")
            little = True
    measured.keep("size", measured.text_block(lines))
    return int(little)


if __name__ == "__main__":
    sys.exit(main())

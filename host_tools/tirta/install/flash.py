# SPDX-License-Identifier: MIT
"""From a bare board to a node in one pass: MicroPython, our partitions, application and state.

Nothing is written before everything is known to fit: image, board file, chip and flash. A write
that is cut off leaves a board whose ROM loader still answers, for that is in the chip's silicon:
the same command again finishes it.
"""

import struct
import time
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.image import micropython_image, regions
from tirta.image.build import Build, build
from tirta.image.regions import Region
from tirta.install.deploy import wait
from tirta.install.rom_loader import WRITE_BAUD, Chip, EspError
from tirta.keys import memory
from tirta.keys.office import KeyOf
from tirta.link.answers import Hello
from tirta.link.serial_line import DEFAULT_BAUD
from tirta.node import Node, config_trial
from tirta.node.config_trial import TRIAL_S
from tirta.progress import Progress
from tirta_format import state

_BY_MPREMOTE = ("app_a", "state")
_WINDOW_BITS = 10  # the board unpacks it with 1 KB of RAM


@dataclass(frozen=True)
class Plan:
    """What will be written, in this order."""

    board: Board
    regions: list[Region]
    files: Build
    fields: dict[int, bytes]  # of the state partition, which is the last region
    made_s: int = field(default_factory=lambda: int(time.time()))

    @property
    def size(self) -> int:
        """How many bytes are to be written."""
        return sum(len(region.content) for region in self.regions)

    def save(self, folder: Path) -> None:
        """Write each region as a file for esptool; for mpremote one folder, the rest packed."""
        for region in self.regions:
            atomic.write(folder / f"{region.name}.bin", region.content)
            packer = zlib.compressobj(9, zlib.DEFLATED, _WINDOW_BITS)
            packed = packer.compress(region.content) + packer.flush()
            if region.name in _BY_MPREMOTE:
                atomic.write(folder / f"{region.name}.z", packed)
        for path, content in self.files.vfs.items():
            atomic.write(folder / "vfs" / path, content)

    def locked(self, key: bytes) -> "Plan":
        """Plan the same for a node that gets this key."""
        floor = struct.pack("<I", self.made_s)  # what expired before opens it no more
        fields = self.fields | {state.MODE: b"locked", state.KEY: key, state.FLOOR: floor}
        found = [*self.regions[:-1], regions.state_region(self.board, fields)]
        return replace(self, regions=found, fields=fields)


def plan(  # noqa: PLR0913 - the options of one command
    board: Board,
    micropython: Path | None,
    *,
    config: bytes | None = None,
    allow_unlisted: bool = False,
    source: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    secrets: bytes = b"",
) -> Plan:
    """Build every region for a board; without `micropython` those that are ours. `secrets` are the
    passwords of an uplink, as `tirta.config.secrets` gives them.

    Raises TirtaError when one does not fit. Touches no port.
    """
    boot: list[Region] = []
    factory: list[Region] = []
    if micropython is not None:
        image = micropython_image.load(micropython, board, allow_unlisted=allow_unlisted)
        boot, factory = regions.micropython(image)
    built = build(board, source)
    fields = regions.fields_of(config, trial_s=TRIAL_S, identity=identity, secrets=secrets)
    found = [
        *boot,
        regions.partition_table(board),
        *factory,
        *regions.application(board, built),
        regions.state_region(board, fields),
    ]
    return Plan(board, found, built, fields)


@dataclass(frozen=True)
class Flashed:
    """What was done. `hello` is None when nobody waited for it; `mac` names the chip."""

    mac: str
    chip: str
    written_bytes: int
    hello: Hello | None
    readings: list[config_trial.SelfTestReading] = field(default_factory=list)  # of the self-test


def flash(  # noqa: PLR0913 - the options of one command
    port: str,
    planned: Plan,
    *,
    write_baud: int = WRITE_BAUD,
    baud: int = DEFAULT_BAUD,
    start: bool = True,
    key_of: KeyOf | None = None,
    was_locked: Collection[str] = (),
    progress: Progress = lambda _done, _all: None,
) -> Flashed:
    """Write a plan to the chip on a port, verify it, start it, and wait for its first frame.

    With `key_of` the node is locked, under the key that this makes of the chip's number. A chip
    with the number of a node known as locked is refused unless it is among `was_locked`.
    """
    with Chip(port, write_baud) as chip:
        _must_fit(chip, planned.board)
        memory.must_be_in_hand(chip.mac, port, was_locked)
        if key_of:
            planned = planned.locked(key_of(chip.mac))
        try:
            chip.write(planned.regions, progress)
            chip.verify(planned.regions)
        except EspError as error:
            raise _interrupted(error) from error
        except KeyboardInterrupt as error:
            raise _interrupted(TirtaError("Interrupted.")) from error
        memory.remember(chip.mac, memory.LOCKED if key_of else memory.OPEN, "flash")
        chip.start()
        done = Flashed(chip.mac, chip.name, planned.size, None)
    if not start:
        return done
    hello = wait(port, baud)
    with Node(port, baud) as node:
        readings = config_trial.finish(node) if state.CONFIG in planned.fields else []
    return replace(done, hello=hello, readings=readings)


def _must_fit(chip: Chip, board: Board) -> None:
    if chip.name != board.chip:
        raise TirtaError(
            f"The chip on {chip.port} is an {chip.name}, and the board {board.name} has an"
            f" {board.chip}. Nothing was written.",
            "Name the board that it is with --board; boards/ has a file for each.",
        )
    if 0 < chip.flash_size < board.flash.size:
        raise TirtaError(
            f"The flash on {chip.port} has {chip.flash_size} bytes, and the board {board.name}"
            f" needs {board.flash.size}. Nothing was written.",
            "Use a board with more flash, or write a board file with a smaller log.",
        )
    if not chip.flash_size:
        raise TirtaError(
            f"The flash on {chip.port} does not tell its size. Nothing was written.",
            "Check the board: a chip that cannot read its flash cannot run from it.",
        )


def _interrupted(error: TirtaError) -> TirtaError:
    return TirtaError(
        f"{error.what} The board is half written and starts nothing now.",
        "Nothing is broken: run the same command again, and it is written from the beginning. If"
        " the chip does not answer, hold the BOOT button while you press reset.",
    )

# SPDX-License-Identifier: MIT
"""The rules that no board file may break, and how to say that one did.

Each rule yields *problems*: key in the file, what is wrong, what to do. The costs behind them: a
strapping pin that a sensor pulls keeps a node from booting after the next power cut; a flash pin
crashes it; ADC2 cannot be read while Wi-Fi runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tirta.boards.model import Board
from tirta.errors import Problem

ERASE_BLOCK = 0x1000
APP_ALIGNMENT = 0x10000
TABLE_OFFSET = 0x8000
FIRST_OFFSET = 0x9000  # the table has the sector before this one for itself
MAX_ENTRIES = 95
APP, DATA = "app", "data"
REQUIRED = {
    "nvs": (DATA, 0x02),
    "phy_init": (DATA, 0x01),
    "factory": (APP, 0x00),
    "vfs": (DATA, 0x81),
    "app_a": (DATA, 0x41),
    "app_b": (DATA, 0x42),
    "state": (DATA, 0x43),
    "log": (DATA, 0x40),
}
OUTPUTS = {"onewire", "i2c_sda", "i2c_scl", "rs485_tx", "rs485_de", "sdi12", "alarm"}
ON_ADC1 = {"analog_4_20ma", "battery"}
RMII = [19, 21, 22, 25, 26, 27]  # ESP32 Series Datasheet, EMAC: these cannot be moved
CLOCKS_IN, CLOCKS_OUT = (0,), (0, 16, 17)
MAX_LOOP_MA = 21.0  # NAMUR NE 43: up to 21 mA is a failure signal that must still be readable


def problems(board: Board) -> list[Problem]:
    """Find every rule that a board breaks; `where` is the key."""
    return [*_pins(board), *_ethernet(board), *_analog(board), *_partitions(board)]


def _pins(board: Board) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    for kind in ("strapping", "flash", "console", "onboard"):
        for gpio in getattr(board.reserved, kind):
            taken[gpio] = f"reserved.{kind}"
    free = "Choose a GPIO that nothing else uses."
    for name, pin in board.pins.items():
        key = f"pins.{name}"
        if pin.gpio in taken:
            yield Problem(key, f"GPIO {pin.gpio} is already in {taken[pin.gpio]}.", free)
        taken.setdefault(pin.gpio, key)
        if pin.function in ON_ADC1 and pin.gpio not in board.analog_inputs.adc1:
            yield Problem(
                key,
                f"GPIO {pin.gpio} is not on ADC1.",
                "Choose one of analog_inputs.adc1: ADC2 cannot be read while Wi-Fi runs.",
            )
        if pin.function in OUTPUTS and pin.gpio in board.input_only:
            yield Problem(
                key,
                f"GPIO {pin.gpio} is input-only, and {pin.function} must drive it.",
                "Choose a GPIO that is not in input_only.",
            )


def _ethernet(board: Board) -> Iterator[Problem]:
    wired = board.ethernet
    if wired is None:
        return
    if board.chip != "esp32":
        yield Problem(
            "ethernet",
            f"The {board.chip} has no Ethernet of its own.",
            "Remove the table, or correct `chip`.",
        )
    clocks = CLOCKS_OUT if wired.clock_out else CLOCKS_IN
    if wired.clock not in clocks:
        yield Problem(
            "ethernet.clock",
            f"GPIO {wired.clock} cannot be this clock.",
            f"One of: {', '.join(map(str, clocks))}.",
        )
    needed = sorted({*RMII, *wired.gpios})
    reserved = {*board.reserved.onboard, *board.reserved.strapping, *board.reserved.flash}
    free = [str(gpio) for gpio in needed if gpio not in reserved]
    if free:
        yield Problem(
            "reserved.onboard",
            f"Ethernet takes GPIO {', '.join(free)}.",
            "Add them: no sensor can have them.",
        )


def _analog(board: Board) -> Iterator[Problem]:
    volts = board.analog_inputs
    top_mv = MAX_LOOP_MA * volts.shunt_ohm
    if not volts.min_mv <= 4 * volts.shunt_ohm < top_mv <= volts.max_mv:
        yield Problem(
            "analog_inputs.shunt_ohm",
            f"4 to {MAX_LOOP_MA:g} mA over {volts.shunt_ohm:g} ohm is {4 * volts.shunt_ohm:g} to "
            f"{top_mv:g} mV, outside {volts.min_mv} to {volts.max_mv} mV.",
            "Choose a shunt whose voltages the ADC can measure.",
        )


def _partitions(board: Board) -> Iterator[Problem]:
    table = sorted(board.flash.partitions, key=lambda partition: partition.offset)
    if len(table) > MAX_ENTRIES:
        yield Problem("flash.partitions", f"{len(table)} entries.", f"At most {MAX_ENTRIES} fit.")
    seen: set[str] = set()
    end, before = FIRST_OFFSET, "the partition table"
    for partition in table:
        key = f"flash.partitions.{partition.name}"
        alignment = APP_ALIGNMENT if partition.type == APP else ERASE_BLOCK
        if partition.name in seen:
            yield Problem(key, "the name is used twice.", "Give each partition its own name.")
        seen.add(partition.name)
        if partition.offset % alignment:
            yield Problem(
                key,
                f"offset {partition.offset:#x} is not a multiple of {alignment:#x}.",
                f"Start it at {(partition.offset // alignment + 1) * alignment:#x}.",
            )
        if partition.size % ERASE_BLOCK:
            yield Problem(
                key,
                f"size {partition.size:#x} is not a multiple of {ERASE_BLOCK:#x}.",
                "Flash is erased in blocks of 4096 bytes: make it whole blocks.",
            )
        if partition.offset < end:
            yield Problem(key, f"overlaps {before}.", f"Start it at {end:#x} or later.")
        if partition.end > board.flash.size:
            yield Problem(
                key,
                f"ends at {partition.end:#x}, after the flash ({board.flash.size:#x}).",
                "Make it smaller, or correct flash.size.",
            )
        end, before = max(end, partition.end), partition.name
    for name, kind in REQUIRED.items():
        found = [(p.type, p.subtype) for p in table if p.name == name]
        if not found:
            yield Problem("flash.partitions", f"{name!r} is missing.", "Add it.")
        elif found[0] != kind:
            is_type, is_subtype = found[0]
            yield Problem(
                f"flash.partitions.{name}",
                f"is {is_type}/{is_subtype:#x}.",
                f"The firmware looks for {kind[0]}/{kind[1]:#x}.",
            )

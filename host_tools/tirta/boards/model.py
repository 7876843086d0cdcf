# SPDX-License-Identifier: MIT
"""What a board file says, as checked types."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tirta.errors import TirtaError

Function = Literal[
    "count", "analog_4_20ma", "battery", "onewire", "i2c_sda", "i2c_scl",
    "rs485_tx", "rs485_rx", "rs485_de", "sdi12", "alarm", "tamper",
]  # fmt: skip
Gpio = Annotated[int, Field(ge=0, le=48)]
BoardName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=15)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Partition(_Strict):
    """A part of the flash: offset and size in bytes."""

    name: BoardName
    type: Literal["app", "data"]
    subtype: Annotated[int, Field(ge=0, le=0xFE)]
    offset: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(gt=0)]

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.size


class Pin(_Strict):
    """A pin that may be used, for what, and why it was chosen."""

    gpio: Gpio
    function: Function
    reason: Annotated[str, Field(min_length=10)]


class Reserved(_Strict):
    """Pins that the board needs for itself; no named pin may be one of them."""

    strapping: list[Gpio]
    flash: list[Gpio]
    console: list[Gpio]
    onboard: list[Gpio] = []


class Analog(_Strict):
    """The analog inputs: pins of ADC1, their range in mV, the shunt of a loop in ohms."""

    adc1: list[Gpio]
    min_mv: int
    max_mv: int
    shunt_ohm: Annotated[float, Field(gt=0)]
    battery_divider: Annotated[float, Field(ge=1)]


class Ethernet(_Strict):
    """A PHY on the chip's RMII: its name as in `network.PHY_...`, address and pins. `clock` is the
    pin of the 50 MHz, which the PHY gives unless `clock_out`.
    """

    phy: Literal["LAN8710", "LAN8720", "IP101", "RTL8201", "DP83848", "KSZ8041", "KSZ8081"]
    address: Annotated[int, Field(ge=0, le=31)]
    mdc: Gpio
    mdio: Gpio
    power: Gpio | None = None
    clock: Gpio = 0
    clock_out: bool = False

    @property
    def gpios(self) -> list[int]:
        """The pins that it names; RMII has six more, which are the same on every board."""
        power = [] if self.power is None else [self.power]
        return [self.mdc, self.mdio, *power, self.clock]


class Image(_Strict):
    """An image of MicroPython that is known to run on the board."""

    version: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Micropython(_Strict):
    """Which MicroPython the board takes."""

    firmware: str
    min_version: str
    images: list[Image]


class Supply(_Strict):
    """What the board draws, in mA, and where that figure is from."""

    typical_ma: Annotated[float, Field(ge=0)]
    source: Annotated[str, Field(min_length=10)]


class Flash(_Strict):
    """The flash: its size in bytes, and its partitions in the order of their offsets."""

    size: Annotated[int, Field(gt=0)]
    partitions: list[Partition]


class Board(_Strict):
    """All that is known of a board; boards/README.md explains the keys."""

    name: BoardName
    description: str
    chip: Literal["esp32", "esp32s3", "esp32c3"]
    mpy_arch: Literal["xtensawin", "rv32imc", "x64"]
    counter_units: Annotated[int, Field(ge=0)]
    input_only: list[Gpio]
    micropython: Micropython
    supply: Supply
    flash: Flash
    reserved: Reserved
    analog_inputs: Analog
    pins: dict[BoardName, Pin]
    ethernet: Ethernet | None = None

    def partition(self, name: str) -> Partition:
        """Return the partition of this name. Raises TirtaError where there is none."""
        for partition in self.flash.partitions:
            if partition.name == name:
                return partition
        raise TirtaError(f"Board {self.name} has no partition {name!r}.")

    def pin(self, name: str) -> Pin | None:
        """Return the named pin, or None where the board does not have that capability."""
        return self.pins.get(name)

    def with_function(self, function: Function) -> dict[str, Pin]:
        """Return the pins that are for this, by name."""
        return {name: pin for name, pin in self.pins.items() if pin.function == function}

    @property
    def analog(self) -> dict[str, Pin]:
        """The 4-20 mA inputs, by name."""
        return self.with_function("analog_4_20ma")

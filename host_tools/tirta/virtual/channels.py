# SPDX-License-Identifier: MIT
"""The channels of a scenario: which sensor a column of its CSV is, and what its cells mean.

SCENARIO.md tells users; this is what it tells of. The board gets integers: pulses, microvolts,
sixteenths of a degree, thousandths, or FAULT plus the number of what is wrong.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tirta.boards.model import Board
from tirta.errors import TirtaError

KINDS = {
    "pulses": 0, "microvolts": 1, "ds18b20": 2, "ads1115": 3, "ezo": 4, "ds3231": 5, "sdi12": 6,
    "modbus": 7,
}  # fmt: skip
DEVICES = {"ads1115", "ezo", "ds3231", "sdi12", "modbus"}
FAULT = 1 << 40
# As in boards/virtual/_water.py.
FAULTS = {
    "absent": 1, "stuck": 2, "power-on": 3, "zero": 4, "crc": 5, "busy": 6, "error": 7,
    "stopped": 8,
}  # fmt: skip
_FAULTS_OF = {
    "ds18b20": {"absent", "power-on", "zero", "crc"},
    "ads1115": {"absent", "stuck", "power-on", "busy"},
    "ezo": {"absent", "stuck", "busy", "error"},
    "ds3231": {"absent", "stuck", "stopped"},
    "sdi12": {"absent", "crc"},
}
_LOOP_MA = {"broken": 0.0, "failed": 22.0}  # a wire, and a transmitter that says so (NAMUR NE43)
_PINS = {
    "ds18b20": "onewire", "ads1115": "i2c_sda", "ezo": "i2c_sda", "ds3231": "i2c_sda",
    "sdi12": "sdi12", "modbus": "rs485_rx",
}  # fmt: skip
_ADDRESSES = {"ads1115": 0x48, "ezo": 99, "ds3231": 0x68}
_PROBE_ROM = bytes.fromhex("285449525441")  # family 0x28, then six bytes of our own
_EPOCH_2000 = datetime(2000, 1, 1, tzinfo=UTC)


class FittedChannel(BaseModel):
    """What is fitted at an input of a virtual board, and how its column is meant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal[
        "pulses", "4-20ma", "battery", "volts", "ds18b20", "ads1115", "ezo", "ds3231", "sdi12"
    ]
    pin: str | int = ""
    low: float = 0.0
    high: float = 1.0
    rom: Annotated[str, Field(pattern="^28[0-9a-f]{14}$")] | None = None
    address: int | str | None = None
    input: Annotated[int, Field(ge=0, le=3)] = 0
    field: Annotated[int, Field(ge=0, le=7)] = 0
    value: Annotated[int, Field(ge=1, le=99)] = 1
    decimals: Annotated[int, Field(ge=0, le=3)] = 3
    set: datetime | None = None

    @model_validator(mode="after")
    def _can_be(self) -> "FittedChannel":
        if not self.pin and self.kind not in _PINS:
            raise ValueError("says no `pin`")
        if self.rom and crc8(bytes.fromhex(self.rom)):
            raise ValueError("`rom` is no ROM code: its last byte is a CRC of the others")
        if self.kind == "sdi12":
            if not (isinstance(self.address, str) and len(self.address) == 1):
                raise ValueError('needs an `address` of one character, as in "0"')
        elif isinstance(self.address, str):
            raise ValueError("`address` must be a number")
        return self

    def describe(self, board: Board) -> tuple[int, int, int]:
        """Describe it: (kind, GPIO, code) for the board."""
        gpio = self._gpio(board)
        kind = self.kind if self.kind in KINDS else "microvolts"
        return KINDS[kind], gpio, self._code(gpio)

    def _gpio(self, board: Board) -> int:
        if isinstance(self.pin, int):
            return self.pin
        name = self.pin or _PINS[self.kind]
        pin = board.pin(name)
        if pin is None:
            raise TirtaError(
                f"Board {board.name} has no pin {name!r}.", f"It has: {', '.join(board.pins)}."
            )
        return pin.gpio

    def _code(self, gpio: int) -> int:
        """Which one of those at the pin, as boards/virtual understands it."""
        if self.kind == "ds18b20":
            code = bytes.fromhex(self.rom or "") or _probe_at(gpio)
            return int.from_bytes(code, "little", signed=True)
        if self.kind == "sdi12":
            return ord(str(self.address)) | self.value << 8 | self.decimals << 16
        if self.kind not in _ADDRESSES:
            return 0
        address = int(self.address or _ADDRESSES[self.kind])
        if self.kind == "ds3231":
            at = self.set and (self.set if self.set.tzinfo else self.set.replace(tzinfo=UTC))
            return address | (int((at - _EPOCH_2000).total_seconds()) if at else 0) << 16
        return address | (self.input if self.kind == "ads1115" else self.field) << 8

    def at_pin(self, cell: str, board: Board) -> int:
        """Turn a cell into what it is for the board. Raises ValueError for what is neither value
        nor fault.
        """
        if self.kind == "4-20ma" and cell in _LOOP_MA:
            return self._loop_uv(_LOOP_MA[cell], board)
        if cell in _FAULTS_OF.get(self.kind, ()):
            return FAULT + FAULTS[cell]
        reading = float(cell)
        if self.kind == "ds18b20":
            return round(reading * 16)
        if self.kind in {"ezo", "ds3231"}:
            return round(reading * 1000)
        if self.kind == "sdi12":
            return round(reading * float(10**self.decimals))
        if self.kind == "4-20ma":
            part = (reading - self.low) / (self.high - self.low)
            # A transmitter saturates where NAMUR NE43 says.
            return self._loop_uv(min(max(4.0 + 16.0 * part, 3.8), 20.5), board)
        battery = self.kind == "battery"
        volts = reading / board.analog_inputs.battery_divider if battery else reading
        return round(volts * 1_000_000)

    @staticmethod
    def _loop_uv(milliamps: float, board: Board) -> int:
        return round(milliamps * 1000 * board.analog_inputs.shunt_ohm)


def _probe_at(gpio: int) -> bytes:
    code = _PROBE_ROM + bytes((gpio,))
    return code + bytes((crc8(code),))


def crc8(data: bytes) -> int:
    """Return the CRC of 1-Wire; over a ROM code and its CRC it is 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc

# SPDX-License-Identifier: MIT
"""Board files: what a board is, told by a TOML file in `boards/`.

A *board* is such a file, and nothing else knows its name: code asks it for a capability, as in
`board.pin("flow")`, `board.analog`, `board.counter_units`. boards/README.md describes the keys;
`tirta.board_rules` has the rules that a board must keep.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tirta import board_rules, toml_file
from tirta.errors import TirtaError
from tirta.paths import boards_dir, user_dir

Function = Literal[
    "count", "analog_4_20ma", "battery", "onewire", "i2c_sda", "i2c_scl",
    "rs485_tx", "rs485_rx", "rs485_de", "sdi12", "alarm", "tamper",
]  # fmt: skip
Gpio = Annotated[int, Field(ge=0, le=48)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=15)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Partition(_Strict):
    name: Name
    type: Literal["app", "data"]
    subtype: Annotated[int, Field(ge=0, le=0xFE)]
    offset: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(gt=0)]

    @property
    def end(self) -> int:
        return self.offset + self.size


class Pin(_Strict):
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
    adc1: list[Gpio]
    min_mv: int
    max_mv: int
    shunt_ohm: Annotated[float, Field(gt=0)]
    battery_divider: Annotated[float, Field(ge=1)]


class Image(_Strict):
    version: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Micropython(_Strict):
    firmware: str
    min_version: str
    images: list[Image]


class Supply(_Strict):
    typical_ma: Annotated[float, Field(ge=0)]
    source: Annotated[str, Field(min_length=10)]


class Flash(_Strict):
    size: Annotated[int, Field(gt=0)]
    partitions: list[Partition]


class Board(_Strict):
    name: Name
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
    pins: dict[Name, Pin]

    def partition(self, name: str) -> Partition:
        for partition in self.flash.partitions:
            if partition.name == name:
                return partition
        raise TirtaError(f"Board {self.name} has no partition {name!r}.")

    def pin(self, name: str) -> Pin | None:
        """The named pin, or None where the board does not have that capability."""
        return self.pins.get(name)

    def with_function(self, function: Function) -> dict[str, Pin]:
        return {name: pin for name, pin in self.pins.items() if pin.function == function}

    @property
    def analog(self) -> dict[str, Pin]:
        """The 4-20 mA inputs, by name."""
        return self.with_function("analog_4_20ma")


def names() -> list[str]:
    """Every board there is, ours and this user's: the mere existence of a file makes one."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.toml")})


def own_dir() -> Path:
    """Where this user's own board files are found by their names."""
    return user_dir() / "boards"


def _folders() -> tuple[Path, Path]:
    return boards_dir(), own_dir()


def load(name_or_path: str | Path) -> Board:
    """Read and check a board: a name from `names()`, or the path of a TOML file."""
    path = _locate(name_or_path)
    try:
        document = toml_file.load(path)
    except OSError as error:
        raise TirtaError(
            f"Cannot read the board file {path}: {error.strerror}.", "Check the path."
        ) from error
    try:
        board = Board.model_validate({**document, "name": path.stem})
    except ValidationError as error:
        raise _for_a_person(path, error) from error
    problems = board_rules.problems(board)
    if problems:
        key, what, hint = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise TirtaError(f"{path}: {key}: {what}{more}", hint)
    return board


def named(name: str) -> Board:
    """The board of this name, and never a path: for names that a node or a file says."""
    if name not in names():
        raise TirtaError(
            f"There is no board {name!r}.",
            f"Known: {', '.join(names())}. A board file of your own is found by its name in"
            f" {own_dir()}.",
        )
    return load(name)


def _locate(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text:
        return Path(name_or_path)
    if text not in names():
        raise TirtaError(
            f"There is no board {text!r}.",
            f"Choose one of: {', '.join(names())}; or give the path of a board file. A board file"
            f" of your own is found by its name in {own_dir()}.",
        )
    found = [folder / f"{text}.toml" for folder in _folders()]
    ours, own = (path.is_file() for path in found)
    if ours and own:
        raise TirtaError(
            f"There are two boards {text!r}: {found[0]} and {found[1]}.",
            "Give yours a name of its own: a node tells its board by it.",
        )
    return found[0] if ours else found[1]


def _for_a_person(path: Path, error: ValidationError) -> TirtaError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    keys = boards_dir() / "README.md"
    hint = {
        "extra_forbidden": f"Remove {key} or correct it; {keys} lists the keys.",
        "missing": f"Add {key}; {keys} says what it means.",
    }.get(first["type"], f"Correct {key}; {keys} says what it may be.")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return TirtaError(f"{path}: {key}: {first['msg']}{more}", hint)

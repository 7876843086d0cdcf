# SPDX-License-Identifier: MIT
"""The sensor kinds on buses, probes with compensation and the node's own channels: their keys in a
config file, and the same in the node's form and back.

Each class has `entry(board)`, which gives the node's keys beyond name, unit and scale.
"""

import math
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field

from tirta.boards.model import Board
from tirta.config.model import ChannelName, Converted, PinName, Scaled, Unit

_Celsius = Annotated[float, Field(ge=-5, le=100)]
_Poll = Annotated[float, Field(ge=0.1, le=86400)] | None
_Points = Annotated[list[tuple[float, float]], Field(min_length=2, max_length=8)]
ORDERS = ("abcd", "badc", "cdab", "dcba")  # bit 0: bytes swapped, bit 1: registers
TYPES = ("u16", "s16", "u32", "s32", "f32")
_MOST_MUL = 0xFFFFF
_MOST_DIV = 0xFFFFFFF


class _Polled(Scaled):
    """`poll_s`: how often the bus asks (10 s, SDI-12 60 s, or the period where that is shorter).
    `max_age_s`: from then on an answer is missing (three polls and five seconds).
    """

    poll_s: _Poll = None
    max_age_s: Annotated[float, Field(ge=0.5, le=172800)] | None = None

    def polled(self) -> dict[str, Any]:
        found = {"poll_ms": self.poll_s, "age_ms": self.max_age_s}
        return {key: round(s * 1000) for key, s in found.items() if s is not None}


class Modbus(_Polled):
    """A number in the registers of a Modbus RTU slave.

    `register` is the address in the frame, from 0: what a manual calls 40001 is register 0 of the
    holding table, 30001 register 0 of the input table. Value = number * factor + offset.
    """

    sensor: Literal["modbus"]
    slave: Annotated[int, Field(ge=1, le=247)]
    table: Literal["holding", "input"] = "holding"
    register_: Annotated[int, Field(ge=0, le=65535, alias="register")]
    type: Literal["u16", "s16", "u32", "s32", "f32"] = "u16"
    order: Literal["abcd", "badc", "cdab", "dcba"] = "abcd"
    factor: Annotated[float, Field(gt=0, le=1e6)] = 1
    offset: float = 0

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        scale = 10**self.decimals
        mul, div = _ratio(Fraction(repr(self.factor)) * scale)
        return self.polled() | {
            "slave": self.slave, "function": 3 if self.table == "holding" else 4,
            "register": self.register_, "type": TYPES.index(self.type),
            "order": ORDERS.index(self.order), "mul": mul, "div": div,
            "shift": round(self.offset * scale),
        }  # fmt: skip


class Sdi12(_Polled):
    """A value of an SDI-12 sonde: the `value`-th, from 1, of what `command` measures."""

    sensor: Literal["sdi12"]
    address: Annotated[str, Field(pattern=r"^[0-9A-Za-z]$")]
    command: Annotated[str, Field(pattern=r"^(M|MC|C|CC)[1-9]?$|^RC?[0-9]$")] = "M"
    value: Annotated[int, Field(ge=1, le=99)] = 1

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        return self.polled() | {
            "address": self.address, "command": self.command, "index": self.value - 1,
        }  # fmt: skip


class Ezo(_Polled):
    """An Atlas EZO circuit on I2C; `field` counts the numbers of its answer from 1."""

    sensor: Literal["ezo"]
    address: Annotated[int, Field(ge=8, le=119)]
    field: Annotated[int, Field(ge=1, le=8)] = 1
    temperature: ChannelName | None = None  # the channel that it is compensated by
    fallback_c: _Celsius = 25  # stands in where that has no good value; then the value is suspect

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        water: dict[str, Any] = {} if self.temperature is None else {"water": self.temperature}
        if water and self.fallback_c != 25:
            water["fixed"] = round(self.fallback_c * 100)
        return self.polled() | water | {"address": self.address, "index": self.field - 1}


class _Compensated(Converted):
    """`temperature`: a channel of this config, or degrees that hold always. Where the channel has
    no good value, `fallback_c` stands in for it and the value is suspect.
    """

    temperature: ChannelName | float
    fallback_c: _Celsius = 25

    def water(self) -> dict[str, Any]:
        if isinstance(self.temperature, str):
            return {"water": self.temperature, "fixed": round(self.fallback_c * 100)}
        return {"fixed": round(self.temperature * 100)}


class PH(_Compensated):
    """A pH electrode behind an amplifier that gives `zero_v` at pH 7 and turns a volt of the
    electrode into `gain` volts. `slope_percent` of Nernst's; `offset_mv` of the electrode at pH 7.
    """

    sensor: Literal["ph"]
    unit: Unit = "pH"
    decimals: Annotated[int, Field(ge=0, le=3)] = 2
    zero_v: Annotated[float, Field(ge=-6, le=6)]
    gain: float
    offset_mv: Annotated[float, Field(ge=-100, le=100)] = 0
    slope_percent: Annotated[float, Field(ge=50, le=110)] = 100

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        return self.water() | {
            "zero_uv": round(self.zero_v * 1e6), "gain_milli": round(self.gain * 1000),
            "offset_uv": round(self.offset_mv * 1000), "slope": round(self.slope_percent * 100),
        }  # fmt: skip


class Orp(Converted):
    """A redox electrode behind such an amplifier, in millivolts."""

    sensor: Literal["orp"]
    unit: Unit = "mV"
    decimals: Annotated[int, Field(ge=0, le=3)] = 1
    zero_v: Annotated[float, Field(ge=-6, le=6)]
    gain: Annotated[float, Field(ge=-100, le=100)]

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        scale = 10**self.decimals
        return {
            "uv0": round(self.zero_v * 1e6), "value0": 0,
            "uv1": round((self.zero_v + self.gain) * 1e6), "value1": 1000 * scale,
        }  # fmt: skip


class Conductivity(_Compensated):
    """Conductivity, or dissolved solids, at 25 degrees: `points` are [volt, value] of a curve."""

    sensor: Literal["conductivity", "tds"]
    points: _Points
    percent_per_c: Annotated[float, Field(ge=0, le=5)] = 2

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        alpha = {"alpha": round(self.percent_per_c * 100)}
        return self.water() | alpha | _points(self.points, self.decimals)


class Turbidity(Converted):
    """A probe whose voltage follows a curve: `points`, each [volt, value]."""

    sensor: Literal["turbidity"]
    points: _Points

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        return _points(self.points, self.decimals)


class Oxygen(_Compensated):
    """A galvanic oxygen probe: `saturated_v` in water saturated with air at `saturated_c`."""

    sensor: Literal["oxygen"]
    unit: Unit = "mg/L"
    decimals: Annotated[int, Field(ge=0, le=3)] = 2
    saturated_v: Annotated[float, Field(gt=0, le=3.3)]
    saturated_c: Annotated[float, Field(ge=0, le=40)] = 25
    zero_v: Annotated[float, Field(ge=0, le=3.3)] = 0
    percent_per_c: Annotated[float, Field(ge=0, le=10)] = 0  # of the probe's own voltage
    salinity: Annotated[float, Field(ge=0, le=45)] = 0  # g/kg
    pressure_kpa: Annotated[float, Field(ge=50, le=110)] = 101.325

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        scale = 10**self.decimals
        table = [
            round(oxygen_saturation(c, self.salinity, self.pressure_kpa) * scale)
            for c in range(0, 41, 2)
        ]
        return self.water() | {
            "cal_uv": round(self.saturated_v * 1e6), "zero_uv": round(self.zero_v * 1e6),
            "cal_centi": round(self.saturated_c * 100), "table": table,
            "probe_slope": round(self.percent_per_c * 100),
            "salinity": round(self.salinity * 100), "pressure": round(self.pressure_kpa * 1000),
        }  # fmt: skip


class Battery(Scaled):
    """The supply behind the board's divider; below `low_v` the node saves what it can."""

    sensor: Literal["battery"]
    unit: Unit = "V"
    pin: PinName = "battery"
    low_v: Annotated[float, Field(ge=0, le=100)] = 0

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        return {
            "divider": round(board.analog_inputs.battery_divider * 1000),
            "low": round(self.low_v * 10**self.decimals),
        }  # fmt: skip


class Own(Scaled):
    """What the node knows of itself."""

    sensor: Literal["board_temp", "free_heap", "starts"]
    unit: Unit = ""
    decimals: Annotated[int, Field(ge=0, le=0)] = 0

    def entry(self, board: Board) -> dict[str, Any]:
        """Return the kind's own keys of the canonical form (FORMAT.md 8.1)."""
        return {}


Device = (
    Modbus | Sdi12 | Ezo | PH | Orp | Conductivity | Turbidity | Oxygen | Battery | Own
)  # all of the above


def _points(points: list[tuple[float, float]], decimals: int) -> dict[str, Any]:
    flat = [n for volt, value in points for n in (round(volt * 1e6), round(value * 10**decimals))]
    return {"points": flat}


def _ratio(exact: Fraction) -> tuple[int, int]:
    """(mul, div) within the node's limits, as near as they allow."""
    most = min(_MOST_DIV, int(_MOST_MUL / exact) if exact else 1)
    near = exact.limit_denominator(max(1, most))
    return near.numerator, near.denominator


def oxygen_saturation(celsius: float, salinity: float = 0, pressure_kpa: float = 101.325) -> float:
    """Return mg/L in water under moist air (Benson and Krause 1984; Standard Methods 4500-O)."""
    t = celsius + 273.15
    fresh = (
        -139.34411 + 1.575701e5 / t - 6.642308e7 / t**2 + 1.243800e10 / t**3 - 8.621949e11 / t**4
    )
    salt = salinity * (1.7674e-2 - 1.0754e1 / t + 2.1407e3 / t**2)
    atm = pressure_kpa / 101.325
    vapour = math.exp(11.8571 - 3840.70 / t - 216961 / t**2)
    theta = 0.000975 - 1.426e-5 * celsius + 6.436e-8 * celsius**2
    moist = atm * (1 - vapour / atm) * (1 - theta * atm) / ((1 - vapour) * (1 - theta))
    return math.exp(fresh - salt) * moist

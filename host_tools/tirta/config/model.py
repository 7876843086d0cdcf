# SPDX-License-Identifier: MIT
"""The keys of a config file, their types and ranges.

A channel is one of the sensor kinds here and in devices.py. Ranges that only the node's integers
set are checked again by `tirta_format.config` on the canonical form.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tirta_format import config as rules
from tirta_format.degrees import to_centi

NAME = r"^[a-z][a-z0-9_]*$"
ChannelName = Annotated[str, Field(pattern=NAME, max_length=16)]
PinName = Annotated[str, Field(min_length=1, max_length=16)]
Unit = Annotated[str, Field(max_length=16)]
CurvePoint = tuple[float, float]
Pair = tuple[float, float]
Statistic = Literal["mean", "min", "max", "last", "count", "std"]
Seconds = Annotated[float, Field(ge=0.01, le=86400)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Channel(_Strict):
    """`qc_*`: limits of the quality tests of IOOS QARTOD, in the channel's unit."""

    name: ChannelName
    period_s: Seconds | None = None  # between samples; the record's interval when left out
    stats: Annotated[list[Statistic], Field(min_length=1)] | None = None
    qc_fail: Pair | None = None
    qc_suspect: Pair | None = None
    qc_spike: Pair | None = None  # distance from the mean of both neighbours: suspect, fail
    qc_rate_per_s: Annotated[float, Field(ge=0)] | None = None
    qc_flat: tuple[float, Seconds, Seconds] | None = None  # tolerance; seconds: suspect, fail


class Scaled(_Channel):
    """A channel whose values have a unit."""

    unit: Unit
    raw: bool = False  # keep what the sensor read, too
    decimals: Annotated[int, Field(ge=0, le=6)] = 2  # digits behind the point that are kept


ADS1115_RANGES = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256)  # volts, by the code of the chip


def _range(volts: float) -> float:
    if volts not in ADS1115_RANGES:
        raise ValueError(f"must be one of {', '.join(map(str, ADS1115_RANGES))}")
    return volts


class Ads1115(_Strict):
    """An input of an ADS1115 on I2C: 0 to 3, or a difference such as "0-1"."""

    input: Literal[0, 1, 2, 3, "0-1", "0-3", "1-3", "2-3"]
    address: Annotated[int, Field(ge=0x48, le=0x4B)] = 0x48
    range_v: Annotated[float, AfterValidator(_range)] = 4.096
    rate: Literal[8, 16, 32, 64, 128, 250, 475, 860] = 8  # conversions a second


class Converted(Scaled):
    """At a pin of the board's converter, or at an input of an ADS1115."""

    pin: PinName | None = None
    ads1115: Ads1115 | None = None


class Pulse(_Channel):
    """Pulses of a flow meter; the value of a record is the pulses in its interval, minus those that
    a bidirectional meter gives at `reverse_pin`.
    """

    sensor: Literal["pulse"]
    pin: PinName
    reverse_pin: PinName | None = None
    max_per_s: Annotated[float, Field(gt=0, le=40000)] | None = None  # pulses of the meter
    debounce_ms: Annotated[int, Field(ge=4, le=200)] | None = None  # of a contact (reed switch)
    litres_per_pulse: Annotated[float, Field(gt=0, le=rules.LIMIT / 1000)]
    filter_us: Annotated[float, Field(ge=0, le=12.787)] = 10


class Current(Converted):
    """4-20 mA over the board's shunt: a line between the two ends of the transmitter's range."""

    sensor: Literal["4-20mA"]
    at_4ma: float
    at_20ma: float
    shunt_ohm: Annotated[float, Field(ge=10, le=250)] | None = None


class Voltage(Converted):
    """A voltage: the line through two points, each [volt, value]."""

    sensor: Literal["voltage"]
    points: tuple[CurvePoint, CurvePoint]


def _celsius(unit: str) -> str:
    if (to_centi(unit) or (0, 0, 1))[2]:
        raise ValueError("must be degC: a DS18B20 measures nothing else")
    return unit


class Temperature(Scaled):
    """A DS18B20 on a 1-Wire bus; `rom` where there are several."""

    sensor: Literal["ds18b20"]
    pin: PinName
    rom: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{16}$")] | None = None
    unit: Annotated[Unit, AfterValidator(_celsius)] = "degC"

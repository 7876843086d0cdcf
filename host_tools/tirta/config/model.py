# SPDX-License-Identifier: MIT
"""The keys of a config file, their types and ranges.

A channel is one of four sensor kinds. Ranges that only the node's integers set are checked again by
`tirta_format.config` on the canonical form.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tirta_format import config as rules

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=16)]
PinName = Annotated[str, Field(min_length=1, max_length=16)]
Unit = Annotated[str, Field(max_length=16)]
Point = tuple[float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Channel(_Strict):
    name: Name
    pin: PinName


class _Scaled(_Channel):
    unit: Unit
    decimals: Annotated[int, Field(ge=0, le=6)] = 2  # digits behind the point that are kept


class Pulse(_Channel):
    """Pulses of a flow meter; the value of a record is the pulses in its interval."""

    sensor: Literal["pulse"]
    litres_per_pulse: Annotated[float, Field(gt=0, le=rules.LIMIT / 1000)]
    filter_us: Annotated[float, Field(ge=0, le=12.787)] = 10


class Current(_Scaled):
    """4-20 mA over the board's shunt: a line between the two ends of the transmitter's range."""

    sensor: Literal["4-20mA"]
    at_4ma: float
    at_20ma: float
    shunt_ohm: Annotated[float, Field(ge=10, le=250)] | None = None


class Voltage(_Scaled):
    """A voltage: the line through two points, each [volt, value]."""

    sensor: Literal["voltage"]
    points: tuple[Point, Point]


class Temperature(_Scaled):
    """The only DS18B20 on a 1-Wire bus."""

    sensor: Literal["ds18b20"]
    unit: Unit = "degC"


Channel = Annotated[Pulse | Current | Voltage | Temperature, Field(discriminator="sensor")]


class Config(_Strict):
    """A config file."""

    version: Literal[1] = 1
    board: Annotated[str, Field(min_length=1, max_length=32)]
    name: Annotated[str, Field(max_length=32)] = ""
    interval_s: Annotated[float, Field(ge=0.1, le=86400)] = 60
    commit_seconds: Annotated[float, Field(ge=1, le=3600)] = 60
    visit_s: Annotated[int, Field(ge=5, le=86400)] = 1800
    channel: Annotated[list[Channel], Field(min_length=1, max_length=rules.MAX_CHANNELS)]


PIN_FUNCTIONS = {
    "pulse": {"count"},
    "4-20mA": {"analog_4_20ma"},
    "voltage": {"analog_4_20ma", "battery"},  # on a loop input the shunt is left out
    "ds18b20": {"onewire"},
}

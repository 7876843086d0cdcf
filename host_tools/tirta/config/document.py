# SPDX-License-Identifier: MIT
"""A config file as a whole, and which pins of a board a sensor kind may use."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tirta.config.alarms import Alarm
from tirta.config.devices import Device
from tirta.config.model import Current, Pulse, Seconds, Temperature, Voltage
from tirta_format import config as rules

Channel = Annotated[Pulse | Current | Voltage | Temperature | Device, Field(discriminator="sensor")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModbusBus(_Strict):
    """RS-485. `timeout_ms`: for the answer to begin and end, beyond the time on the line."""

    baud: Annotated[int, Field(ge=1200, le=115200)] = 9600
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    timeout_ms: Annotated[int, Field(ge=20, le=5000)] = 300
    retries: Annotated[int, Field(ge=0, le=5)] = 2
    direction: bool = True  # the board turns the transceiver; false: it turns by itself


class I2cBus(_Strict):
    """400 kHz need short wires; EZO circuits want 100 kHz."""

    khz: Annotated[int, Field(ge=10, le=400)] = 100


class Buses(_Strict):
    """How the buses are set, where a channel uses one."""

    modbus: ModbusBus = ModbusBus()
    i2c: I2cBus = I2cBus()


class Uplink(_Strict):
    """A broker of MQTT that brings the log to an archive, over Wi-Fi, or by the board's Ethernet
    where no `ssid` is given; of a locked node alone. The passwords go to the node apart from the
    config, and never come back: who leaves them out changes none.
    """

    broker: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]*$", max_length=64)]
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    ssid: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    wifi_password: Annotated[str, Field(min_length=8, max_length=63)] | None = None
    account: Annotated[str, Field(min_length=1, max_length=32)] | None = None  # else the node's id
    broker_password: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    push_s: Annotated[int, Field(ge=10, le=43200)] = 3600
    backfill_kb_per_hour: Annotated[int, Field(ge=0, le=65535)] = 0  # 0: as fast as it goes

    @property
    def secrets(self) -> dict[str, str]:
        """What never shows: the passwords that the file has."""
        given = {"wifi": self.wifi_password, "broker": self.broker_password}
        return {name: value for name, value in given.items() if value is not None}


class Config(_Strict):
    """A config file."""

    version: Literal[1] = 1
    board: Annotated[str, Field(min_length=1, max_length=32)]
    name: Annotated[str, Field(max_length=32)] = ""
    interval_s: Seconds = 60
    commit_seconds: Annotated[float, Field(ge=1, le=3600)] = 60
    visit_s: Annotated[int, Field(ge=5, le=86400)] = 1800
    clock: Literal["ds3231"] | None = None
    bus: Buses = Buses()
    uplink: Uplink | None = None
    channel: Annotated[list[Channel], Field(min_length=1, max_length=rules.MAX_CHANNELS)]
    alarm: Annotated[list[Alarm], Field(max_length=16)] = []


_ANALOG = {"analog_4_20ma", "battery"}  # on a loop input the shunt is left out
PIN_FUNCTIONS = {
    "pulse": {"count"},
    "4-20mA": {"analog_4_20ma"},
    "voltage": _ANALOG,
    "ph": _ANALOG,
    "orp": _ANALOG,
    "conductivity": _ANALOG,
    "tds": _ANALOG,
    "turbidity": _ANALOG,
    "oxygen": _ANALOG,
    "battery": {"battery"},
    "ds18b20": {"onewire"},
}

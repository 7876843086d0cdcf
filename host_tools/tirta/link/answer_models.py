# SPDX-License-Identifier: MIT
"""What each JSON answer of a node must be (FORMAT.md section 10): types, ranges, lengths.

Used by `tirta.link.answers` alone. Keys that a model does not name are left out.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from tirta_format import calibration, frame, staging, updates

NODE_ID = r"^[0-9A-Za-z][0-9A-Za-z_-]{0,31}$"
MAX_GROUPS = 33  # of channels with one period: each of 32, and the records themselves

_U8 = Annotated[int, Field(ge=0, lt=1 << 8)]
_U32 = Annotated[int, Field(ge=0, lt=1 << 32)]
_U64 = Annotated[int, Field(ge=0, lt=1 << 64)]
_I32 = Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)]
_UNIX_MS = Annotated[int, Field(ge=0, lt=4_102_444_800_000)]  # up to the year 2100
_Unix = Annotated[int, Field(ge=0, lt=4_102_444_800)]
_Text = Annotated[str, Field(max_length=64)]
_Node = Annotated[str, Field(pattern=NODE_ID)]
_Board = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]{0,31})?$")]
_Flag = Literal[1, 2, 3, 4, 9]
_Share = Annotated[float, Field(ge=0, le=1)]
_Clock = Literal["unset", "holdover", "synchronised"]
_Mode = Literal["open", "locked"]
_Row = tuple[_Text, _I32 | None, _Flag]
_Rows = Annotated[list[_Row], Field(max_length=64)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


class _Hello(_Answer):
    tirta: _U8
    node: _Node
    board: _Board
    firmware: _Text
    mode: _Mode
    name: _Text = ""


class Status(_Answer):
    """The first three are what anyone may know; the rescue and older firmware lack some others."""

    node: _Node
    mode: _Mode = "open"
    locked_out_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    epoch: _U32 = 0
    next_record: _U32 = 0
    oldest_record: _U32 = 0
    overruns: _U64 = 0
    flash_overruns: _U64 = 0
    worst_late_ms: _U64 = 0
    lost: _U64 = 0
    log_used: _Share = 0
    bad_pages: _U32 = 0
    ring_used: _U32 = 0
    clock: _Clock = "unset"
    unix: _Unix = 0
    uptime_s: _U32 = 0
    boot: _U32 = 0
    cause: _Text = ""
    config: _U32 = 0
    interval_s: Annotated[float, Field(ge=0.001, le=86_400)] = 60
    alarms: Annotated[list[_Text], Field(max_length=64)] = []
    heap_free: _U32 = 0
    dropped_frames: _U64 = 0
    one_wire: Annotated[list[_U64], Field(min_length=2, max_length=16)] | None = None
    modbus: Annotated[list[_U64], Field(min_length=5, max_length=16)] | None = None
    network_heap: _U32 | None = None
    uplink: Annotated[
        tuple[_Text, _Text, Annotated[int, Field(ge=-1, lt=1 << 40)]] | None, Field(strict=False)
    ] = None


class _Values(_Answer):
    number: _U32
    boot: _U32 = 0
    slot: Annotated[int, Field(ge=-1, lt=1 << 32)] = -1
    age_ms: Annotated[int, Field(ge=-86_400_000, lt=1 << 32)] = 0
    unix_ms: _UNIX_MS = 0
    values: _Rows


class _Group(_Answer):
    channels: Annotated[list[_Text], Field(max_length=64)]
    period_ms: Annotated[int, Field(ge=1, le=86_400_000)]
    overruns: _U64
    flash: _U64
    worst_late_ms: _U64
    late: Annotated[list[_U64], Field(max_length=32)] = []


class _Timing(_Answer):
    groups: Annotated[list[_Group], Field(max_length=MAX_GROUPS)] = []
    more: bool = False
    work: Annotated[dict[_Text, tuple[_U64, _U64]], Field(max_length=16)] = {}


class _ClockSet(_Answer):
    clock: _Clock
    refused_by: _Text = ""


class _Applied(_Answer):
    hash: _U32
    state: _Text


class _ConfigTrial(_Answer):
    hash: _U32
    state: Literal["trial", "active", "none"]
    problem: _Text = ""
    test: _Rows | None = None


class _Who(_Answer):
    district: _Text = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] = 0
    longitude: Annotated[float, Field(ge=-180, le=180)] = 0


class _Calibration(_Answer):
    sensor: _Text
    scale: Annotated[int, Field(ge=1, le=1_000_000)]
    base: Annotated[dict[_Text, JsonValue], Field(max_length=16)]
    keys: Annotated[dict[_Text, JsonValue], Field(max_length=16)]
    unix: _Unix
    method: _Text


class _Calibrations(RootModel[Annotated[dict[_Text, _Calibration], Field(max_length=32)]]):
    model_config = ConfigDict(strict=True)


class _Probe(_Answer):
    raw: _I32
    flag: _Flag
    centi: _I32 | None
    ms: _U64 = 0


class _Slots(_Answer):
    running: Literal["", "a", "b"]
    version: _Text
    board: _Board
    other: Literal["a", "b"]
    blocks: Annotated[int, Field(ge=1, le=65_535)]
    block: Literal[512, 1024] = 1024  # version 0.1.0 does not say it
    trial: _Text
    boots: _U8
    previous: _Text
    begun: bool = False  # version 0.1.0 does not say it
    micropython: Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){2}$")]
    mpy: _U32


class _Change(_Answer):
    from_: _Text = Field(alias="from")
    to: _Text


class _Nothing(_Answer):
    pass


MODELS: dict[int, type[BaseModel]] = {
    frame.HELLO: _Hello,
    frame.STATUS: Status,
    frame.CONFIG_APPLY: _Applied,
    frame.CLOCK_SET: _ClockSet,
    frame.VALUES: _Values,
    frame.TIMING: _Timing,
    calibration.CALIBRATE: _Nothing,
    calibration.CALIBRATIONS: _Calibrations,
    calibration.PROBE: _Probe,
    staging.STAGE: _Applied,
    staging.CONFIRM: _Applied,
    staging.TRIAL: _ConfigTrial,
    staging.WHO: _Who,
    staging.WHO_PUT: _Nothing,
    staging.SECRETS_PUT: _Nothing,
    updates.SLOTS: _Slots,
    updates.TRY: _Change,
    updates.BACK: _Change,
}

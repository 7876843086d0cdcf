# SPDX-License-Identifier: MIT
"""What a node may answer (FORMAT.md section 10): the one place where its words are believed.

Every JSON answer has a model here, with types, ranges and lengths; a text comes out on one line
and printable. What does not fit raises ValueError, and nothing of it is used. Keys that a newer
node adds are left out; keys that an older one lacks are absent.
"""

import json
import struct
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from tirta.text import bounded
from tirta_format import calibration, frame, staging, updates
from tirta_format import page as format_page

NODE_ID = r"^[0-9A-Za-z][0-9A-Za-z_-]{0,31}$"
MAX_PAGES = 65_536  # in a log: 256 MB, more than any flash of these chips
MAX_GROUPS = 33  # of channels with one period: each of 32, and the records themselves
_MOST_DIGITS = 20

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


class _Status(_Answer):
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
    uptime_s: _U64 = 0
    boot: _U32 = 0
    cause: _Text = ""
    config: _U32 = 0
    interval_s: Annotated[float, Field(ge=0.001, le=86_400)] = 60
    alarms: Annotated[list[_Text], Field(max_length=64)] = []
    heap_free: _U32 = 0
    dropped_frames: _U64 = 0


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


class _Trial(_Answer):
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
    trial: _Text
    boots: _U8
    previous: _Text
    micropython: Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){2}$")]
    mpy: _U32


class _Change(_Answer):
    from_: _Text = Field(alias="from")
    to: _Text


class _Nothing(_Answer):
    pass


_MODELS: dict[int, type[BaseModel]] = {
    frame.HELLO: _Hello,
    frame.STATUS: _Status,
    frame.CONFIG_APPLY: _Applied,
    frame.CLOCK_SET: _ClockSet,
    frame.VALUES: _Values,
    frame.TIMING: _Timing,
    calibration.CALIBRATE: _Nothing,
    calibration.CALIBRATIONS: _Calibrations,
    calibration.PROBE: _Probe,
    staging.STAGE: _Applied,
    staging.CONFIRM: _Applied,
    staging.TRIAL: _Trial,
    staging.WHO: _Who,
    staging.WHO_PUT: _Nothing,
    updates.SLOTS: _Slots,
    updates.TRY: _Change,
    updates.BACK: _Change,
}
# What `tirta status` shows; every firmware since 0.1.0 tells it, the rescue too.
WHOLE_STATUS = frozenset((
    "epoch", "next_record", "oldest_record", "overruns", "lost", "log_used", "clock", "mode",
    "alarms", "boot", "cause", "uptime_s", "heap_free",
))  # fmt: skip


def read(kind: int, answer: bytes) -> dict[str, Any]:
    """The JSON answer to a request of this type, as far as it was sent. Raises ValueError."""
    try:
        document = json.loads(answer, parse_int=_short, parse_float=float, parse_constant=_never)
        document = bounded(document)
        found = _MODELS[kind].model_validate_json(json.dumps(document))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    told = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert isinstance(told, dict)  # noqa: S101  all models are objects
    return told


def filled(status: dict[str, Any]) -> dict[str, Any]:
    """A checked status in which nothing lacks: what a node did not tell is 0, empty or unset."""
    return _Status(**status).model_dump(mode="json")


def _short(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


def _never(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


@dataclass(frozen=True)
class Hello:
    """Who answers."""

    node: str
    board: str
    firmware: str
    mode: str
    name: str

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """Of a checked answer."""
        return cls(*(told.get(key, "") for key in cls.__dataclass_fields__))


@dataclass(frozen=True)
class Committed:
    """Where the durable log ends: the next record, the newest page, the end of its chunks."""

    next_record: int
    page: int
    end: int

    @classmethod
    def of(cls, answer: bytes) -> Self:
        """Raises ValueError for what no log can be."""
        found = cls(*_unpacked("<IIH", answer))
        if found.end > format_page.SIZE:
            raise ValueError("a page ends behind its end")
        return found


@dataclass(frozen=True)
class IndexEntry:
    """One page in the node's log."""

    page: int
    first_record: int
    header_crc: int


def index(answer: bytes, since: int) -> tuple[list[IndexEntry], bool]:
    """The pages of an answer, whose sequences go up from `since` on, and whether more follow.

    Raises ValueError.
    """
    if not answer or (len(answer) - 1) % struct.calcsize(frame.INDEX_ENTRY) or answer[0] > 1:
        raise ValueError("an index of another length")
    found = [IndexEntry(*e) for e in struct.iter_unpack(frame.INDEX_ENTRY, answer[1:])]
    for entry in found:
        if entry.page < since:
            raise ValueError("an index that does not go up")
        since = entry.page + 1
    if answer[0] and not found:
        raise ValueError("an index without an end")
    return found, bool(answer[0])


def part(answer: bytes, most: int) -> tuple[int, bytes]:
    """(length of the whole, a part) of a text of at most `most` bytes. Raises ValueError."""
    (whole,) = _unpacked("<H", answer[:2])
    if whole > most or len(answer) - 2 > whole:
        raise ValueError("a text longer than it may be")
    return whole, answer[2:]


def number(layout: str, answer: bytes, most: int) -> int:
    """The one number of an answer, at most `most`. Raises ValueError."""
    (found,) = _unpacked(layout, answer)
    if found > most:
        raise ValueError("a number that is too large")
    return int(found)


def exactly(size: int, answer: bytes) -> bytes:
    """An answer that has so many bytes. Raises ValueError."""
    if len(answer) != size:
        raise ValueError("an answer of another length")
    return answer


def _unpacked(layout: str, answer: bytes) -> tuple[Any, ...]:
    """The beginning of an answer; longer ones are of a newer node."""
    if len(answer) < struct.calcsize(layout):
        raise ValueError("an answer that is cut off")
    return struct.unpack_from(layout, answer)

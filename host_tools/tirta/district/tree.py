# SPDX-License-Identifier: MIT
"""The district file: zones, what meters them, who lives there, and where the nodes are.

Words: a *zone* is a part of the network that meters close off; water enters it through its `in`
meters, out of its parent. A *meter* is written NODE/CHANNEL. docs/DISTRICT.md shows a whole file.
"""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from tirta.district import calendar
from tirta.district.calendar import Calendar
from tirta.district.leakage import NightUse
from tirta.district.night import NightWindow
from tirta.errors import TirtaError
from tirta.files import toml_file
from tirta.files.paths import doc
from tirta.water import definitions as d
from tirta.water.limits import first_problem

DEFAULT_ZONE = "Asia/Jakarta"
_METER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}/[a-z][a-z0-9_]*")


def _meter(text: str) -> str:
    if not _METER.fullmatch(text):
        raise ValueError(f"{text!r} names no meter: write NODE/CHANNEL, 02fb6be30001/flow")
    return text


Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,31}$")]
Meter = Annotated[str, AfterValidator(_meter)]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_Name = Annotated[str, Field(max_length=64)]
_Amount = Annotated[float, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NightHours(_Strict):
    """The night window in local hours, and the pressure that must hold in it."""

    from_h: Annotated[float, Field(ge=-6, le=12)] = d.NIGHT_FROM_H
    to_h: Annotated[float, Field(ge=-5, le=12)] = d.NIGHT_TO_H
    pressure_min_m: _Amount = d.PRESSURE_MIN_M

    @model_validator(mode="after")
    def _an_hour_or_more(self) -> "NightHours":
        if self.to_h - self.from_h < 1:
            raise ValueError("the night window must be an hour or longer")
        return self


class Zone(_Strict):
    """A zone; without connections or their night use there is no leakage estimate."""

    id: Id
    name: _Name = ""
    parent: Id | None = None
    inlets: Annotated[list[Meter], Field(alias="in", min_length=1)]
    outlets: Annotated[list[Meter], Field(alias="out")] = []
    reverse: list[Meter] = []  # pulses that ran backwards
    pressure: Meter | None = None
    connections: Annotated[int, Field(ge=0)] | None = None
    litres_per_connection_h: _Amount | None = None
    named_users_lps: _Amount = 0.0
    night_use_uncertainty: Annotated[float, Field(ge=0, le=2)] = 0.3
    meter_accuracy: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    n1: Annotated[float, Field(ge=0, le=3)] = d.N1
    max_lps: Annotated[float, Field(gt=0)] | None = None  # more than any of its meters can pass
    billed_m3: dict[Month, _Amount] = {}
    unbilled_m3: dict[Month, _Amount] = {}  # authorised and not billed: fire, flushing, mosques
    unauthorised_share: Annotated[float, Field(ge=0, le=1)] | None = None  # of the system input
    customer_meter_error: Annotated[float, Field(ge=0, lt=1)] | None = None  # how much too little
    mains_km: Annotated[float, Field(gt=0)] | None = None
    private_pipe_m: _Amount = 0.0  # mean length from the street to a customer's meter
    pressure_mean_m: Annotated[float, Field(gt=0)] | None = None  # where no sensor tells it

    @property
    def night_use(self) -> NightUse | None:
        """What is used at night with good reason; None where the file does not say."""
        if self.connections is None or self.litres_per_connection_h is None:
            return None
        return NightUse(
            self.connections,
            self.litres_per_connection_h,
            self.named_users_lps,
            self.night_use_uncertainty,
        )

    @property
    def title(self) -> str:
        """What a person calls the zone."""
        return self.name or self.id


class Place(_Strict):
    """A node of the district: its name, zone and position."""

    id: Id
    name: _Name = ""
    zone: Id | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None


class District(_Strict):
    """The whole file."""

    version: Literal[1] = 1
    name: _Name = ""
    time_zone: str = DEFAULT_ZONE
    night: NightHours = NightHours()
    weekend: list[Weekday] = ["saturday", "sunday"]  # in their order
    holidays: list[str] = []
    price_per_m3: _Amount | None = None  # what a cubic metre that is won back is worth
    currency: Annotated[str, Field(max_length=8)] = "Rp"
    zone: list[Zone] = []
    node: list[Place] = []

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is no time zone, as {DEFAULT_ZONE} is one") from error
        return name

    @field_validator("holidays")
    @classmethod
    def _holidays_are_dates(cls, entries: list[str]) -> list[str]:
        calendar.dates(entries)
        return entries

    @model_validator(mode="after")
    def _is_a_tree(self) -> "District":
        for what, ids in (("zone", [z.id for z in self.zone]), ("node", [n.id for n in self.node])):
            twice = next((i for i in ids if ids.count(i) > 1), None)
            if twice:
                raise ValueError(f"{what} {twice} is there twice")
        zones = {zone.id: zone for zone in self.zone}
        for zone in self.zone:
            if zone.parent is not None and zone.parent not in zones:
                raise ValueError(f"zone {zone.id} has the unknown parent {zone.parent}")
        for node in self.node:
            if node.zone is not None and node.zone not in zones:
                raise ValueError(f"node {node.id} is in the unknown zone {node.zone}")
        for zone in self.zone:
            _walk_up(zone, zones)
        _meters_count_once(self.zone)
        return self

    @property
    def tz(self) -> ZoneInfo:
        """The district's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def window(self) -> NightWindow:
        """The night window, with the district's time zone and calendar."""
        night = self.night
        return NightWindow(self.tz, night.from_h, night.to_h, night.pressure_min_m, self.calendar)

    @property
    def calendar(self) -> Calendar:
        """The class of each day."""
        weekend = tuple(calendar.WEEKDAYS.index(day) for day in self.weekend)
        return Calendar(weekend, calendar.dates(self.holidays))

    def children(self, zone_id: str | None) -> list[Zone]:
        """Return the zones that take their water from this one; of None, the roots."""
        return [zone for zone in self.zone if zone.parent == zone_id]

    def nodes_named(self) -> set[str]:
        """Return every node that the file speaks of."""
        meters = {
            m.partition("/")[0]
            for z in self.zone
            for m in (*z.inlets, *z.outlets, *z.reverse, *([z.pressure] if z.pressure else []))
        }
        return meters | {node.id for node in self.node}


def _walk_up(zone: Zone, zones: dict[str, Zone]) -> None:
    seen = [zone.id]
    while zone.parent is not None:
        zone = zones[zone.parent]
        if zone.id in seen:
            raise ValueError(f"the parents go in a circle: {' <- '.join([*seen, zone.id])}")
        seen.append(zone.id)


def _meters_count_once(zones: Sequence[Zone]) -> None:
    """Refuse a meter whose water would count twice: into two zones, out of two, or both of one."""
    into: dict[str, str] = {}
    out: dict[str, str] = {}
    for zone in zones:
        for what, meters, before in (("in", zone.inlets, into), ("out", zone.outlets, out)):
            for meter in meters:
                if meter in before:
                    raise ValueError(
                        f"meter {meter} is {what!r} of zone {before[meter]} and again of zone"
                        f" {zone.id}: its water would count twice"
                    )
                before[meter] = zone.id
        for meter in zone.outlets:
            if meter in zone.inlets:
                raise ValueError(f"meter {meter} is 'in' and 'out' of zone {zone.id}")


_TABLES = (District, NightHours, Zone, Place)


def load(path: Path) -> District:
    """Read a district file; TirtaError names the first thing that is wrong with it."""
    try:
        return District.model_validate(toml_file.load(path))
    except OSError as error:
        raise TirtaError(
            f"Cannot read {path}: {error.strerror}.", "Name a district file: --district FILE."
        ) from error
    except ValidationError as error:
        raise TirtaError(
            f"{path} is no district file: {first_problem(error, *_TABLES)}.",
            f"{doc('DISTRICT.md')} shows a whole file with every key.",
        ) from error


def billed(zone: Zone, first: date, last: date) -> float | None:
    """Return what was billed in exactly these days: only whole months that the file has, else
    None.
    """
    return _of_months(zone.billed_m3, first, last)


def unbilled(zone: Zone, first: date, last: date) -> float | None:
    """Return what was used with authority and not billed in exactly these days, else None."""
    return _of_months(zone.unbilled_m3, first, last)


def _of_months(known: dict[Month, float], first: date, last: date) -> float | None:
    months = [f"{y:04d}-{m:02d}" for y, m in _months(first, last)]
    if not months or first.day != 1 or any(m not in known for m in months):
        return None
    beyond = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    if (beyond - last).days != 1:
        return None
    return sum(known[m] for m in months)


def _months(first: date, last: date) -> list[tuple[int, int]]:
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [
        (first.year + (first.month - 1 + i) // 12, (first.month - 1 + i) % 12 + 1)
        for i in range(count)
    ]

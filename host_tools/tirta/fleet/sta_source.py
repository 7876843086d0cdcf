# SPDX-License-Identifier: MIT
"""What SensorThings serves, read from the tables of archives: nodes, their channels, their records.

An *entity* has a kind, an identifier and values; what it is tied to is found when somebody asks.
Identifiers are those of `tirta export --to sensorthings`, so both may meet in one server. A record
without a time, or without a value, is no Observation.
"""

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from tirta.exports import sites
from tirta.exports.sensorthings import MEASUREMENT, flag_name, stream_id
from tirta.fleet.sta_tables import CityTables, TimeRange, ToldChannels

GEOJSON = "application/geo+json"
_PREFIX = "tirta:"


class NodeChannel(NamedTuple):
    """A channel of a node."""

    city: str
    archive: Path
    tables: CityTables
    node: str
    channel: str


@dataclass(frozen=True)
class Entity:
    """`of` is the channel that it is about; its `channel` is empty where it is about the node."""

    kind: str
    id: str
    of: NodeChannel
    values: Mapping[str, Any] = field(default_factory=dict)


class StaSource:
    """Those cities that somebody may see: their archives, and the lake that they share, or none."""

    def __init__(self, cities: Mapping[str, Path], lake: Path | None = None) -> None:
        self._cities = [
            (city, archive, CityTables(city, archive, lake))
            for city, archive in sorted(cities.items())
        ]

    def nodes(self) -> Iterator[NodeChannel]:
        """Yield every node that has tables, by city and id."""
        for city, archive, tables in self._cities:
            for node in tables.nodes():
                yield NodeChannel(city, archive, tables, node, "")

    def node(self, node: str) -> Iterator[NodeChannel]:
        """Find a node by its id; nothing where it is not there, or not to be seen."""
        if node.isalnum():
            for city, archive, tables in self._cities:
                if tables.has(node):
                    yield NodeChannel(city, archive, tables, node, "")

    def streams(self, of: NodeChannel) -> Iterator[NodeChannel]:
        """Yield the channels of a node, by name."""
        for channel in sorted(told_of(of)):
            yield of._replace(channel=channel)

    def found(self, identifier: str, parts: int) -> Iterator[tuple[NodeChannel, list[str]]]:
        """Find the node that an identifier of so many parts names, and give its other parts."""
        told = identifier.split(":")
        if identifier.startswith(_PREFIX) and len(told) == parts:
            for of in self.node(told[1]):
                yield of, told[2:]


def told_of(of: NodeChannel) -> ToldChannels:
    """Return what the newest table says of each channel of a node."""
    return of.tables.channels(of.node)


def site_of(of: NodeChannel) -> sites.Site | None:
    """Return where a node stands, as far as sites.csv says so. Raises TirtaError."""
    path = of.archive / sites.FILE
    as_of = path.stat().st_mtime_ns if path.exists() else 0
    return _sites(of.archive, as_of).get(of.node)


@functools.lru_cache(maxsize=1024)
def _sites(archive: Path, _as_of: int) -> dict[str, sites.Site]:
    return sites.read(archive)


def name_of(of: NodeChannel) -> str:
    """Return what people call a node."""
    site = site_of(of)
    told = (row["node_name"] for row in told_of(of).values() if row["node_name"])
    return (site.name if site else "") or next(told, "") or of.node


def thing(of: NodeChannel) -> Entity:
    """Make a Thing of a node."""
    board = next((row["board"] for row in told_of(of).values() if row["board"]), "")
    return Entity("Things", f"{_PREFIX}{of.node}", of, {
        "name": name_of(of), "description": f"Sensor node {of.node} of a water network.",
        "properties": {"city": of.city, "node": of.node, "board": board},
    })  # fmt: skip


def location(of: NodeChannel) -> Iterator[Entity]:
    """Make a Location of a node's site; none where nobody said where it stands."""
    if site := site_of(of):
        yield Entity("Locations", f"{_PREFIX}{of.node}:site", of, {
            "name": name_of(of), "description": f"Where node {of.node} stands.",
            "encodingType": GEOJSON, "location": site.point, "properties": {"city": of.city},
        })  # fmt: skip


def feature(of: NodeChannel) -> Entity:
    """Make the FeatureOfInterest of a node: the water where it stands."""
    site = site_of(of)
    nowhere: dict[str, object] = {"type": "Feature", "geometry": None, "properties": {}}
    return Entity("FeaturesOfInterest", f"{_PREFIX}{of.node}:water", of, {
        "name": name_of(of), "description": f"The water at node {of.node}.",
        "encodingType": GEOJSON, "feature": site.point if site else nowhere,
        "properties": {"city": of.city},
    })  # fmt: skip


def datastream(of: NodeChannel) -> Entity:
    """Make a Datastream of a channel."""
    told = told_of(of)[of.channel]
    unit = told["unit"] or None
    return Entity("Datastreams", stream_id(of.node, of.channel), of, {
        "name": of.channel, "description": f"{of.channel} of node {of.node}",
        "observationType": MEASUREMENT,
        "unitOfMeasurement": {"name": unit, "symbol": unit, "definition": None},
        "properties": {"city": of.city, "node": of.node, "interval_ms": told["interval_ms"]},
    })  # fmt: skip


def sensor(of: NodeChannel) -> Entity:
    """Make a Sensor of what a channel is read from."""
    kind = told_of(of)[of.channel]["sensor"]
    return Entity("Sensors", f"{stream_id(of.node, of.channel)}:sensor", of, {
        "name": kind, "description": f"{kind} on channel {of.channel} of node {of.node}",
        "encodingType": "application/json",
        "metadata": json.dumps({"sensor": kind, "channel": of.channel}),
        "properties": {},
    })  # fmt: skip


def observed_property(of: NodeChannel) -> Entity:
    """Make the ObservedProperty of what a channel measures."""
    quantity = told_of(of)[of.channel]["quantity"]
    return Entity("ObservedProperties", f"{_PREFIX}{quantity}", of, {
        "name": quantity, "description": quantity,
        "definition": f"urn:tirta:quantity:{quantity}", "properties": {},
    })  # fmt: skip


def observations(of: NodeChannel, within: TimeRange) -> Iterator[Entity]:
    """Yield the Observations of a channel by time."""
    for table in of.tables.records(of.node, of.channel, within):
        yield from _made(of, table)


def observation(of: NodeChannel, epoch: int, number: int) -> Iterator[Entity]:
    """Find one by the identity of its record."""
    for table in of.tables.record(of.node, of.channel, epoch, number):
        yield from _made(of, table)


def _made(of: NodeChannel, table: pa.Table) -> Iterator[Entity]:
    stream = stream_id(of.node, of.channel)
    names = ("time_utc", "value", "flag", "epoch", "number", "time_quality")
    columns = (table.column(name).to_pylist() for name in names)
    for time, value, flag, epoch, number, quality in zip(*columns, strict=True):
        if time is not None and value is not None:
            yield Entity("Observations", f"{stream}:{epoch}:{number}", of, {
                "phenomenonTime": time, "resultTime": time, "result": value,
                "resultQuality": flag_name(flag),
                "parameters": {"flag": flag, "epoch": epoch, "number": number,
                               "time_quality": quality},
            })  # fmt: skip

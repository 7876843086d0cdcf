# SPDX-License-Identifier: MIT
"""The entities of SensorThings 1.1 (OGC 18-088, section 8), what they have, and how they are tied.

HistoricalLocations are an empty set: an archive knows where a node stands, not where it stood.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from tirta.fleet import sta_source as source
from tirta.fleet.sta_options import QueryError
from tirta.fleet.sta_source import Entity, NodeChannel, StaSource
from tirta.fleet.sta_tables import TimeRange

EVERY = TimeRange()


@dataclass(frozen=True)
class EntityKind:
    """`properties` in the order of the standard; `ties` by name: the kind that it leads to, and
    whether to many.
    """

    properties: tuple[str, ...]
    ties: dict[str, tuple[str, bool]]


_MANY = {
    name: (name, True)
    for name in ("Things", "Locations", "HistoricalLocations", "Datastreams", "Observations")
}
_ONE = {
    "Thing": ("Things", False), "Datastream": ("Datastreams", False),
    "Sensor": ("Sensors", False), "ObservedProperty": ("ObservedProperties", False),
    "FeatureOfInterest": ("FeaturesOfInterest", False),
}  # fmt: skip
_TIES = _MANY | _ONE


def _kind(properties: str, ties: str) -> EntityKind:
    return EntityKind(tuple(properties.split()), {name: _TIES[name] for name in ties.split()})


KINDS = {
    "Things": _kind("name description properties", "Locations HistoricalLocations Datastreams"),
    "Locations": _kind(
        "name description encodingType location properties", "Things HistoricalLocations"
    ),
    "HistoricalLocations": _kind("time", "Thing Locations"),
    "Datastreams": _kind(
        "name description observationType unitOfMeasurement properties",
        "Thing Sensor ObservedProperty Observations",
    ),
    "Sensors": _kind("name description encodingType metadata properties", "Datastreams"),
    "ObservedProperties": _kind("name definition description properties", "Datastreams"),
    "Observations": _kind(
        "phenomenonTime resultTime result resultQuality parameters", "Datastream FeatureOfInterest"
    ),
    "FeaturesOfInterest": _kind("name description encodingType feature properties", "Observations"),
}
_OF_NODE: dict[str, Callable[[NodeChannel], Iterable[Entity]]] = {
    "Things": lambda of: [source.thing(of)],
    "Locations": source.location,
    "FeaturesOfInterest": lambda of: [source.feature(of)],
    "HistoricalLocations": lambda _: [],
}
_OF_CHANNEL: dict[str, Callable[[NodeChannel], Entity]] = {
    "Datastreams": source.datastream, "Sensors": source.sensor,
    "ObservedProperties": source.observed_property,
}  # fmt: skip
_PARTS = {"Things": 2, "Locations": 3, "FeaturesOfInterest": 3, "Datastreams": 3, "Sensors": 4}


def every(there: StaSource, kind: str, within: TimeRange = EVERY) -> Iterator[Entity]:
    """Yield all entities of a kind, by city, node and channel, Observations then by time."""
    if kind in _OF_NODE:
        for of in there.nodes():
            yield from _OF_NODE[kind](of)
        return
    streams = chain.from_iterable(map(there.streams, there.nodes()))
    if kind == "Observations":
        yield from chain.from_iterable(source.observations(of, within) for of in streams)
        return
    seen = set()
    for of in streams:
        found = _OF_CHANNEL[kind](of)
        if kind != "ObservedProperties" or found.id not in seen:
            seen.add(found.id)
            yield found


def one(there: StaSource, kind: str, identifier: str) -> Entity | None:
    """Find an entity; None where there is none, or none to be seen."""
    if kind == "ObservedProperties":
        return next((e for e in every(there, kind) if e.id == identifier), None)
    if kind == "Observations":
        for of, (channel, epoch, number) in there.found(identifier, 5):
            if channel in source.told_of(of) and epoch.isdecimal() and number.isdecimal():
                stream = of._replace(channel=channel)
                return next(source.observation(stream, int(epoch), int(number)), None)
        return None
    for of, rest in there.found(identifier, _PARTS.get(kind, 0)):
        if kind in _OF_NODE:
            return next((e for e in _OF_NODE[kind](of) if e.id == identifier), None)
        if rest[0] in source.told_of(of):
            found = _OF_CHANNEL[kind](of._replace(channel=rest[0]))
            return found if found.id == identifier else None
    return None


def tied(
    there: StaSource, entity: Entity, name: str, within: TimeRange = EVERY
) -> Iterator[Entity]:
    """Yield what an entity is tied to by that name."""
    kind, of = KINDS[entity.kind].ties[name][0], entity.of
    if kind in _OF_NODE:
        yield from _OF_NODE[kind](of)
    elif kind == "Observations":
        streams = [of] if entity.kind == "Datastreams" else there.streams(of)
        yield from chain.from_iterable(source.observations(one, within) for one in streams)
    elif kind == "Datastreams" and entity.kind == "ObservedProperties":
        for stream in every(there, "Datastreams"):
            if source.observed_property(stream.of).id == entity.id:
                yield stream
    elif kind == "Datastreams" and entity.kind == "Things":
        yield from map(source.datastream, there.streams(of))
    else:
        yield _OF_CHANNEL[kind](of)


def value(there: StaSource, entity: Entity, path: str) -> Any:
    """Return what a path names of an entity: a property, a part of one, or one of what it is tied
    to. None where it has none. Raises QueryError where its kind cannot have it.
    """
    first, _, rest = path.partition("/")
    kind = KINDS[entity.kind]
    if first in {"id", "@iot.id"} and not rest:
        return entity.id
    if first in kind.ties:
        if kind.ties[first][1] or not rest:
            raise QueryError(f"{path} is no single value of {entity.kind}")
        other = next(tied(there, entity, first), None)
        return None if other is None else value(there, other, rest)
    if first not in kind.properties:
        raise QueryError(f"{entity.kind} have no {first}")
    found = entity.values.get(first)
    for part in rest.split("/") if rest else ():
        found = found.get(part) if isinstance(found, dict) else None
    return found

# SPDX-License-Identifier: MIT
"""OGC SensorThings API 1.1 (OGC 18-088) over HTTP, for reading only: addresses and errors.

What it claims is in `CONFORMANCE`, which the root tells, too: the data model, all addresses of
entities, and of the requests for data all but the functions of $filter, of which there is a part.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tirta.fleet import sta_model, sta_options
from tirta.fleet.gathering import Gathering
from tirta.fleet.sta_answers import Answers, plain
from tirta.fleet.sta_model import KINDS
from tirta.fleet.sta_options import QueryError, QueryOptions
from tirta.fleet.sta_source import Entity, StaSource
from tirta.fleet.sta_tables import TimeRange

ROOT = "/sensorthings/v1.1"
_CLASS = "http://www.opengis.net/spec/iot_sensing/1.1/req"
CONFORMANCE = [
    f"{_CLASS}/datamodel",
    f"{_CLASS}/resource-path/resource-path-to-entities",
    *(f"{_CLASS}/request-data/{name}" for name in (
        "status-code", "query-status-code", "order", "expand", "select", "orderby", "skip", "top",
        "filter", "built-in-filter-operations", "count", "pagination",
    )),
]  # fmt: skip
_SEGMENT = re.compile(r"([A-Za-z]+)(?:\('((?:[^']|'')*)'\))?")
_MOST_SEGMENTS = 12


class NotThereError(Exception):
    """There is nothing at this address."""


class SensorThings:
    """Answers requests below ROOT, of the cities that a key opens."""

    def __init__(self, fleet: Gathering, lake: Path | None = None) -> None:
        self._fleet, self._lake = fleet, lake

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path_params.get("path", "").strip("/")
        root = f"{str(request.base_url).rstrip('/')}{ROOT}"
        try:
            if not path:
                return JSONResponse(_index(root))
            return self._found(request, root, path)
        except NotThereError:
            return _not_done(404, "there is nothing at this address")
        except QueryError as error:
            return _not_done(400, str(error))
        except NotImplementedError as error:
            return _not_done(501, str(error))

    def _source(self, request: Request) -> StaSource:
        may_see = request.state.cities
        cities: dict[str, Path] = {}
        for name in self._fleet.names():
            archive = self._fleet.archive(name)
            if archive is not None and (may_see is None or name in may_see):
                cities[name] = archive
        return StaSource(cities, self._lake)

    def _found(self, request: Request, root: str, path: str) -> Response:
        there = self._source(request)
        wanted = sta_options.read(request.query_params.multi_items())
        answers = Answers(there, root)
        segments = path.split("/")
        if len(segments) > _MOST_SEGMENTS:
            raise NotThereError
        refs = segments[-1] == "$ref"
        way = _Way(there)
        for at, segment in enumerate(segments[:-1] if refs else segments):
            if way.entity is not None and not way.leads(segment):
                return _property(way.entity, segments[at:])
            way.go(segment)
        if way.entity is not None:
            if refs:
                return JSONResponse({"@iot.selfLink": answers.link(way.entity)})
            return JSONResponse(answers.entity(way.entity, wanted))
        asked = replace(wanted, select=("@iot.selfLink",), expand=()) if refs else wanted
        page, more, count = answers.set(way.kind, way.entities, asked, by_time=way.by_time)
        written: dict[str, Any] = {} if count is None else {"@iot.count": count}
        if more:
            written["@iot.nextLink"] = f"{root}/{path}?{_next(request, wanted)}"
        return JSONResponse({**written, "value": page})


class _Way:
    """Where an address has led so far: to an entity, or to a set of a kind."""

    def __init__(self, there: StaSource) -> None:
        self._there = there
        self.entity: Entity | None = None
        self.kind = ""
        self.by_time = False  # a set that comes by time
        self._from: Entity | None = None
        self._name = ""

    def entities(self, within: TimeRange) -> Iterator[Entity]:
        """Yield the set."""
        if self._from is None:
            return sta_model.every(self._there, self.kind, within)
        return sta_model.tied(self._there, self._from, self._name, within)

    def leads(self, segment: str) -> bool:
        """Return whether a segment after an entity leads on to others."""
        found = _SEGMENT.fullmatch(segment)
        return bool(found and self.entity and found[1] in KINDS[self.entity.kind].ties)

    def go(self, segment: str) -> None:
        """Go on by a segment. Raises NotThereError."""
        found = _SEGMENT.fullmatch(segment)
        if not found or (self.entity is None and self.kind):
            raise NotThereError
        name, identifier = found[1], found[2]
        self._from, self._name = self.entity, name
        many = True
        if self.entity is None:
            if name not in KINDS:
                raise NotThereError
            self.kind = name
        else:
            self.kind, many = KINDS[self.entity.kind].ties[name]
        self.by_time = self._from is not None and self._from.kind == "Datastreams"
        self.entity = None
        if not many:
            self._take(next(self.entities(sta_model.EVERY), None))
        elif identifier is not None:
            chosen = sta_model.one(self._there, self.kind, identifier.replace("''", "'"))
            if chosen and self._from and not self._is_tied(chosen):
                chosen = None
            self._take(chosen)

    def _is_tied(self, chosen: Entity) -> bool:
        if self.kind == "Observations" and self._from:
            about = self._from.of
            return (chosen.of.node, about.channel or chosen.of.channel) == (
                about.node, chosen.of.channel,
            )  # fmt: skip
        return any(one.id == chosen.id for one in self.entities(sta_model.EVERY))

    def _take(self, entity: Entity | None) -> None:
        if entity is None:
            raise NotThereError
        self.entity = entity


def _property(entity: Entity, rest: list[str]) -> Response:
    """Answer the address of a property, or of its bare value."""
    name = rest[0]
    if name not in KINDS[entity.kind].properties or rest[1:] not in ([], ["$value"]):
        raise NotThereError
    held = plain(entity.values.get(name))
    if held is None:
        return Response(status_code=204)
    if len(rest) == 1:
        return JSONResponse({name: held})
    if isinstance(held, dict | list):
        return JSONResponse(held)
    return PlainTextResponse(str(held))


def _next(request: Request, wanted: QueryOptions) -> str:
    left = [pair for pair in request.query_params.multi_items() if pair[0] not in {"$skip", "$top"}]
    pages = [("$top", str(wanted.top)), ("$skip", str(wanted.skip + wanted.top))]
    return urlencode(left + pages, safe="$(),;'/:")


def _index(root: str) -> dict[str, Any]:
    sets = [{"name": name, "url": f"{root}/{name}"} for name in KINDS]
    return {"value": sets, "serverSettings": {"conformance": CONFORMANCE}}


def _not_done(code: int, why: str) -> Response:
    return JSONResponse({"code": code, "type": "error", "message": why}, code)

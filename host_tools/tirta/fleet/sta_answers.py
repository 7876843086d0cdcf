# SPDX-License-Identifier: MIT
"""Answers of SensorThings 1.1 as JSON: sets in pages, entities with what is tied to them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

from tirta.exports.cells import iso
from tirta.fleet import sta_filter, sta_model
from tirta.fleet.sta_model import EVERY, KINDS
from tirta.fleet.sta_options import QueryError, QueryOptions
from tirta.fleet.sta_source import Entity, StaSource
from tirta.fleet.sta_tables import TimeRange

MOST_SORTED = 200_000
BY_TIME = {"phenomenonTime", "resultTime"}
Entities = Callable[[TimeRange], Iterator[Entity]]


class Answers:
    """Makes them for one request; `root` is the address of the service, without a slash."""

    def __init__(self, there: StaSource, root: str) -> None:
        self._there, self._root = there, root

    def set(
        self, kind: str, entities: Entities, wanted: QueryOptions, *, by_time: bool = False
    ) -> tuple[list[dict[str, Any]], bool, int | None]:
        """Return a page of entities, whether there are more, and how many there are where that is
        asked; `by_time` where they come so. Raises QueryError, NotImplementedError.
        """
        for path, _ in wanted.order:
            self._must_have(kind, path)
        found = self._found(kind, entities, wanted, by_time)
        if wanted.count:
            every = list(islice(found, MOST_SORTED + 1))
            count: int | None = len(every)
            page = every[wanted.skip : wanted.skip + wanted.top]
            if len(every) > MOST_SORTED:
                raise NotImplementedError(f"more than {MOST_SORTED} are not counted: use $filter")
            more = len(every) > wanted.skip + wanted.top
        else:
            count = None
            page = list(islice(found, wanted.skip, wanted.skip + wanted.top + 1))
            more = len(page) > wanted.top
            del page[wanted.top :]
        return [self.entity(one, wanted) for one in page], more, count

    def _found(
        self, kind: str, entities: Entities, wanted: QueryOptions, by_time: bool
    ) -> Iterator[Entity]:
        within, chosen = EVERY, None
        if wanted.filter:
            chosen = sta_filter.parse(wanted.filter, self._value)
            within = TimeRange(chosen.since, chosen.until)
        natural = by_time and len(wanted.order) == 1 and wanted.order[0][0] in BY_TIME
        if natural:
            within = replace(within, newest_first=wanted.order[0][1])
        found = entities(within)
        if chosen:
            found = filter(chosen.accepts, found)
        if not wanted.order or natural:
            return found
        every = list(islice(found, MOST_SORTED + 1))
        if len(every) > MOST_SORTED:
            raise NotImplementedError(f"more than {MOST_SORTED} are not sorted: use $filter")
        for path, descending in reversed(wanted.order):
            try:
                every.sort(key=lambda one: self._key(one, path), reverse=descending)
            except TypeError as error:
                raise QueryError(f"nothing is sorted by {path}") from error
        return iter(every)

    def _value(self, entity: Entity, path: str) -> Any:
        return sta_model.value(self._there, entity, path)

    def _key(self, entity: Entity, path: str) -> tuple[bool, Any]:
        found = self._value(entity, path)
        return found is not None, 0 if found is None else found

    def _must_have(self, kind: str, path: str) -> None:
        """Raise QueryError where a kind cannot have such a value, also where the set is empty."""
        first, _, rest = path.partition("/")
        told = KINDS[kind]
        if first in told.ties and not told.ties[first][1] and rest:
            self._must_have(told.ties[first][0], rest)
        elif first not in {"id", "@iot.id", *told.properties}:
            raise QueryError(f"{kind} have no {path}")

    def link(self, entity: Entity) -> str:
        """Return the address of an entity."""
        return f"{self._root}/{entity.kind}('{quote(entity.id, safe=':')}')"

    def entity(self, entity: Entity, wanted: QueryOptions) -> dict[str, Any]:
        """Write an entity. Raises QueryError where what is selected or expanded cannot be there."""
        kind, link = KINDS[entity.kind], self.link(entity)
        written: dict[str, Any] = {"@iot.id": entity.id, "@iot.selfLink": link}
        written |= {name: plain(entity.values.get(name)) for name in kind.properties
                    if name in entity.values or name not in _OPTIONAL}  # fmt: skip
        written |= {f"{name}@iot.navigationLink": f"{link}/{name}" for name in kind.ties}
        if wanted.select:
            chosen = {"@iot.id" if name == "id" else name for name in wanted.select}
            for name in chosen - {"@iot.id", "@iot.selfLink", *kind.properties, *kind.ties}:
                raise QueryError(f"{entity.kind} have no {name}")
            chosen |= {f"{name}@iot.navigationLink" for name in chosen & kind.ties.keys()}
            written = {name: held for name, held in written.items() if name in chosen}
        for name, inner in wanted.expand:
            written |= self._expanded(entity, name, inner, link)
        return written

    def _expanded(
        self, entity: Entity, name: str, inner: QueryOptions, link: str
    ) -> dict[str, Any]:  # fmt: skip
        if name not in KINDS[entity.kind].ties:
            raise QueryError(f"{entity.kind} have no {name}")
        kind, many = KINDS[entity.kind].ties[name]
        entities: Entities = lambda within: sta_model.tied(self._there, entity, name, within)  # noqa: E731
        if not many:
            found = next(entities(EVERY), None)
            return {name: None if found is None else self.entity(found, inner)}
        by_time = entity.kind == "Datastreams"
        page, more, count = self.set(kind, entities, inner, by_time=by_time)
        written: dict[str, Any] = {} if count is None else {f"{name}@iot.count": count}
        written[name] = page
        if more:
            skip = inner.skip + inner.top
            written[f"{name}@iot.nextLink"] = f"{link}/{name}?$top={inner.top}&$skip={skip}"
        return written


_OPTIONAL = {"properties", "resultQuality", "parameters"}


def plain(held: Any) -> Any:
    """Turn a value into what JSON has."""
    return iso(held) if isinstance(held, datetime) else held

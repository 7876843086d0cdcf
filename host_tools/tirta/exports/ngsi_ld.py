# SPDX-License-Identifier: MIT
"""FIWARE: NGSI-LD entities of the Smart Data Model WaterQualityObserved, normalised.

One entity a node and moment, as a JSON array that a broker takes at
/ngsi-ld/v1/entityOperations/upsert. ngsi_water_quality.json has what the public schema asks
for, with its source. Values that the node failed (flag 4) are left out, suspect ones carry their
flag. Free chlorine is no attribute of the model (its Cl- is chloride): it is a `measurand`.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tirta.exports import sites
from tirta.exports.cells import iso, number
from tirta.exports.selection import Selection
from tirta.exports.sensorthings import channels_of, flag_name

_USABLE = (1, 2, 3)


@cache
def rules() -> dict[str, Any]:
    """Return what the public schema asks for, and how ours becomes theirs."""
    text = files("tirta.exports").joinpath("ngsi_water_quality.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def write(path: Path, archive: Path, selection: Selection) -> tuple[int, int]:
    """Write entities, and return (entities written, rows left out). Raises TirtaError where a
    node's place is not known.
    """
    places = sites.read(archive)
    quantities = {key: row["quantity"] for key, row in channels_of(archive).items()}
    entities = rows = used = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for node, _, table_path in selection.files(archive):
            tables = list(selection.tables(table_path, node))
            rows += sum(map(len, tables))
            wanted = [t for t in tables if _known(quantities.get((node, _channel(t)), ""))]
            if not wanted:
                continue
            site = sites.must_have(archive, places, node)
            for entity, values in _entities(node, site, pa.concat_tables(wanted), quantities):
                file.write(("," if entities else "") + "\n" + json.dumps(entity))
                entities += 1
                used += values
        file.write("\n]\n")
    return entities, rows - used


def problems(entity: dict[str, Any]) -> list[str]:
    """Find what the public schema does not allow in an entity."""
    found = [f"{name} is missing" for name in rules()["required"] if name not in entity]
    if entity.get("type") != rules()["type"]:
        found.append(f"type must be {rules()['type']}")
    for name, rule in rules()["attributes"].items():
        if name in entity:
            value = entity[name]["value"]
            low, high = rule.get("minimum"), rule.get("maximum")
            if (low is not None and value < low) or (high is not None and value > high):
                found.append(f"{name} is {value}, which the model does not allow")
    return found


def _channel(table: pa.Table) -> str:
    return str(table.column("channel")[0])


def _known(quantity: str) -> bool:
    return quantity in rules()["quantities"] or quantity in rules()["measurands"]


def _entities(
    node: str, site: sites.Site, table: pa.Table, quantities: dict[tuple[str, str], str]
) -> Iterator[tuple[dict[str, Any], int]]:
    """Entities in the order of time, with how many values each has."""
    usable = pc.field("time_utc").is_valid() & pc.field("value").is_valid()
    usable &= pc.field("flag").isin(_USABLE)
    table = table.filter(usable).sort_by([("epoch", "ascending"), ("number", "ascending")])
    names = ("epoch", "number", "time_utc", "channel", "value", "unit", "flag")
    now: tuple[int, int] | None = None
    entity: dict[str, Any] = {}
    values = 0
    for epoch, record, time, channel, value, unit, flag in zip(
        *(table.column(name).to_pylist() for name in names), strict=True
    ):
        if (epoch, record) != now:
            if values:
                yield entity, values
            now, entity, values = (epoch, record), _entity(node, site, iso(time)), 0
        values += _add(entity, channel, quantities.get((node, channel), ""), (value, unit, flag))
    if values:
        yield entity, values


def _entity(node: str, site: sites.Site, time: str) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:{rules()['type']}:{node}:{time}",
        "type": rules()["type"],
        "dateObserved": {"type": "Property", "value": {"@type": "DateTime", "@value": time}},
        "location": {"type": "GeoProperty", "value": site.point},
        "name": {"type": "Property", "value": site.name or node},
        "source": {"type": "Property", "value": f"urn:tirta:{node}"},
        "@context": rules()["context"],
    }


def _add(entity: dict[str, Any], channel: str, quantity: str, told: tuple[float, str, int]) -> int:
    """Put a value in; 0 where the model has no place for it."""
    value, unit, flag = told
    if quantity in rules()["measurands"]:
        what = rules()["measurands"][quantity]
        text = f"{what['name']},{number(value)},{rules()['units'].get(unit, unit)},{channel}"
        entity.setdefault("measurand", {"type": "Property", "value": []})["value"].append(text)
        return 1
    name = rules()["quantities"][quantity]
    rule = rules()["attributes"][name]
    if name in entity or not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        return 0
    entity[name] = {"type": "Property", "value": value}
    if unit in rules()["units"]:
        entity[name]["unitCode"] = rules()["units"][unit]
    if flag != 1:
        entity[name]["qualityFlag"] = {"type": "Property", "value": flag_name(flag)}
    return 1

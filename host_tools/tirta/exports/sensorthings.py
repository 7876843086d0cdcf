# SPDX-License-Identifier: MIT
"""OGC SensorThings API 1.1 (OGC 18-088): payloads that a server takes as they are.

`things.json` has one Thing a node with its Location, Datastreams, Sensors and ObservedProperties,
each to be posted to /Things (deep insert). `observations/*.json` are to be posted to
/CreateObservations (the data array extension, section 10.5 there), a file a node, month and
channel. Identifiers are the client's: a post that is repeated changes nothing where the server
takes them (FROST does). A missing value is no Observation.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tirta.exports import sites
from tirta.exports.cells import iso
from tirta.exports.selection import Selection
from tirta.tables import layout

INDEX = "things.json"
COMPONENTS = ["phenomenonTime", "result", "resultQuality", "parameters"]
MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
_FLAGS = {1: "good", 2: "not evaluated", 3: "suspect", 4: "fail"}  # IOOS QARTOD


def write(folder: Path, archive: Path, selection: Selection) -> tuple[int, int]:
    """Write the files, and return (Observations written, rows left out)."""
    (folder / "observations").mkdir(parents=True)
    streams: dict[str, dict[str, str]] = {}  # units by channel, by node
    written = rows = 0
    for node, month, path in selection.files(archive):
        for part, table in enumerate(selection.tables(path, node)):
            rows += len(table)
            usable = table.filter(pc.field("time_utc").is_valid() & pc.field("value").is_valid())
            if not len(usable):
                continue
            channel = usable.column("channel")[0].as_py()
            streams.setdefault(node, {})[channel] = usable.column("unit")[0].as_py()
            name = f"{node}-{month}-{path.stem}-{part:03d}-{channel}.json"
            document = [_data_array(stream_id(node, channel), usable)]
            (folder / "observations" / name).write_text(json.dumps(document), encoding="utf-8")
            written += len(usable)
    places = sites.read(archive)
    channels = channels_of(archive)
    things = [_thing(n, found, places.get(n), channels) for n, found in sorted(streams.items())]
    (folder / INDEX).write_text(
        json.dumps(things, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return written, rows - written


def flag_name(flag: int) -> str:
    """Return a quality flag in words; one that QARTOD does not have is still told."""
    return _FLAGS.get(flag, f"flag {flag}")


def stream_id(node: str, channel: str) -> str:
    """Return the identifier of a Datastream."""
    return f"tirta:{node}:{channel}"


def _data_array(stream: str, table: pa.Table) -> dict[str, Any]:
    columns = (
        table.column(n).to_pylist() for n in ("time_utc", "value", "flag", "epoch", "number")
    )
    rows = [
        [iso(time), value, flag_name(flag), {"flag": flag, "epoch": epoch, "number": number}]
        for time, value, flag, epoch, number in zip(*columns, strict=True)
    ]
    return {
        "Datastream": {"@iot.id": stream},
        "components": COMPONENTS,
        "dataArray@iot.count": len(rows),
        "dataArray": rows,
    }


def channels_of(archive: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the newest table says of each node's channel."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted((archive / layout.CHANNELS).glob("node=*/*.parquet")):
        node = path.parent.name.partition("=")[2]
        for row in pq.read_table(path, partitioning=None).to_pylist():
            found[node, row["channel"]] = row
    return found


def _thing(
    node: str,
    streams: dict[str, str],
    site: sites.Site | None,
    channels: dict[tuple[str, str], dict[str, Any]],
) -> dict[str, Any]:
    told = [channels[node, name] for name in streams if (node, name) in channels]
    name = (site.name if site else "") or next((c["node_name"] for c in told), "") or node
    thing: dict[str, Any] = {
        "@iot.id": f"tirta:{node}",
        "name": name,
        "description": f"Sensor node {node} of a water network.",
        "properties": {"node": node, "board": next((c["board"] for c in told), "")},
        "Datastreams": [
            _stream(node, channel, unit, channels.get((node, channel), {}))
            for channel, unit in sorted(streams.items())
        ],
    }
    if site:
        thing["Locations"] = [{
            "@iot.id": f"tirta:{node}:site", "name": name, "description": f"Where {node} stands.",
            "encodingType": "application/geo+json", "location": site.point,
        }]  # fmt: skip
    return thing


def _stream(node: str, channel: str, unit: str, told: dict[str, Any]) -> dict[str, Any]:
    quantity = told.get("quantity", "other")
    sensor = told.get("sensor", "unknown")
    return {
        "@iot.id": stream_id(node, channel),
        "name": channel,
        "description": f"{channel} of node {node}",
        "observationType": MEASUREMENT,
        "unitOfMeasurement": {"name": unit or None, "symbol": unit or None, "definition": None},
        "ObservedProperty": {
            "@iot.id": f"tirta:{quantity}", "name": quantity, "description": quantity,
            "definition": f"urn:tirta:quantity:{quantity}",
        },
        "Sensor": {
            "@iot.id": f"tirta:{node}:{channel}:sensor", "name": sensor,
            "description": f"{sensor} on channel {channel} of node {node}",
            "encodingType": "application/json",
            "metadata": json.dumps({"sensor": sensor, "channel": channel}),
        },
    }  # fmt: skip

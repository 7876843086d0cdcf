# SPDX-License-Identifier: MIT
"""A Frictionless data package (Data Package 1, tabular): for open-data portals such as CKAN.

records.csv and holes.csv with their schemas: who opens it sees also what is not there.
"""

import csv
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tirta.exports import files
from tirta.exports.cells import cell
from tirta.exports.selection import SCHEMA, Selection
from tirta.tables import layout

INDEX = "datapackage.json"
_TYPES = {"string": "string", "int64": "integer", "int8": "integer", "double": "number"}
_NOTES: dict[str, dict[str, Any]] = {
    "time_utc": {"description": "When it was taken, UTC; empty where nobody knows."},
    "time_quality": {
        "description": "How sure the time is.",
        "constraints": {"enum": ["synchronised", "holdover", "unset"], "required": True},
    },
    "node": {"description": "The node's identifier.", "constraints": {"required": True}},
    "epoch": {"description": "Of the node's numbering.", "constraints": {"required": True}},
    "number": {
        "description": "(node, epoch, number) names a record.",
        "constraints": {"required": True, "minimum": 0},
    },
    "channel": {"description": "What was measured.", "constraints": {"required": True}},
    "value": {"description": "In the unit; empty where missing."},
    "flag": {
        "description": "IOOS QARTOD: 1 good, 2 not evaluated, 3 suspect, 4 fail, 9 missing.",
        "constraints": {"enum": [1, 2, 3, 4, 9], "required": True},
    },
    "state": {"constraints": {"enum": ["lost", "damaged", "missing", "gap"], "required": True}},
}


def write(folder: Path, archive: Path, selection: Selection) -> tuple[int, int]:
    """Write the package, and return (rows written, 0): nothing is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = files.write_csv(folder / "records.csv", selection.all_tables(archive))
    schemas = {"records": SCHEMA, "holes": _holes_schema()}
    _write_holes(folder / "holes.csv", archive, selection)
    package = {
        "profile": "tabular-data-package",
        "name": "tirta-records",
        "title": "Records of sensor nodes in a water network",
        "description": "Made by Tirta from the nodes' own logs; holes.csv says what is not here.",
        "resources": [_resource(folder, name, schema) for name, schema in schemas.items()],
    }
    (folder / INDEX).write_text(json.dumps(package, indent=1) + "\n", encoding="utf-8")
    return rows, 0


def _holes_schema() -> Any:
    return layout.HOLE_SCHEMA.insert(0, SCHEMA.field("node"))


def _write_holes(path: Path, archive: Path, selection: Selection) -> None:
    schema = _holes_schema()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(schema.names)
        for table in sorted((archive / layout.HOLES).glob("node=*/*.parquet")):
            node = table.parent.name.partition("=")[2]
            if selection.nodes and node not in selection.nodes:
                continue
            for row in pq.read_table(table, partitioning=None).to_pylist():
                writer.writerow([cell(v) for v in ({"node": node} | row).values()])


def _resource(folder: Path, name: str, schema: Any) -> dict[str, Any]:
    path = folder / f"{name}.csv"
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    fields = [{"name": f.name, **_type(str(f.type)), **_NOTES.get(f.name, {})} for f in schema]
    return {
        "profile": "tabular-data-resource",
        "name": name,
        "path": path.name,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": path.stat().st_size,
        "hash": f"sha256:{digest.hexdigest()}",
        "schema": {"fields": fields, "missingValues": [""]},
    }


def _type(kind: str) -> dict[str, str]:
    if kind.startswith("timestamp"):
        return {"type": "datetime", "format": "any"}
    return {"type": _TYPES[kind]}

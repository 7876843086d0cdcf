# SPDX-License-Identifier: MIT
"""Where nodes stand, as the utility keeps it: ARCHIVE/sites.csv (node,name,latitude,longitude)."""

import csv
from dataclasses import dataclass
from pathlib import Path

from tirta.errors import TirtaError
from tirta.text.numbers import number

FILE = "sites.csv"
_LINE = "A line has node, name, latitude and longitude, like `02fb6be3ee96,Inlet 7,-6.914,107.609`."


@dataclass(frozen=True)
class Site:
    """Degrees of WGS 84."""

    node: str
    name: str
    latitude: float
    longitude: float

    @property
    def point(self) -> dict[str, object]:
        """As GeoJSON (RFC 7946): longitude comes first."""
        return {"type": "Point", "coordinates": [self.longitude, self.latitude]}


def read(archive: Path) -> dict[str, Site]:
    """Read the sites by node; none where the archive has no such file."""
    path = archive / FILE
    if not path.exists():
        return {}
    found = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        head = file.readline()
        file.seek(0)  # a spreadsheet in Indonesian separates by semicolons
        rows = csv.DictReader(file, delimiter=";" if ";" in head else ",")
        for row in rows:
            try:
                site = Site(
                    row["node"].strip(),
                    row["name"].strip(),
                    number(row["latitude"]),
                    number(row["longitude"]),
                )
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise TirtaError(f"Line {rows.line_num} of {path} is no site.", _LINE) from error
            if not (-90 <= site.latitude <= 90 and -180 <= site.longitude <= 180):
                raise TirtaError(f"Line {rows.line_num} of {path} is not on Earth.", _LINE)
            found[site.node] = site
    return found


def must_have(archive: Path, sites: dict[str, Site], node: str) -> Site:
    """Return `sites[node]`. Raises TirtaError, with what to do, where there is none."""
    if node not in sites:
        raise TirtaError(
            f"Nobody said where node {node} stands, and this format needs its place.",
            f"Add it to {archive / FILE}. {_LINE}",
        )
    return sites[node]

# SPDX-License-Identifier: MIT
"""What citizens report, without who they are: Open311 GeoReport v2 service requests.

Kept of a request: the hour, one of six categories, open or closed, and a square of 0.005 degrees
(some 550 m). Everything else is dropped while reading, by naming what stays and not what goes:
names, e-mail, phone, address, account, device, media, the request's own number (it can be looked
up), and every free text. Texts are read once, to choose the category, and are never stored.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tirta.errors import TirtaError
from tirta.files import atomic

BROWN_WATER, NO_WATER, LOW_PRESSURE, SMELL, LEAK, OTHER = CATEGORIES = (
    "brown_water", "no_water", "low_pressure", "smell", "leak", "other",
)  # fmt: skip
# English and Indonesian; the first category with a word that is there is taken.
_WORDS = (
    (BROWN_WATER, r"brown|dirty|cloudy|turbid|discolou?r|rust|keruh|co[kc]e?lat|kotor|lumpur"),
    (LOW_PRESSURE, r"low pressure|weak|trickl|tekanan|kecil|lemah"),
    (LEAK, r"leak|burst|bocor|pecah|rembes"),
    (SMELL, r"smell|odou?r|taste|stink|berbau|bau\b|rasa\b|kaporit"),
    (NO_WATER, r"no water|no supply|without water|outage|mati\b|tidak (ada|keluar|mengalir)"),
)
GRID_DEG = 0.005
_HOUR_S = 3600
_MOST_BYTES = 50_000_000
_EARLIEST_S = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_TEXTS = ("service_name", "service_code", "description")
_CLOSED = "closed"
_STORED = Path("feedback") / "requests.json"


@dataclass(frozen=True)
class ServiceRequest:
    """One request; the time is the beginning of its hour, the place the middle of its square."""

    time_s: float
    category: str
    closed: bool
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True)
class ServiceRequests:
    """What a file held. `skipped`: requests without a usable time."""

    requests: tuple[ServiceRequest, ...]
    skipped: int = 0


def read(path: Path) -> ServiceRequests:
    """Read a GeoReport v2 file, JSON or XML; TirtaError where it is neither."""
    kept, skipped = [], 0
    for fields in _fields(path):
        time_s = _time(fields.get("requested_datetime"))
        if time_s is None:
            skipped += 1
            continue
        lat, lon = _square(fields.get("lat"), 90), _square(fields.get("long"), 180)
        if lat is None or lon is None:
            lat = lon = None
        closed = str(fields.get("status", "")).lower() == _CLOSED
        kept.append(ServiceRequest(time_s, _category(fields), closed, lat, lon))
    if skipped and not kept:
        raise TirtaError(
            f"None of the {skipped} requests in {path} has a usable time.",
            "requested_datetime must be a time with its zone, as 2026-03-05T08:15:30+07:00.",
        )
    return ServiceRequests(tuple(sorted(kept, key=lambda r: (r.time_s, r.category))), skipped)


def store(archive: Path, found: ServiceRequests) -> Path:
    """Keep requests beside the records: the whole list, in place of the one of before."""
    path = archive / _STORED
    document = {"version": 1, "requests": [asdict(r) for r in found.requests]}
    atomic.write(path, json.dumps(document, indent=1).encode())
    return path


def stored(archive: Path) -> tuple[ServiceRequest, ...]:
    """Read what `store` kept; nothing where nothing was."""
    path = archive / _STORED
    if not path.exists():
        return ()
    try:
        return tuple(ServiceRequest(**row) for row in json.loads(path.read_bytes())["requests"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TirtaError(
            f"{path} is damaged.", "Import the requests again: `tirta feedback import`."
        ) from error


def _fields(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise TirtaError(f"{path} is larger than 50 MB.", "Export fewer months.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TirtaError(
            f"Cannot read {path}: {error.strerror}.", "Name a GeoReport v2 file."
        ) from error
    except UnicodeDecodeError as error:
        raise TirtaError(f"{path} is not UTF-8.", "GeoReport v2 is always UTF-8.") from error
    found = list(_xml(path, text) if text.lstrip().startswith("<") else _json(path, text))
    if not found:
        raise TirtaError(
            f"{path} has no service requests.", "Export GET /requests of the GeoReport v2 endpoint."
        )
    return found


def _json(path: Path, text: str) -> Iterator[dict[str, Any]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TirtaError(
            f"{path} is neither JSON nor XML.", "Name a GeoReport v2 file of service requests."
        ) from error
    if isinstance(document, dict):
        document = document.get("service_requests", [])
    if isinstance(document, list):
        yield from (one for one in document if isinstance(one, dict))


def _xml(path: Path, text: str) -> Iterator[dict[str, Any]]:
    # Entities are how a small file becomes a huge one; GeoReport has no use for them.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise TirtaError(f"{path} declares entities.", "A GeoReport v2 file has none.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a DTD expat expands nothing
    except ET.ParseError as error:
        raise TirtaError(f"{path} is not valid XML: {error}.", "Export it again.") from error
    for request in root.iter("request"):
        yield {child.tag: child.text or "" for child in request}


def _time(told: object) -> float | None:
    try:
        time = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    if time.tzinfo is None:
        return None
    time_s = time.timestamp()
    if not _EARLIEST_S <= time_s <= datetime.now(UTC).timestamp() + 2 * 86_400:
        return None
    return time_s // _HOUR_S * _HOUR_S


def _square(told: object, most: float) -> float | None:
    try:
        degrees = float(str(told))
    except ValueError:
        return None
    if not abs(degrees) <= most:
        return None
    return round((math.floor(degrees / GRID_DEG) + 0.5) * GRID_DEG, 4)


def _category(fields: dict[str, Any]) -> str:
    text = " ".join(str(fields.get(key, "")) for key in _TEXTS).lower()
    return next((name for name, words in _WORDS if re.search(words, text)), OTHER)

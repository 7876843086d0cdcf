# SPDX-License-Identifier: MIT
"""Rises that an operator knows the reason of: a new consumer, a valve between zones.

Each is a record with who said so and when: ARCHIVE/acknowledged.json. A burst that begins when one
of them does, and has its size, is not a burst any more, in any report from then on.
"""

import getpass
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tirta.district import kinds
from tirta.district.burst import Burst
from tirta.district.figure import Figure
from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.water.definitions import DAY_S

_STORED = "acknowledged.json"
_VERSION = 1
_APART_S = 3 * DAY_S  # what is told of a start can move by so much as more nights are known
_FACTOR = 1.5


@dataclass(frozen=True)
class Acknowledged:
    """A rise of `lps` at `start_s` in a zone; `what` it is, `by` whom and when that was said.

    `withdrawn`: it is a burst again.
    """

    zone: str
    start_s: float
    lps: float
    what: str
    by: str
    said_s: float
    withdrawn: bool = False

    def fits(self, zone: str, burst: Burst) -> bool:
        """Return whether a burst is this rise."""
        near = abs(burst.start_s - self.start_s) <= _APART_S
        alike = self.lps / _FACTOR <= burst.size_lps <= self.lps * _FACTOR
        return self.zone == zone and near and alike


def stored(archive: Path) -> list[Acknowledged]:
    """Read every record, oldest first; none where nothing was acknowledged."""
    path = archive / _STORED
    if not path.exists():
        return []
    try:
        document = json.loads(path.read_bytes())
        if document["version"] != _VERSION:
            raise TirtaError(f"{path} is of another version.", "Update tirta.")
        return [Acknowledged(**row) for row in document["acknowledged"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TirtaError(
            f"{path} is damaged.", "Restore it from a copy, or remove it and acknowledge again."
        ) from error


def add(archive: Path, one: Acknowledged) -> Path:
    """Append a record; nothing that was said before is changed."""
    path = archive / _STORED
    rows = [asdict(row) for row in (*stored(archive), one)]
    document = {"version": _VERSION, "acknowledged": rows}
    atomic.write(path, json.dumps(document, indent=1).encode())
    return path


def of_figure(figure: Figure, what: str | None, by: str, *, withdraw: bool = False) -> Acknowledged:
    """Return the record of a burst's figure, or, to withdraw it, of an acknowledged change's.

    TirtaError where the figure is neither, or nothing is said of what it is.
    """
    zone, kind, _ = kinds.split(figure.id)
    wanted = "change" if withdraw else "burst"
    if kind != wanted or figure.start_s is None or not isinstance(figure.value, float):
        raise TirtaError(
            f"The figure {figure.id} is no acknowledged change."
            if withdraw
            else f"The figure {figure.id} is no burst.",
            f"`tirta district DIR` lists them as ZONE/{wanted}/NUMBER.",
        )
    if not withdraw and not (what or "").strip():
        raise TirtaError(
            "Nothing says what it is.", "Write it: --what 'new consumer', it stays in the record."
        )
    return Acknowledged(
        zone, figure.start_s, figure.value, (what or "").strip(), by or getpass.getuser(),
        time.time(), withdraw,
    )  # fmt: skip


def of_burst(known: Sequence[Acknowledged], zone: str, burst: Burst) -> Acknowledged | None:
    """Return what was said last of a burst, unless it was withdrawn."""
    said = [one for one in known if one.fits(zone, burst)]
    return said[-1] if said and not said[-1].withdrawn else None

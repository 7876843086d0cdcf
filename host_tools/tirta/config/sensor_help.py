# SPDX-License-Identifier: MIT
"""What SENSORS.md says of each kind of sensor, for somebody at a terminal."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from tirta.config.asking import KINDS
from tirta.errors import TirtaError

FILE = Path(__file__).with_name("SENSORS.md")
_KIND = re.compile(r'^sensor = "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A section of the file, and the kinds that its examples show."""

    title: str
    text: str
    kinds: tuple[str, ...]


def sections() -> list[Section]:
    """Return every section that has an example, in the order of the file."""
    _, *parts = re.split(r"^## ", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = []
    for part in parts:
        title, _, text = part.partition("\n")
        kinds = tuple(dict.fromkeys(kind for kind in _KIND.findall(text) if kind in KINDS))
        found.append(Section(title, text.strip(), kinds))
    return [section for section in found if section.kinds]


def titles() -> list[tuple[str, str]]:
    """Return (kind, what it is), each kind once, where it is not only an example's thermometer."""
    found = sections()
    first = {section.kinds[0] for section in found}
    seen: dict[str, str] = {}
    for section in found:
        for place, kind in enumerate(section.kinds):
            if place == 0 or kind not in first:
                seen.setdefault(kind, section.title)
    return list(seen.items())


def about(kind: str) -> list[Section]:
    """Return what there is on a kind. Raises TirtaError with the nearest name where there is
    none.
    """
    alike = {name.lower(): name for name in KINDS}
    name = alike.get(kind.lower())
    if name is None:
        close = difflib.get_close_matches(kind.lower(), alike, 1)
        meant = f"Did you mean {alike[close[0]]}? " if close else ""
        raise TirtaError(f"There is no sensor kind {kind!r}.", f"{meant}`tirta sensors` lists all.")
    found = [section for section in sections() if name in section.kinds]
    own = [section for section in found if section.kinds[0] == name]
    return own or found

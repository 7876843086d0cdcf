# SPDX-License-Identifier: MIT
"""In which line of a config file a problem is."""

import re
from collections.abc import Mapping, Sequence

_TABLE = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\"-]+)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*[=:]")
_COMMA = re.compile(r"\d,\d")

KeyPath = tuple[str | int, ...]  # as pydantic says it: ("channel", 2, "pin")


class Lines:
    """Finds the line of a key. tomllib keeps no lines; one key a line is how people write TOML."""

    def __init__(
        self, text: str, name: str, kept: Mapping[str, tuple[int, ...]] | None = None
    ) -> None:
        """`name` is the file's; `kept` are the places of those tables of a kind that are meant,
        where not all are.
        """
        self.name = name
        self._kept = dict(kept or {})
        self._whole = text
        self._text = text.splitlines()
        self._lines: dict[KeyPath, int] = {}
        table: KeyPath = ()
        counts: dict[str, int] = {}
        for number, line in enumerate(self._text, 1):
            if found := _TABLE.match(line):
                title = found[2]
                if found[1] == "[[":
                    counts[title] = counts.get(title, -1) + 1
                    table = (title, counts[title])
                else:
                    table = (title,)
                self._lines.setdefault(table, number)
            elif found := _KEY.match(line):
                self._lines.setdefault((*table, found[1]), number)

    def only(self, kept: Sequence[int], of: str = "channel") -> "Lines":
        """Return the same file as if it had only these channels; or as if each of these alarms
        stood by itself, of which one in the file may make several.
        """
        return Lines(self._whole, self.name, {**self._kept, of: tuple(kept)})

    def has(self, place: KeyPath) -> bool:
        """Return whether there is such a line, whatever stands in it."""
        return self._in_file(place) in self._lines

    def comma(self, place: KeyPath) -> str:
        """Return a hint where a list has more numbers than it should, and commas without a
        space.
        """
        number = self._lines.get(self._in_file(place))
        if number is None or not _COMMA.search(self._text[number - 1]):
            return ""
        return "Numbers have a point, a comma separates them: [0.4, 2.0]."

    def where(self, place: KeyPath) -> str:
        """Return FILE:LINE: key; the line of the nearest thing around it when the key is not
        there.
        """
        place = self._in_file(place)
        for length in range(len(place), -1, -1):
            if line := self._lines.get(place[:length]):
                return f"{self.name}:{line}: {_name(place)}"
        return f"{self.name}: {_name(place)}" if place else self.name

    def _in_file(self, place: KeyPath) -> KeyPath:
        kept = self._kept.get(str(place[0])) if len(place) > 1 else None
        if kept is None:
            return place
        return (place[0], kept[int(place[1])], *place[2:])


def _name(place: KeyPath) -> str:
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text

# SPDX-License-Identifier: MIT
"""Day classes: what kind of day a local date is, for its demand and its night.

A night belongs to the date on which its window ends. Node and laptop use the same four names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

WORKING, SATURDAY, SUNDAY, HOLIDAY = CLASSES = ("working", "saturday", "sunday", "holiday")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_RANGE = ".."
_MOST_DAYS = 3700


@dataclass(frozen=True)
class Calendar:
    """`weekend` are the weekdays of rest in their order (Monday is 0): the first is the class
    `saturday`, every later one `sunday`, whatever their names are.
    """

    weekend: tuple[int, ...] = (5, 6)
    holidays: frozenset[date] = frozenset()

    def kind(self, day: date) -> str:
        """Return the class of a day."""
        if day in self.holidays:
            return HOLIDAY
        if day.weekday() not in self.weekend:
            return WORKING
        return SATURDAY if day.weekday() == self.weekend[0] else SUNDAY


def dates(entries: Iterable[str]) -> frozenset[date]:
    """Read the dates of a list such as "2026-03-31" and "2026-03-18..2026-03-27", both ends
    included.

    Raises ValueError with the entry that is neither.
    """
    found: set[date] = set()
    for entry in entries:
        first, _, last = entry.partition(_RANGE)
        try:
            begin = date.fromisoformat(first.strip())
            end = date.fromisoformat(last.strip()) if last else begin
        except ValueError:
            raise ValueError(
                f"{entry!r} is no date: write 2026-03-31, or 2026-03-18..2026-03-27"
            ) from None
        length = (end - begin).days
        if not 0 <= length < _MOST_DAYS:
            raise ValueError(f"{entry!r} ends before it begins, or lasts ten years")
        found.update(begin + timedelta(days=i) for i in range(length + 1))
    return frozenset(found)

# SPDX-License-Identifier: MIT
"""A figure and what it stands on, so that nobody has to believe it.

Words: a figure's *id* is a path, `z7/night/2025-03-23`; its *parts* are figures that it is made
from; its *records* are the evidence of those that are made from records at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tirta.district.signal import Evidence, Signal
from tirta.errors import TirtaError


@dataclass(frozen=True)
class Figure:
    """`value` is None where there is none, and `why` says why. `low` and `high`: k = 2.

    What began and ended has its Unix seconds, and the ranges that hold 95 % of the probability.
    """

    id: str
    value: float | str | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    why: str = ""
    parts: tuple[str, ...] = ()
    records: tuple[Evidence, ...] = ()
    start_s: float | None = None
    end_s: float | None = None
    start_range_s: tuple[float, float] | None = None
    end_range_s: tuple[float, float] | None = None


class Figures:
    """All figures of a survey, by id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Figure] = {}

    def add(self, figure: Figure) -> Figure:
        """Keep a figure under its id, and return it."""
        self._by_id[figure.id] = figure
        return figure

    def __iter__(self) -> Iterator[Figure]:
        return iter(self._by_id.values())

    def __getitem__(self, name: str) -> Figure:
        """TirtaError with the nearest names where there is no such figure."""
        try:
            return self._by_id[name]
        except KeyError:
            near = [i for i in self._by_id if name.split("/", maxsplit=1)[0] in i] or list(
                self._by_id
            )
            raise TirtaError(
                f"There is no figure {name}.", f"There are: {', '.join(near[:12])}."
            ) from None

    def records(self, name: str) -> list[Evidence]:
        """Return every record that a figure stands on, its parts' included, each range once."""
        found: dict[Evidence, None] = {}
        waiting, seen = [name], set[str]()
        while waiting:
            figure = self[waiting.pop()]
            if figure.id in seen:
                continue
            seen.add(figure.id)
            found |= dict.fromkeys(figure.records)
            waiting += figure.parts
        return sorted(found, key=lambda e: (e.node, e.channel, e.epoch, e.first))


def evidence(signals: Iterable[Signal], start_s: float, end_s: float) -> tuple[Evidence, ...]:
    """Return the records of these signals whose intervals end in (start, end]."""
    return tuple(e for s in signals for e in s.evidence(s.between(start_s, end_s)))

# SPDX-License-Identifier: MIT
"""Which rises of a series are leaks, and which fall repaired which.

Several can be open at once. A fall belongs to the open leak whose size it has, or to two that were
repaired together; one that fits none took away demand, not a leak, and a later rise that only
brings it back is a return, as after holidays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from tirta.district.events import GROWTH, ODD, PULSE, FlowEvent, growth
from tirta.district.signal import Floats

_ALIKE = 0.35  # a rise and a fall that differ by less may be of one leak
_SURE = 3.0  # or by less than so many of their standard errors
_RETURN_NIGHTS = 60
_AT_ONCE_DAYS = 2.0  # what grew for less is seen half grown in one night at most
_LEFT = 0.2  # of a growth: less is nothing


@dataclass(frozen=True)
class Leak:
    """From night `first` on, until before night `last`; None while it is open."""

    first: int
    last: int | None
    size: float
    spread: float
    rise: FlowEvent

    @property
    def grown(self) -> float:
        """Days until its full size; 0: at once."""
        return self.rise.grown

    def at(self, day: float) -> float:
        """Return its size on a day of the series."""
        if not self.grown:
            return self.size
        return self.size * float(growth(np.maximum(day - self.rise.begin[1], 0), self.grown))

    def seen_until(self, day: float) -> "Leak":
        """Return the same leak with the size that it had on a day, if it was growing still: what
        it would have become nobody saw. A part of a growth is a growth, as the square has it.
        """
        grows = day - self.rise.begin[1]
        if not 0 < grows < self.grown:
            return self
        share = (grows / self.grown) ** 2
        return replace(
            self,
            size=share * self.size,
            spread=share * self.spread,
            rise=replace(self.rise, grown=grows),
        )


@dataclass(frozen=True)
class _Change:
    night: int
    size: float  # negative: a fall
    spread: float
    event: FlowEvent


def leaks(
    events: Sequence[FlowEvent], at: Floats, is_return: Callable[[int, int, float], bool]
) -> list[Leak]:
    """Find the leaks in the events of a series; `at` is the day of each night.

    `is_return` says of a fall and a later rise (nights, size) whether demand went and came back.
    """
    found: list[Leak] = []
    open_: list[int] = []
    falls: list[_Change] = []
    for change in _changes(events, len(at)):
        if change.size > 0:
            fall = _restores(change, falls, is_return)
            if fall is not None:
                falls.remove(fall)
                continue
            found.append(Leak(change.night, None, change.size, change.spread, change.event))
            open_.append(len(found) - 1)
            continue
        closed = _closed(change, [(i, found[i]) for i in open_], at)
        for place in closed:
            seen = found[place].seen_until(float(at[change.night]))
            found[place] = _ended(seen, change, alone=len(closed) == 1)
            open_.remove(place)
        if not closed:
            part = _part_of(change, [(i, found[i]) for i in open_], at)
            if part is None:
                falls.append(change)
                continue
            # Two leaks that grew together were found as one: the repair tells the size of each.
            whole = found[part]
            rest = replace(whole, size=whole.size + change.size)
            found[part] = _ended(replace(whole, size=-change.size), change, alone=True)
            if rest.size > max(_LEFT * whole.size, _SURE * whole.spread):
                found.append(rest)
                open_.append(len(found) - 1)
            open_.remove(part)
    last = float(at[-1])
    told = (leak if leak.last is not None else leak.seen_until(last) for leak in found)
    return sorted(told, key=lambda leak: leak.first)


def _ended(leak: Leak, fall: _Change, *, alone: bool) -> Leak:
    """A leak with its end. Of one that grew, the repair knows the size better than the growth."""
    leak = replace(leak, last=fall.night)
    if not leak.grown or not alone:
        return leak
    weights = 1 / leak.spread**2, 1 / fall.spread**2
    size = (weights[0] * leak.size - weights[1] * fall.size) / sum(weights)
    return replace(leak, size=size, spread=(1 / sum(weights)) ** 0.5)


def _part_of(fall: _Change, open_: Sequence[tuple[int, Leak]], at: Floats) -> int | None:
    """The open growth that a fall is only a part of: the newest that is large enough."""
    for place, leak in reversed(open_):
        if leak.grown and leak.first < fall.night and leak.at(float(at[fall.night])) > -fall.size:
            return place
    return None


def _changes(events: Sequence[FlowEvent], nights: int) -> list[_Change]:
    """Rises and falls in their order; on one night a rise comes first."""
    changes = []
    for event in events:
        if event.shape == ODD:
            continue
        at_once = event.shape == GROWTH and event.grown < _AT_ONCE_DAYS
        rise = replace(event, grown=0.0) if at_once else event
        changes.append(_Change(event.first, event.size, event.spread, rise))
        if event.shape == PULSE and event.last < nights:
            changes.append(_Change(event.last, -event.size, event.spread, event))
    return sorted(changes, key=lambda change: (change.night, -change.size))


def _closed(fall: _Change, open_: Sequence[tuple[int, Leak]], at: Floats) -> tuple[int, ...]:
    """The open leaks that a fall ends: one, two together, or none."""
    best: tuple[float, tuple[int, ...]] = (1.0, ())
    for count in (1, 2):
        for group in combinations(open_, count):
            if any(leak.first >= fall.night for _, leak in group):
                continue
            sizes = [leak.at(float(at[fall.night])) for _, leak in group]
            spread = (fall.spread**2 + sum(leak.spread**2 for _, leak in group)) ** 0.5
            off = abs(sum(sizes) + fall.size) / max(-_ALIKE * fall.size, _SURE * spread)
            if off < best[0] / count:  # two must fit twice as well as one
                best = off * count, tuple(place for place, _ in group)
    return best[1]


def _restores(
    rise: _Change, falls: Sequence[_Change], is_return: Callable[[int, int, float], bool]
) -> _Change | None:
    """The fall that a rise undoes."""
    own = next((fall for fall in falls if fall.event is rise.event), None)
    if own is not None:  # some nights lay lower, and nothing more
        return own
    for fall in reversed(falls):
        spread = (fall.spread**2 + rise.spread**2) ** 0.5
        alike = abs(rise.size + fall.size) <= max(_ALIKE * rise.size, _SURE * spread)
        near = rise.night - fall.night <= _RETURN_NIGHTS
        if alike and near and not rise.event.grown and is_return(fall.night, rise.night, rise.size):
            return fall
    return None

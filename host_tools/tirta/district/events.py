# SPDX-License-Identifier: MIT
"""Steps, growths and odd nights in a daily series: orthogonal matching pursuit over `expected`.

Each shape that a leak can give a series of nights is tried at each place: a *step* up or down that
stays, a *pulse* that is repaired after some nights, a *growth* that ends in its full size, and the
*odd* night that is nobody's leak. The one that explains most is taken, all are fitted together,
each is moved to where it then fits best, and what does not earn its place is given back (Pati et
al. 1993; a likelihood ratio against a threshold that counts the places tried: Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tirta.district.expected import DailyValues, Expected
from tirta.district.signal import Floats, Ints

STEP, PULSE, GROWTH, ODD = "step", "pulse", "growth", "odd"
_PARTS = (1.0, 0.7, 0.4, 0.2)  # of a step that its first night has, if it begins within that
_PULSE_NIGHTS = 14  # a longer one is two steps
_GROWTH_DAYS = (4, 7, 10, 14, 21, 28, 42, 60, 90)
_MOST_EVENTS = 60
_MOST_IN_WINDOW = 8
_SWEEPS = 6
_POLISHES = 3
_NEAR = 10  # nights within which an event is moved
_WIDTHS = (1, 2, 3, 4)  # neighbours that are found anew together
_BETTER = 1e-6
VISIBLE = 0.1**0.5  # share of its growth after which a leak has a tenth of its size
_GRID = 31
_NIGHT = 0.1  # of a day: about when a night's lowest hour is
_QUANTILES = (0.025, 0.5, 0.975)
_APART = 1e-6  # an atom that the chosen ones already make has nothing of its own
_FALSE_IN = 2000  # series in which chance alone makes one event of a shape
_ODD_FALSE_IN = 20  # an odd night costs nothing but one night


@dataclass(frozen=True)
class FlowEvent:
    """`first` is the first night that it is in; a pulse ends before night `last`. `size` is in the
    unit of the series, `spread` its standard error. A growth begins at day `begin` of the series
    (2.5, 50 and 97.5 % of its probability) and has its full size `grown` days later. A step
    that begins within its first night has a `part` of its size then.
    """

    shape: str
    first: int
    last: int
    size: float
    spread: float
    grown: float = 0.0
    begin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    part: float = 1.0


@dataclass(frozen=True)
class _Atoms:
    """Shapes in the space in which noise is 1, [nights, atoms], and what they are, [atoms]."""

    white: Floats
    shape: Ints
    first: Ints
    last: Ints
    grown: Floats
    part: Floats
    least: Floats  # the gain below which one is chance

    def __len__(self) -> int:
        return len(self.shape)

    def with_growth(self, at: Floats, model: Expected, begin: float, length: float) -> "_Atoms":
        """Return these, and a growth of any begin and length."""
        column = growth(at + _NIGHT - begin, length)[:, None]
        first = min(int(np.searchsorted(at, begin)), len(at) - 1)
        least = self.least[self.shape == _GROWTH][0]
        more = (_GROWTH, first, len(at), length, 1.0, least)
        names = ("shape", "first", "last", "grown", "part", "least")
        return _Atoms(
            np.hstack([self.white, model.white(column)]),
            *(np.append(getattr(self, n), v) for n, v in zip(names, more, strict=True)),
        )


_SHAPES = (STEP, PULSE, GROWTH, ODD)
_STEP, _PULSE, _GROWTH, _ODD = range(len(_SHAPES))


def growth(days: Floats, length: float | Floats) -> Floats:
    """Return the share of its full size: a hole whose diameter grows evenly leaks with its
    square.
    """
    return np.asarray(np.clip(days / length, 0, 1) ** 2)


def _atoms(at: Floats, model: Expected) -> _Atoms:
    count = len(at)
    rows: list[tuple[int, int, int, float, float]] = []
    columns: list[Floats] = []
    index = np.arange(count)

    def put(
        shape: int, first: int, last: int, column: Floats, *, grown: float = 0.0, part: float = 1.0
    ) -> None:
        rows.append((shape, first, last, grown, part))
        columns.append(column)

    for first in range(count):
        if first:
            for part in _PARTS:
                column = (index > first) + part * (index == first)
                put(_STEP, first, count, column, part=part)
        for last in range(first + 2, min(count, first + _PULSE_NIGHTS + 1)):
            if first or last < count:
                put(_PULSE, first, last, ((index >= first) & (index < last)).astype(float))
        for days in _GROWTH_DAYS:
            # The first night that it is in sees it for half a day.
            column = growth(np.maximum(at - at[first] + 0.5, 0) * (index >= first), days)
            if days < at[-1] - at[first] + days / 2:
                put(_GROWTH, first, count, column, grown=days)
        put(_ODD, first, first + 1, (index == first).astype(float))
    shape, begin, end = np.array([row[:3] for row in rows]).T
    grown, part_ = np.array([row[3:] for row in rows]).T
    tried = np.bincount(shape, minlength=len(_SHAPES))
    least = 2 * np.log(np.maximum(tried, 1) * _FALSE_IN)
    least[_ODD] = 2 * math.log(count * _ODD_FALSE_IN)
    white = model.white(np.array(columns).T)
    return _Atoms(white, shape, begin, end, grown, part_, least[shape])


def find(
    days: DailyValues, model: Expected, sharp: Expected | None = None, *, quick: bool = False
) -> tuple[list[FlowEvent], Floats]:
    """Find the events of a series, and how far each night lies from what is then known of it by all
    others (noise 1); `quick`: as they are found one by one, which is good enough to know the noise.

    `sharp` is a model in which whatever grows is drift. What it finds is abrupt, and the search may
    begin with that: else one long growth can stand where several leaks opened one by one.
    """
    search = _Search(days, model)
    chosen = search.greedy()
    if sharp is not None:
        chosen = max(chosen, search.greedy(_Search(days, sharp).greedy()), key=search.worth)
    if not quick:
        chosen = search.rebuilt(chosen)
        for _ in range(_POLISHES):
            if not search.polish(chosen):
                break
            chosen = search.rebuilt(chosen)
    return search.told(chosen)


class _Search:
    """Which atoms together explain a series best: the likelihood minus the price of each."""

    def __init__(self, days: DailyValues, model: Expected) -> None:
        self.at, self.model = days.at, model
        self.atoms = _atoms(self.at, model)
        self.base = model.white(np.ones((len(days), 1)))
        self.target = model.white(days.value - model.mean)

    def greedy(self, chosen: Sequence[int] = ()) -> list[int]:
        """Take the atom that is worth most beside those before it, while one is; `chosen` first."""
        direction = np.linalg.qr(np.hstack([self.base, self.atoms.white[:, list(chosen)]]))[0]
        white, left = self.atoms.white.copy(), self.target.copy()
        chosen = list(chosen)
        whole = (white**2).sum(axis=0)
        while len(chosen) < min(_MOST_EVENTS, len(left) // 2):
            white -= direction @ (direction.T @ white)
            left -= direction @ (direction.T @ left)
            power = (white**2).sum(axis=0)
            best = _best(left @ white, power, whole, self.atoms, np.arange(len(self.atoms)))
            if best < 0:
                break
            chosen.append(best)
            direction = white[:, [best]] / math.sqrt(power[best])
        return chosen

    def rebuilt(self, chosen: list[int]) -> list[int]:
        """Take neighbours out and find them anew, as long as the whole is worth more for it.

        What is found one by one can be a staircase where one growth was, so each search begins once
        with each shape.
        """
        for _ in range(_SWEEPS):
            before = list(chosen)
            for width in _WIDTHS:
                for place in range(max(1, len(chosen) - width + 1)):
                    chosen = self._better(chosen, place, width)
            if chosen == before:
                break
        return chosen

    def _better(self, chosen: list[int], place: int, width: int) -> list[int]:
        order = sorted(chosen, key=lambda atom: int(self.atoms.first[atom]))
        out = order[place : place + width]
        if not out:
            return chosen
        kept = [atom for atom in order if atom not in out]
        window = self._window(kept, out)
        best = min(out), window.worth(out), out
        for seed in (_STEP, _PULSE, _GROWTH):
            found = window.search(seed)
            worth = window.worth(found)
            if worth > best[1] + _BETTER:
                best = seed, worth, found
        return [*kept, *best[2]]

    def _window(self, kept: list[int], out: list[int]) -> "_Window":
        first = self.atoms.first
        near = max(_NEAR, float(self.atoms.grown[out].max()) / 2)  # a growth begins as it likes
        low, high = first[out].min() - near, first[out].max() + near
        rows = np.flatnonzero((first >= low) & (first <= high))
        basis = np.linalg.qr(np.hstack([self.base, self.atoms.white[:, kept]]))[0]
        white = self.atoms.white[:, rows]
        whole = (white**2).sum(axis=0)
        white -= basis @ (basis.T @ white)
        power = (white**2).sum(axis=0)
        return _Window(self.atoms, rows, white, white.T @ self.target, power, whole)

    def told(self, chosen: list[int]) -> tuple[list[FlowEvent], Floats]:
        """Return the events of a choice in their order, and what is left over."""
        design = np.hstack([self.base, self.atoms.white[:, chosen]])
        cover = np.linalg.pinv(design.T @ design)
        found = cover @ (design.T @ self.target)
        spread = np.sqrt(np.diag(cover))[1:]
        atoms = self.atoms
        events = [
            FlowEvent(
                _SHAPES[atoms.shape[a]],
                int(atoms.first[a]),
                int(atoms.last[a]),
                float(q),
                float(e),
                part=float(atoms.part[a]),
            )
            for a, q, e in zip(chosen, found[1:], spread, strict=True)
        ]
        for place, atom in enumerate(chosen):
            if atoms.shape[atom] == _GROWTH:
                others = chosen[:place] + chosen[place + 1 :]
                events[place] = self._refined(events[place], atoms.grown[atom], others)
        return sorted(events, key=lambda event: event.first), self._beside_others(design)

    def _beside_others(self, design: Floats) -> Floats:
        """How far each night lies from what all others say of it, noise 1; a night that no other
        says anything of is left out.

        The deviation of a night from its own fit would be too small: the fewer the nights, the more
        of it the fit has taken up.
        """
        basis = np.linalg.qr(design)[0]
        white = self.model.whiten - basis @ (basis.T @ self.model.whiten)
        power = (white**2).sum(axis=0)
        known = power > _APART * (self.model.whiten**2).sum(axis=0)
        return np.asarray((self.target @ white)[known] / np.sqrt(power[known]))

    def polish(self, chosen: list[int]) -> bool:
        """Free the growths of a choice from nights and from a list of lengths, in place; say
        whether that made it worth more.
        """
        worth = self.worth(chosen)
        for place, atom in enumerate(chosen):
            if self.atoms.shape[atom] == _GROWTH:
                others = chosen[:place] + chosen[place + 1 :]
                grid = self._grid(int(self.atoms.first[atom]), self.atoms.grown[atom], others)
                best = int(np.argmax(np.where(grid.size > 0, grid.size**2 * grid.power, 0)))
                self.atoms = self.atoms.with_growth(
                    self.at, self.model, float(grid.begin[best]), float(grid.length[best])
                )
                chosen[place] = len(self.atoms) - 1
        return self.worth(chosen) > worth + _BETTER

    def worth(self, chosen: list[int]) -> float:
        """Return the worth of a choice: what it explains, minus what chance would."""
        basis = np.linalg.qr(np.hstack([self.base, self.atoms.white[:, chosen]]))[0]
        along = basis.T @ self.target
        return float(along @ along - self.atoms.least[chosen].sum())

    def _grid(self, first: int, grown: float, others: list[int]) -> "_Grid":
        """Growths around one, with what the others explain taken off."""
        around = max(5.0, 0.5 * grown)
        begins = self.at[first] + np.linspace(-around, around, _GRID)
        lengths = grown * np.linspace(0.4, 1.8, _GRID)
        begin, length = (grid.ravel() for grid in np.meshgrid(begins, lengths))
        white = self.model.white(growth(self.at[:, None] + _NIGHT - begin, length))
        basis = np.linalg.qr(np.hstack([self.base, self.atoms.white[:, others]]))[0]
        white -= basis @ (basis.T @ white)
        power = np.maximum((white**2).sum(axis=0), 1e-12)
        return _Grid(begin, length, (self.target @ white) / power, power)

    def _refined(self, event: FlowEvent, grown: float, others: list[int]) -> FlowEvent:
        """A growth with its begin and length, and their doubt."""
        grid = self._grid(event.first, grown, others)
        begin, length, size, power = grid.begin, grid.length, grid.size, grid.power
        gain = size**2 * power
        chance = np.exp((gain - gain[size > 0].max()) / 2) * (size > 0)
        chance /= chance.sum()
        order = np.argsort(begin, kind="stable")
        low, middle, high = np.interp(_QUANTILES, np.cumsum(chance[order]), begin[order])
        mean = float(chance @ size)
        spread = float(np.sqrt(chance @ (1 / power + (size - mean) ** 2)))
        return replace(
            event, size=mean, spread=spread, grown=float(chance @ (begin + length)) - middle,
            begin=(float(low), float(middle), float(high)),
        )  # fmt: skip


@dataclass(frozen=True)
class _Grid:
    """Growths that were tried; shapes [tried]. `power` is the precision of `size`."""

    begin: Floats
    length: Floats
    size: Floats
    power: Floats


@dataclass(frozen=True)
class _Window:
    """The atoms that begin in some nights, with all that the kept ones explain taken off: `white`,
    [nights, atoms].

    `along` are their products with the series, `power` with themselves; `whole` is what that was
    before. `rows` are their places among all atoms. `_products` are those with all others, of the
    few that were asked for.
    """

    atoms: _Atoms
    rows: Ints
    white: Floats
    along: Floats
    power: Floats
    whole: Floats
    _products: dict[int, Floats] = field(default_factory=dict)

    def with_each(self, chosen: Sequence[int]) -> Floats:
        """Return the products of all atoms with these, [atoms, chosen]."""
        for one in chosen:
            if one not in self._products:
                self._products[one] = self.white.T @ self.white[:, one]
        return np.array([self._products[one] for one in chosen]).T

    def search(self, seed: int) -> list[int]:
        """Begin with the best atom of a shape, go on with any, move them, give the weak back."""
        chosen: list[int] = []
        of_shape = np.flatnonzero(self.atoms.shape[self.rows] == seed)
        found = self._beside([], of_shape)
        while found >= 0 and len(chosen) < _MOST_IN_WINDOW:
            chosen.append(found)
            self._settle(chosen)
            found = self._beside(chosen, None)
        self._give_back(chosen)
        return [int(self.rows[place]) for place in chosen]

    def worth(self, chosen: list[int]) -> float:
        """Return the worth of a choice: what it explains, minus what chance would."""
        places = np.searchsorted(self.rows, chosen)
        white, along = self.white[:, places], self.along[places]
        gram = white.T @ white
        explained = float(along @ np.linalg.lstsq(gram, along, rcond=1e-9)[0])
        return explained - float(self.atoms.least[chosen].sum())

    def _beside(self, chosen: list[int], among: Ints | None) -> int:
        along, power = self.along, self.power
        if chosen:
            products = self.with_each(chosen)
            made = products @ np.linalg.pinv(products[chosen])
            along = along - made @ along[chosen]
            power = power - (made * products).sum(axis=1)
        if among is None:
            return _best(along, power, self.whole, self.atoms, self.rows)
        found = _best(along[among], power[among], self.whole[among], self.atoms, self.rows[among])
        return int(among[found]) if found >= 0 else -1

    def _settle(self, chosen: list[int]) -> None:
        for _ in range(_SWEEPS):
            before = list(chosen)
            for place in range(len(chosen)):
                found = self._beside(chosen[:place] + chosen[place + 1 :], None)
                if found >= 0:
                    chosen[place] = found
            if chosen == before:
                return

    def _give_back(self, chosen: list[int]) -> None:
        while chosen:
            cover = np.linalg.pinv(self.with_each(chosen)[chosen])
            size = cover @ self.along[chosen]
            beyond = size**2 / np.diag(cover) - self.atoms.least[self.rows[chosen]]
            weakest = int(np.argmin(beyond))
            if beyond[weakest] >= 0:
                return
            del chosen[weakest]


def _best(along: Floats, power: Floats, whole: Floats, atoms: _Atoms, rows: Ints) -> int:
    """The place in `rows` of the atom that is worth most; -1 where none is beyond chance.

    One that the others already make has nothing of its own; and holes do not heal.
    """
    apart = power > _APART * whole
    gain = np.where(apart, along**2 / np.where(apart, power, 1), 0)
    gain = np.where((along < 0) & (atoms.shape[rows] == _GROWTH), 0, gain)
    beyond = gain - atoms.least[rows]
    at = int(np.argmax(beyond))
    return at if beyond[at] > 0 else -1

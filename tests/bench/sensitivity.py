# SPDX-License-Identifier: MIT
"""How the bursts that are found hang on each parameter: every one a quarter smaller and larger.

`python tests/bench/sensitivity.py` prints a line for each, beside what they are as they stand:
L-Town 2018 (`battledim`), and eight towns with a burst of 0.5 L/s and without one (`week_towns`,
seeds that were looked at). A line in which much changes is a parameter at the edge of a cliff.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import battledim
import district_bursts
from burst_judge import ABRUPT, INCIPIENT
from figures import Say

from tirta.district import demand, events, expected, leaks, tank

QUARTER = 0.25
SEEDS = range(300, 308)
PARTS = ("day_class", "weekday", "holidays", "holiday", "drift", "demand", "noise")
CONSTANTS: tuple[tuple[ModuleType, str], ...] = (
    (expected, "_WEEKS"),
    (events, "_FALSE_IN"),
    (events, "_PULSE_NIGHTS"),
    (events, "VISIBLE"),
    (leaks, "_ALIKE"),
    (leaks, "_SURE"),
    (leaks, "_RETURN_NIGHTS"),
    (leaks, "_LEFT"),
    (demand, "_RETURN"),
    (tank, "_RUNS"),
)


def parameters() -> Iterator[tuple[str, Any, str]]:
    """Each parameter: what to call it, whose it is, and its attribute."""
    for name in PARTS:
        yield name, expected.PLAUSIBLE, name
    yield "drift of what is abrupt", expected.SHARP, "drift"
    for module, name in CONSTANTS:
        yield f"{module.__name__.rpartition('.')[2]}.{name}", module, name


@contextmanager
def changed(whose: Any, name: str, factor: float) -> Iterator[None]:
    """One parameter times a factor; whole numbers stay whole."""
    was = getattr(whose, name)
    object.__setattr__(
        whose, name, type(was)(round(was * factor) if isinstance(was, int) else was * factor)
    )
    try:
        yield
    finally:
        object.__setattr__(whose, name, was)


def row() -> list[str]:
    """What is found: of L-Town (abrupt, incipient, false), and of the towns."""
    cells = ["-", "-", "-"]
    if battledim.FOLDER.exists():
        year = battledim.judged(battledim.FOLDER)
        cells = [str(year.found(ABRUPT)), str(year.found(INCIPIENT)), str(len(year.false))]
    for size in (0.5, 0.0):
        towns = [district_bursts.judged(seed, size) for seed in SEEDS]
        cells += [str(sum(one.found() for one in towns))] if size else []
        cells += [str(sum(len(one.false) for one in towns))]
    return cells


def measure(say: Say) -> None:
    """A line for each parameter."""
    say(_line("", ["abrupt", "incipient", "false", f"of {len(SEEDS)}", "false", "quiet"]))
    say(_line("as it is", row()))
    for title, whose, name in parameters():
        for factor in (1 - QUARTER, 1 + QUARTER):
            with changed(whose, name, factor):
                say(_line(f"{title} x {factor:g}", row()))


def _line(title: str, cells: list[str]) -> str:
    return f"{title:30}" + "".join(f"{cell:>10}" for cell in cells)


if __name__ == "__main__":
    measure(lambda line: print(line, flush=True))

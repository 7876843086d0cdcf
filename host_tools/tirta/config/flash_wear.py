# SPDX-License-Identifier: MIT
"""How many years the flash of a node lasts at the pace of its config: journal and log, each by its
own ring of pages (FORMAT.md 2). The estimate is the node's own (tirta_format.wear), from above.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tirta.boards.model import Board
from tirta.config.problems import Lines
from tirta.errors import Problem
from tirta_format import columns, wear

LEAST_YEARS = wear.LEAST_YEARS
_MANY = 100  # years that nobody needs to know more exactly
_CHUNK = 60  # records in a commit that the log takes without its journal


@dataclass(frozen=True)
class Years:
    """Of each ring; the journal's is None where the pace leaves it unused."""

    journal: float | None
    log: float

    def first(self) -> tuple[str, float]:
        """Return the ring that wears out first, and its years."""
        if self.journal is not None and self.journal < self.log:
            return "journal", self.journal
        return "log", self.log

    def text(self) -> str:
        """Say it in one sentence."""
        journal = "is not used" if self.journal is None else f"lasts {spoken(self.journal)}"
        return f"At this pace the flash of the log lasts {spoken(self.log)}, its journal {journal}."

    def as_json(self) -> dict[str, float | None]:
        """Return the years of each ring, or null where it does not wear."""
        return {ring: years and round(years, 1) for ring, years in asdict(self).items()}


def spoken(years: float) -> str:
    """Say it to a person."""
    if years >= _MANY:
        return f"over {_MANY} years"
    return f"about {years:.2g} years" if years >= 1 else f"about {12 * years:.2g} months"


def of(config: dict[str, Any], board: Board) -> Years:
    """Work out the years of a config in its canonical form."""
    pages = board.partition("log").size // 4096
    width = len(columns.columns(config["channels"]))
    return Years(*wear.years(pages, width, config["interval_ms"], config["commit_ms"]))


def warnings(config: dict[str, Any], board: Board, lines: Lines) -> Iterator[Problem]:
    """Tell where a ring wears out early."""
    if not config["channels"]:
        return
    ring, years = of(config, board).first()
    if years >= LEAST_YEARS:
        return
    interval_s = config["interval_ms"] / 1000
    enough_s = round(_CHUNK * interval_s)
    if ring == "journal" and of(config | {"commit_ms": 1000 * enough_s}, board).log >= LEAST_YEARS:
        place, hint = ("commit_seconds",), f"With commit_seconds = {enough_s} it is not used."
    else:
        place, hint = ("interval_s",), "Choose a longer interval_s, or fewer channels."
    yield Problem(
        lines.where(place),
        f"The {ring} on the flash wears out in {spoken(years)}: a sector is specified for"
        f" {wear.CYCLES:,} erases.",
        hint,
    )

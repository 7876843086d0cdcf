# SPDX-License-Identifier: MIT
"""Which times can be true, by the clock of the computer that reads them.

Beyond two days ahead a time is left out. What is less ahead is used, for that clock may be
the wrong one, and is told, for then every figure of a day or night may be of another.
"""

import time
from datetime import UTC, datetime

EARLIEST_S = datetime(2020, 1, 1, tzinfo=UTC).timestamp()  # before that no node of ours existed
_LATEST_S = 2 * 86_400
_AHEAD_S = 600  # a crystal needs half a year for it


def latest_s() -> float:
    """Return the latest time that is used."""
    return time.time() + _LATEST_S


def ahead_s() -> float:
    """Return the time later than which no record can be taken yet: some clock is wrong."""
    return time.time() + _AHEAD_S


def month(name: str) -> bool:
    """Return whether a month, YYYY-MM, can have records."""
    first, last = (
        datetime.fromtimestamp(s, UTC).strftime("%Y-%m") for s in (EARLIEST_S, latest_s())
    )
    return first <= name <= last

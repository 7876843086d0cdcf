# SPDX-License-Identifier: MIT
"""The demo's leak is one leak, dated and sized right, at whatever hour of whichever weekday.

(`make campaign` runs all of them, with other chances and with a smaller leak.)
"""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from demo_water import Run

pytestmark = pytest.mark.filterwarnings("error")  # they would be on the user's screen
_MONDAY = datetime(2025, 12, 1, tzinfo=ZoneInfo("Asia/Jakarta"))
_HOURS = 168
# Weekday, hour and minute at which the page once told of two leaks, or dated it a day late.
_ONCE_WRONG = (
    "Mon 12:00", "Mon 16:39", "Tue 05:00", "Tue 16:40", "Wed 17:00", "Thu 18:20", "Thu 20:00",
    "Fri 12:00", "Fri 20:40", "Sun 04:00", "Sun 12:00",
)  # fmt: skip
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _at(day: str, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return _MONDAY + timedelta(days=_DAYS.index(day), hours=int(hour), minutes=int(minute))


@pytest.mark.parametrize("when", _ONCE_WRONG)
def test_where_it_was_once_told_wrongly(when: str, tmp_path: Path) -> None:
    assert Run(_at(*when.split())).said_wrong(tmp_path) == []


@pytest.mark.parametrize("hour", range(3, _HOURS, 11))
def test_at_hours_of_all_weekdays(hour: int, tmp_path: Path) -> None:
    """The hours that are left lie between those; the node goes on for none to ten minutes."""
    assert Run(_MONDAY + timedelta(hours=hour), extra=hour % 11).said_wrong(tmp_path) == []


@pytest.mark.campaign
@pytest.mark.parametrize("flow_l_s", [5.0, 3.0])
@pytest.mark.parametrize("hour", range(_HOURS))
def test_every_quarter_of_an_hour(hour: int, flow_l_s: float, tmp_path: Path) -> None:
    wrong = {}
    for quarter in range(4):
        run = Run(
            _MONDAY + timedelta(hours=hour, minutes=15 * quarter + hour % 15),
            flow_l_s, seed=1 + quarter // 2, extra=(hour + 3 * quarter) % 11,
        )  # fmt: skip
        if said := run.said_wrong(tmp_path / str(quarter)):
            wrong[f"{run.now:%a %H:%M}, seed {run.seed}"] = said
    assert wrong == {}

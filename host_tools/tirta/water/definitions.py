# SPDX-License-Identifier: MIT
"""What the district's figures mean, in one place; nodes, commands and pages use the same words.

**Record and minute**: a record's time is the end of its interval. It belongs to the whole minute in
which that lies, to the second; a whole minute ends the one before. Where a clock is trimmed back
into the minute before, the record belongs to the newest one all the same.

**Inflow**: volume that entered through the inlet meters; from counted pulses it is exact.

**Minimum night flow**: the lowest mean flow of a rolling hour, which is any sixty whole minutes in
a row that lie in the night window, with at least 95 % of its records there and good (QARTOD flags 1
and 2); the mean is theirs. One figure a night, on the node (alarm `night`, which rounds it down)
and here. Minutes and not records, so that a node needs sixty sums however often it records; and
95 %, for a lost record makes an hour no less true, but an hour left out can make a night too high.
Reported is the 20th percentile of the last 7 nights: UKWIR 99/WM/08/21, "Leakage Estimation from
Night Flow Analysis", recommends "a rolling 7 day 20 percentile using the minimum rolling hour each
night". At least 4 of the 7 nights must count, which is ours.

**A night counts** only while pressure held: in a district with intermittent supply the mains are
empty or roof tanks fill at night, and the lowest hour then says nothing about leaks. Pressure held
when at least 95 % of the pressure records from 3 hours before the window to its end are there (the
3 hours are for tanks to fill), and all of them are at or above the district's minimum pressure.
A night without a pressure sensor counts, and says so. What lies before the first record is not
asked for, but a night that began before it was not seen. Nor does a night count in which, or in the
3 hours before which, the clock was set back further than that: some of its minutes came twice.
A node that starts anew begins with its first record, and does not judge what came before it.

**Legitimate night use**: what customers really use in that hour: connections times the use of one,
plus users known by name. Both are the district file's; Tirta has no default, for figures of other
countries would be an invention here.

**Leakage**: reported minimum night flow minus legitimate night use, not below zero; its uncertainty
is in `leakage`. Leaks follow pressure: a day's leakage is the night's, times the hours of the day
weighted by (pressure / night pressure) ** N1 (May 1994; the hour-day factor); N1 is 1 unless the
district file says otherwise.

**Day class**: `working`, `saturday`, `sunday` or `holiday` (`calendar`): the district file names
the weekdays of rest and the holidays. A night is of the date on which it ends.

**Burst**: a rise of the night flow that stays, beyond what weekday, season, holidays and the day's
demand explain (`expected`, `events`), until a fall of its size (`leaks`). Start and end are then
searched to the minute against days of the same kind (`change_point`). A leak that grows begins, as
told, when it has a tenth of its size. A rise that an operator acknowledged is none. A node cannot
wait for whole nights: it applies a rule of its own to each clock hour of the night by itself.

**Backflow**: flow below zero, or pulses of a reverse channel, for at least two minutes in a row.

**Water balance**: what entered a zone, minus what left it into others, over the hours that all its
meters have; what they do not all have is told as coverage, never filled in.

**Compliance**: the share of a parameter's valid records that are within the limit
(`tirta.water.limits`). Valid are QARTOD flags 1 and 2; 3, 4 and 9 are counted beside it.
"""

from dataclasses import dataclass

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400

NIGHT_FROM_H = 0
NIGHT_TO_H = 5
NIGHTS = 7
PERCENTILE = 20
NIGHTS_AT_LEAST = 4
COVERAGE_PERCENT = 95  # of an hour's records, and of those of pressure
PRESSURE_MIN_M = 5.0
REFILL_S = (
    3 * HOUR_S
)  # after pressure returned: empty pipes and roof tanks fill, flow is not demand
BACKFLOW_S = 120
N1 = 1.0


@dataclass(frozen=True)
class BurstRule:
    """When bursts can be told; what decides them is `expected` and `events`."""

    nights_at_least: int = 7  # before that nothing is known of the week
    rise_at_least_lps: float = 0.1
    onset_known_days: float = 30.0  # a growth that nobody repaired and that began anywhere in a
    # longer time is not told from a season


BURST = BurstRule()

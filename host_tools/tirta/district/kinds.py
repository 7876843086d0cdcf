# SPDX-License-Identifier: MIT
"""What each kind of figure is called, and the formula that makes it: for people, in one place.

A figure's kind is the word of its id behind the zone, node or channel: `leakage` of z7/leakage.
docs/DISTRICT.md has the definitions and their sources.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`title` as a person says it; `formula` in words, with the parts by their titles."""

    title: str
    formula: str


KINDS = {
    "inflow": Kind("Inflow", "sum over the zone's meters of flow x interval of each record"),
    "night": Kind(
        "Flow of the night",
        "lowest mean of 60 minutes in a row of net inflow, inside the night window",
    ),
    "night-flow": Kind(
        "Night flow", "20th percentile of the flow of the nights that count, of seven"
    ),
    "leakage": Kind(
        "Leakage at night",
        "night flow - legitimate night use (connections x litres per connection and hour"
        " + named users)",
    ),
    "recoverable": Kind(
        "Recoverable",
        "leakage at night x hours of the night that a day is worth x days, less the unavoidable"
        " losses where they are known",
    ),
    "burst": Kind(
        "Suspected leak", "flow of the nights since it began - flow of the nights before"
    ),
    "change": Kind(
        "Acknowledged change", "flow of the nights since it began - flow of the nights before"
    ),
    "balance": Kind(
        "Net inflow", "inflow - outflow - inflow of zones below, over hours that all meters have"
    ),
    "not-billed": Kind("Not billed (NRW)", "net inflow - billed volume of the district file"),
    "backflow": Kind("Backflow", "largest flow of the stretch in which water ran backwards"),
    "no-supply": Kind("Without water", "hours in which pressure stayed under the limit of supply"),
    "meter": Kind("Sick meter", "why its flow is not believed (meter health)"),
    "misdated": Kind(
        "Flow without a usable time", "sum of flow x interval of records without a time that can be"
    ),
    "system-input": Kind("System input", "net inflow"),
    "billed": Kind("Billed", "billed volume of the district file"),
    "unbilled": Kind("Unbilled authorised", "authorised volume without a bill, district file"),
    "authorised": Kind("Authorised consumption", "billed + unbilled authorised"),
    "losses": Kind("Water losses", "system input - authorised consumption"),
    "apparent": Kind(
        "Apparent losses",
        "unauthorised share x system input + billed x error / (1 - error) of customers' meters",
    ),
    "real": Kind("Real losses", "water losses - apparent losses"),
    "nrw": Kind("Non-revenue water", "(system input - billed) / system input"),
    "uarl": Kind(
        "Unavoidable real losses",
        "(18 x km of mains + 0.8 x connections + 25 x km of private pipe) x m of pressure, L a day",
    ),
    "carl": Kind(
        "Current real losses",
        "real losses a day; without billing, leakage at night x"
        " hours of the night that a day is worth",
    ),
    "ili": Kind("Infrastructure leakage index", "current real losses / unavoidable real losses"),
    "completeness": Kind("Records there", "records there / records due, of the fullest channel"),
    "compliance": Kind(
        "Within the limit", "valid records within the limit / valid records of the channel"
    ),
    "outside": Kind("Outside the limit", "value furthest from the limit in this stretch"),
}


def split(figure: str) -> tuple[str, str, str]:
    """Return (whose it is, its kind, the rest) of an id: ("z7", "night", "2025-03-23").

    Whose it is may be a zone, a node, or NODE/CHANNEL. The kind is empty for one that nobody
    named.
    """
    words = figure.split("/")
    for at in range(1, len(words)):
        if words[at] in KINDS:
            return "/".join(words[:at]), words[at], "/".join(words[at + 1 :])
    return words[0], "", "/".join(words[1:])

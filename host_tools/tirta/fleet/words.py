# SPDX-License-Identifier: MIT
"""What the page of all cities says, in a person's language."""

from tirta.text.translation import ENGLISH, languages, translator


def words(code: str) -> dict[str, str]:
    """Return the texts by what they are for."""
    titles = {
        "title": "Nodes of all cities",
        "all": "All cities",
        "nodes": "Nodes",
        "ok": "All is here",
        "silent": "Silent",
        "behind": "Behind",
        "alarms": "Alarm raised",
        "battery": "Battery low",
        "clock": "Clock unsure",
        "lost": "Records lost",
        "city": "City",
        "district": "District",
        "node": "Node",
        "name": "Name",
        "state": "State",
        "heard": "Last heard",
        "missing": "Records missing",
        "firmware": "Firmware",
        "missing_column": "Missing",
        "lost_column": "Lost",
        "clock_column": "Clock",
        "battery_column": "Battery",
        "alarms_column": "Alarms",
        "search": "Search: city, district, node, name, firmware, alarm",
        "none": "No node is so.",
        "nodistrict": "in no district file",
        "never": "never",
        "now": "just now",
        "minutes": "{n} min ago",
        "hours": "{n} h ago",
        "days": "{n} days ago",
        "report": "Report of the district",
        "live": "live",
        "off": "no answer from tirta serve: what is shown is old",
        "before": "Earlier rows",
        "after": "Later rows",
        "of": "rows {a} to {b} of {n}",
        "unset": "not set",
        "sort": "Sort by this column",
        "language": "Language",
    }
    say = translator(code)
    return {name: say(title) for name, title in titles.items()}


def spoken(asked: str | None, header: str) -> str:
    """Choose a language: the one that was asked for, else the first of a browser's that there
    is.
    """
    known = [ENGLISH, *languages()]
    if asked in known:
        return str(asked)
    for part in header.split(","):
        code = part.partition(";")[0].strip().partition("-")[0].lower()
        if code in known:
            return code
    return ENGLISH

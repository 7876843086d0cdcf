# SPDX-License-Identifier: MIT
"""Names of parameters and of kinds of requests, as the page calls them."""

from tirta.district import feedback
from tirta.report.language import Language


def parameter(words: Language, name: str) -> str:
    """Return what a citizen calls a parameter; a name that nobody foresaw stays as it is."""
    known = {
        "turbidity": words.text("Clearness (turbidity)"),
        "chlorine": words.text("Chlorine"),
        "ph": words.text("Acidity (pH)"),
        "tds": words.text("Dissolved salts"),
        "temperature": words.text("Temperature"),
        "conductivity": words.text("Conductivity"),
    }
    return known.get(name, name.replace("_", " "))


def unit(name: str) -> str:
    """Return a unit as it is printed."""
    return {"uS/cm": "µS/cm", "degC": "°C", "pH": "", "m3": "m³"}.get(name, name)


def limit_text(words: Language, low: float | None, high: float | None, of: str) -> str:
    """Write 6.5 to 8.5, or at most 3 NTU."""
    sign = f" {unit(of)}".rstrip()
    if low is not None and high is not None:
        both = {"low": words.plain(low), "high": words.plain(high), "unit": sign}
        return words.text("%(low)s to %(high)s%(unit)s", **both)
    if high is not None:
        return words.text("at most %(high)s%(unit)s", high=words.plain(high), unit=sign)
    return words.text("at least %(low)s%(unit)s", low=words.plain(low or 0.0), unit=sign)


def reports(words: Language, category: str, num: int) -> str:
    """Say that 3 people reported brown water."""
    if category == feedback.BROWN_WATER:
        return words.plural(
            "%(num)s person reported brown water.", "%(num)s people reported brown water.", num
        )
    if category == feedback.NO_WATER:
        return words.plural(
            "%(num)s person reported that no water came.",
            "%(num)s people reported that no water came.",
            num,
        )
    if category == feedback.LOW_PRESSURE:
        return words.plural(
            "%(num)s person reported weak pressure.", "%(num)s people reported weak pressure.", num
        )
    if category == feedback.SMELL:
        return words.plural(
            "%(num)s person reported smell or taste.",
            "%(num)s people reported smell or taste.",
            num,
        )
    if category == feedback.LEAK:
        return words.plural(
            "%(num)s person reported a leak.", "%(num)s people reported a leak.", num
        )
    return words.plural(
        "%(num)s person reported something else.", "%(num)s people reported something else.", num
    )

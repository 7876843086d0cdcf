# SPDX-License-Identifier: MIT
"""What the page says, in one language: texts, numbers, dates.

Translations are gettext catalogues, `locale/LANGUAGE/tirta.po`, read as they are: Babel parses them
when a page is built, so no compiled file can be older than its source.
"""

import gettext
import io
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from tirta.text import scaled

LANGUAGES = ("en", "id")
_LOCALE = Path(__file__).parent / "locale"


def catalogue(code: str) -> gettext.NullTranslations:
    """Return the texts of a language; English is what the code says itself."""
    path = _LOCALE / code / "tirta.po"
    if code == "en":
        return gettext.NullTranslations()
    with path.open("rb") as file:
        parsed = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, parsed)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class Language:
    """Texts, numbers and dates of one language, in the district's time zone."""

    def __init__(self, code: str, zone: ZoneInfo) -> None:
        self.code = code
        self.zone = zone
        self.locale = Locale.parse("en_GB" if code == "en" else code)
        self._texts = catalogue(code)
        self.gettext = self._texts.gettext
        self.ngettext = self._texts.ngettext

    def text(self, message: str, **values: object) -> str:
        """Say a sentence with its values put in."""
        return self._texts.gettext(message) % values if values else self._texts.gettext(message)

    def plural(self, one: str, many: str, num: int, **values: object) -> str:
        """Say a sentence that depends on a number, `%(num)s` in it."""
        shown = {"num": self.number(num, 0), **values}
        return self._texts.ngettext(one, many, num) % shown

    def number(self, value: float, digits: int = 1) -> str:
        """Write 1,234.5 as the language does."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(value, pattern, locale=self.locale)

    def significant(self, value: float) -> str:
        """Write about three digits: 0.458, 4.58, 45.8, 458."""
        size = abs(value)
        return self.number(value, 3 if size < 0.1 else 2 if size < 10 else 1 if size < 100 else 0)

    def plain(self, value: float) -> str:
        """Write as few digits as say it: 3, 0.2, 6.5."""
        return format_decimal(value, "#,##0.####", locale=self.locale)

    def percent(self, share: float, digits: int = 1) -> str:
        """Write 99.8 %. It is never rounded up to a whole 100 % that was not reached."""
        if share < 1:
            share = min(share, 1 - 10 ** -(digits + 2))
        return format_percent(share, "0." + "0" * digits + "%", locale=self.locale)

    def day(self, day: date, pattern: str = "d MMMM y") -> str:
        """Write 23 March 2025."""
        return format_date(day, pattern, locale=self.locale)

    def time(self, time_s: float, pattern: str = "d MMM HH:mm") -> str:
        """Write 23 Mar 02:35, local."""
        return format_datetime(
            datetime.fromtimestamp(time_s, self.zone), pattern, tzinfo=self.zone, locale=self.locale
        )

    def duration(self, seconds: float) -> str:
        """Write 45 minutes, 3.5 hours, 2.1 days."""
        value, unit = scaled(seconds)
        if unit == "days":
            return self.text("%(days)s days", days=self.number(value, 1))
        if unit == "hours":
            return self.text("%(hours)s hours", hours=self.number(value, 1))
        return self.plural("%(num)s minute", "%(num)s minutes", round(seconds / 60))

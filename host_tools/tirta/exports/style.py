# SPDX-License-Identifier: MIT
"""How people want a table: whose time, which signs, one row a record or one a value."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tirta.errors import TirtaError


@dataclass(frozen=True)
class Style:
    """The default is what scripts rely on: a row a value, UTC, comma and point.

    `zone` is whose local time is meant; None is this computer's.
    """

    wide: bool = False
    local_time: bool = False
    zone: ZoneInfo | None = None
    separator: str = ","
    decimal: str = "."

    def __post_init__(self) -> None:
        sign = self.separator
        if len(sign) != 1 or sign.isalnum() or sign in "\"'.+-\r\n":
            raise TirtaError(
                f"{sign!r} cannot separate columns.",
                "Name one sign, as --separator ';' for Excel in Indonesian.",
            )
        if self.decimal not in {".", ","}:
            raise TirtaError(f"{self.decimal!r} is no decimal sign.", "It is --decimal ',' or '.'.")
        if sign == self.decimal:
            raise TirtaError(
                "Columns and decimals cannot have the same sign.",
                "Excel in Indonesian reads --separator ';' --decimal ','.",
            )

    @property
    def time_title(self) -> str:
        """What stands over the times."""
        return "time_local" if self.local_time else "time_utc"

    def number(self, text: str) -> str:
        """Write a number with this style's decimal sign."""
        return text if self.decimal == "." else text.replace(".", self.decimal)


def zone_named(name: str) -> ZoneInfo:
    """Return a time zone. Raises TirtaError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TirtaError(
            f"{name!r} is no time zone.",
            "Name one, as Asia/Jakarta or Asia/Makassar.",
        ) from error

# SPDX-License-Identifier: MIT
"""The one exception of the laptop tools, and what is wrong with a file that a person wrote.

`TirtaError` is for a person: it says what is wrong and what to do next. `tirta.cli.main` catches
it, prints it and exits with 1; nothing else does. A programming error stays a traceback.
"""

from dataclasses import asdict, dataclass
from typing import Any


class TirtaError(Exception):
    """What is wrong (`what`) and the next step (`hint`), each one plain sentence."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}" if self.hint else self.what


@dataclass(frozen=True)
class Problem:
    """What is wrong in a file that a person wrote: `where` (a key, with FILE:LINE where that is
    known), `what`, and the next step (`hint`).
    """

    where: str
    what: str
    hint: str

    def as_json(self) -> dict[str, Any]:
        """Give the three by name."""
        return asdict(self)

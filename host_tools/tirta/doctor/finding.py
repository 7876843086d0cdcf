# SPDX-License-Identifier: MIT
"""What a rule finds."""

from dataclasses import asdict, dataclass, field
from typing import Any

FAULT = "fault"  # data is missing or wrong, or soon will be
WARNING = "warning"  # it works, and somebody should look
NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """`id` is stable, for scripts; `what` is the observation, `next` what to do about it."""

    id: str
    severity: str
    what: str
    next: str
    channel: str = ""


@dataclass(frozen=True)
class Report:
    """`ok` when there is nothing to do."""

    port: str
    node: str = ""
    name: str = ""
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """Return what `tirta doctor --json` prints: `ok` and `findings`, and what goes with
        them.
        """
        return {"ok": self.ok, **asdict(self)}

# SPDX-License-Identifier: MIT
"""What a node says in its log that it lost (FORMAT.md section 5, meta records of losses)."""

from collections.abc import Mapping
from typing import Any

from tirta.archive.holes import Loss
from tirta_format import meta

REASONS = {
    meta.LOSS_POWER: "a power cut",
    meta.LOSS_UNATTENDED: "nobody sampled",
    meta.LOSS_RING: "the memory was full",
    meta.LOSS_FLASH: "the flash failed",
    meta.LOSS_OVERWRITTEN: "overwritten before it was pulled",
    meta.LOSS_TORN: "the end of the log was torn or damaged",
}


def told(fields: Mapping[str, Any]) -> Loss | None:
    """Return the numbers that a loss is about, and why; None where it tells of no numbers, or for a
    reason that nobody here knows.
    """
    number, at_most = int(fields["number"]), int(fields["at_most"])
    why = REASONS.get(fields["reason"])
    return (number - at_most, number - 1, why) if why and at_most else None

# SPDX-License-Identifier: MIT
"""The pages of a log partition as they lie on flash, and a digest of what was decoded."""

import hashlib
from collections import Counter
from typing import Any

from tirta.log.decode import Log
from tirta_format import page as format_page


def pages(partition: bytes, epoch: int) -> list[tuple[int, bytes]]:
    """(sequence, bytes) of the log's pages of an epoch, in order."""
    found = {}
    for at in range(0, len(partition), format_page.SIZE):
        data = partition[at : at + format_page.SIZE]
        head = format_page.header(data)
        if head is not None and head.epoch == epoch:
            found[head.seq] = data
    return sorted(found.items())


def digest(log: Log) -> dict[str, Any]:
    """Counts, and a SHA-256 over every record's number, place, values and flags."""
    sha = hashlib.sha256()
    for batch in log.records:
        for column in (batch.number, batch.boot, batch.slot, batch.values):
            sha.update(column.astype("<i8").tobytes())
        sha.update(batch.flags.tobytes())
    return {
        "records": sum(len(batch.number) for batch in log.records),
        "events": {str(k): n for k, n in sorted(Counter(e.kind for e in log.events).items())},
        "problems": [problem for verdict in log.verdicts for problem in verdict.problems],
        "sha256": sha.hexdigest(),
    }

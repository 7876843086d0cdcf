# SPDX-License-Identifier: MIT
"""What a pull from a `Peer` must have brought."""

from pathlib import Path

from peer import UNIX_MS

from tirta.archive.evidence import Archive
from tirta.log.decode import decode_epoch


def check_records(archive: Path, count: int) -> None:
    (epoch,) = Archive(archive).epochs()
    log = decode_epoch(epoch)
    assert not [v for v in log.verdicts if v.problems]
    numbers = [int(n) for b in log.records for n in b.number]
    assert numbers == list(range(count))
    values = [list(map(int, row)) for b in log.records for row in b.values]
    assert values == [peer_values(n) for n in range(count)]
    assert log.anchors[1][0].unix_ms == UNIX_MS


def peer_values(number: int) -> list[int]:
    return [number * 7 % 50, 4500 + number % 13]

# SPDX-License-Identifier: MIT
"""Records as they were decoded: the one shape between the bytes of a page and what is made of them.

Everything stays in arrays: a value never becomes a Python object. The other shape of a record, with
its time, is `tirta.log.dating.DatedRecords`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tirta.ranges import Range

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Records:
    """Records under one config, by number: row i of each array is one record.

    `number`, `boot`, `slot` and `flags` (QARTOD) are as FORMAT.md has them; `values` are scaled
    integers, one column a channel, and of flag 9 mean nothing. `page` is the sequence of the page
    that they came from; of records out of several pages, of the first.
    """

    page: int
    config: dict[str, Any]
    config_hash: int
    number: Ints
    boot: Ints
    slot: Ints
    values: NDArray[np.int32]  # [record, column]
    flags: NDArray[np.uint8]  # [record, column]

    def __len__(self) -> int:
        return len(self.number)

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.values.size

    @property
    def uptime_ms(self) -> Ints:
        """When each was taken, in ms since its boot began."""
        return (self.slot + 1) * int(self.config["interval_ms"])

    def ranges(self) -> list[Range]:
        """Return the numbers of all records, where these go up."""
        if len(self) and self.number[-1] - self.number[0] == len(self) - 1:
            return [(int(self.number[0]), int(self.number[-1]))]
        ends = np.flatnonzero(np.diff(self.number) != 1)
        firsts = self.number[np.append(0, ends + 1)].tolist()
        return list(zip(firsts, self.number[np.append(ends, -1)].tolist(), strict=True))

    def take(self, rows: NDArray[Any]) -> "Records":
        """Take some of them; `rows` is an index or a mask of numpy's."""
        arrays = (getattr(self, name)[rows] for name in _ARRAYS)
        return Records(self.page, self.config, self.config_hash, *arrays)


_ARRAYS = [field.name for field in fields(Records)][3:]


def joined(parts: Sequence[Records]) -> Records:
    """Join records of one config, behind each other; there is at least one part."""
    first = parts[0]
    arrays = (np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS)
    return Records(first.page, first.config, first.config_hash, *arrays)

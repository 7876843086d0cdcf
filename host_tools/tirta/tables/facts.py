# SPDX-License-Identifier: MIT
"""Facts of pages: what the archive remembers of each, so that it need not be opened again.

They are the list of the evidence with its hashes (table `pages`), and say which records a page
has, where its gaps are, and what its header knows of time.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pyarrow as pa

from tirta.log.dating import Anchor
from tirta.log.decode import Verdict
from tirta.log.records import Records
from tirta.tables.layout import PAGE_SCHEMA
from tirta_format import page as format_page


@dataclass(frozen=True)
class Stretch:
    """`count` records of one boot; numbers and slots go up by one from the first one's."""

    boot: int
    number: int
    slot: int
    count: int


@dataclass(frozen=True)
class PageFacts:
    """One page; `interval_ms` is 0 as long as its config is not known."""

    page: int
    size: int
    sha256: str
    boot: int = 0
    number: int = 0
    config: str = ""
    interval_ms: int = 0
    unix_ms: int = 0
    source: int = 0
    uncertainty: int = format_page.UNKNOWN_UNCERTAINTY
    records: int = 0
    problems: tuple[str, ...] = ()
    stretches: tuple[Stretch, ...] = field(default=())

    def anchor(self) -> Anchor | None:
        """Return what its header says about the time of uptime 0."""
        return Anchor.of_page(self) if self.unix_ms else None


def hex_of(config_hash: int) -> str:
    """Write a config's hash as the tables write it."""
    return f"{config_hash:08x}"


def of_page(
    data: bytes,
    sha256: str,
    verdict: Verdict,
    records: Iterable[Records],
    configs: dict[int, dict[str, Any]],
) -> PageFacts:
    """Sum up a page that was just decoded; `configs` are those that are known, by hash."""
    sequence = verdict.page
    head = format_page.header(data.ljust(format_page.SIZE, b"\xff"))
    problems = tuple(verdict.problems)
    if head is None:
        return PageFacts(sequence, len(data), sha256, problems=problems)
    found = list(records)
    return PageFacts(
        sequence,
        len(data),
        sha256,
        head.boot,
        head.number,
        hex_of(head.config_hash),
        int(configs.get(head.config_hash, {}).get("interval_ms", 0)),
        head.unix_ms,
        head.source,
        head.uncertainty,
        sum(map(len, found)),
        problems,
        tuple(stretch for one in found for stretch in _stretches(one)),
    )


def _stretches(found: Records) -> list[Stretch]:
    breaks = (np.diff(found.number) != 1) | (np.diff(found.slot) != 1) | (np.diff(found.boot) != 0)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    counts = np.diff(np.append(starts, len(found)))
    columns = (found.boot[starts], found.number[starts], found.slot[starts], counts)
    return [Stretch(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def to_table(epoch: int, found: Iterable[PageFacts]) -> pa.Table:
    """Turn facts into the table `pages`."""
    rows = [{"epoch": epoch, **asdict(facts)} for facts in found]
    return pa.Table.from_pylist(rows, schema=PAGE_SCHEMA)


def from_table(table: pa.Table) -> dict[int, PageFacts]:
    """Read the facts by page."""
    names = {f.name for f in fields(PageFacts)}
    found = {}
    for row in table.to_pylist():
        known: dict[str, Any] = {name: row[name] for name in names}
        known["problems"] = tuple(row["problems"])
        known["stretches"] = tuple(Stretch(**stretch) for stretch in row["stretches"])
        found[row["page"]] = PageFacts(**known)
    return found

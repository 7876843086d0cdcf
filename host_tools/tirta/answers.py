# SPDX-License-Identifier: MIT
"""What a node answers, as values with names (FORMAT.md section 10)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hello:
    """Who answers."""

    node: str
    board: str
    firmware: str
    mode: str
    name: str


@dataclass(frozen=True)
class Committed:
    """Where the durable log ends: the next record, the newest page, the end of its chunks."""

    next_record: int
    page: int
    end: int


@dataclass(frozen=True)
class IndexEntry:
    """One page in the node's log."""

    page: int
    first_record: int
    header_crc: int

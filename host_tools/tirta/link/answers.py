# SPDX-License-Identifier: MIT
"""What a node may answer (FORMAT.md section 10): the one place where its words are believed.

Every JSON answer has a model in `tirta.link.answer_models`, with types, ranges and lengths; a text
comes out on one line and printable. What does not fit raises ValueError, and nothing of it is used.
Keys that a newer node adds are left out; keys that an older one lacks are absent.

The contract of a reader here: it gets the payload of an answer, which anybody may have made,
returns values within the bounds of FORMAT.md, and raises ValueError for all else and nothing
besides.
`Conversation.checked` calls it and makes the error for a person.
"""

import json
import struct
from dataclasses import dataclass
from typing import Any, Self

from tirta.link.answer_models import MODELS, Status
from tirta.text import bounded
from tirta_format import frame
from tirta_format import page as format_page

MAX_PAGES = 65_536  # in a log: 256 MB, more than any flash of these chips
_MOST_DIGITS = 20
# What `tirta status` shows; every firmware since 0.1.0 tells it, the rescue too.
WHOLE_STATUS = frozenset((
    "epoch", "next_record", "oldest_record", "overruns", "lost", "log_used", "clock", "mode",
    "alarms", "boot", "cause", "uptime_s", "heap_free",
))  # fmt: skip


def read(kind: int, answer: bytes) -> dict[str, Any]:
    """Read the JSON answer to a request of this type, as far as it was sent. Raises ValueError."""
    try:
        document = json.loads(answer, parse_int=_short, parse_float=float, parse_constant=_never)
        document = bounded(document)
        found = MODELS[kind].model_validate_json(json.dumps(document))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    told = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert isinstance(told, dict)  # noqa: S101  all models are objects
    return told


def filled(status: dict[str, Any]) -> dict[str, Any]:
    """Fill a checked status: what a node did not tell is 0, empty or
    unset.
    """
    return Status(**status).model_dump(mode="json")


def _short(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


def _never(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


@dataclass(frozen=True)
class Hello:
    """Who answers."""

    node: str
    board: str
    firmware: str
    mode: str
    name: str

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """Make it of a checked answer."""
        return cls(*(told.get(key, "") for key in cls.__dataclass_fields__))


@dataclass(frozen=True)
class Committed:
    """Where the durable log ends: the next record, the newest page, the end of its chunks."""

    next_record: int
    page: int
    end: int

    @classmethod
    def of(cls, answer: bytes) -> Self:
        """Read an answer. Raises ValueError for what no log can be."""
        found = cls(*_unpacked("<IIH", answer))
        if found.end > format_page.SIZE:
            raise ValueError("a page ends behind its end")
        return found


@dataclass(frozen=True)
class IndexEntry:
    """One page in the node's log."""

    page: int
    first_record: int
    header_crc: int


def index(answer: bytes, since: int) -> tuple[list[IndexEntry], bool]:
    """Read the pages of an answer, whose sequences go up from `since` on, and whether more
    follow.

    Raises ValueError.
    """
    if not answer or (len(answer) - 1) % struct.calcsize(frame.INDEX_ENTRY) or answer[0] > 1:
        raise ValueError("an index of another length")
    found = [IndexEntry(*e) for e in struct.iter_unpack(frame.INDEX_ENTRY, answer[1:])]
    for entry in found:
        if entry.page < since:
            raise ValueError("an index that does not go up")
        since = entry.page + 1
    if answer[0] and not found:
        raise ValueError("an index without an end")
    return found, bool(answer[0])


def part(answer: bytes, most: int) -> tuple[int, bytes]:
    """Read (length of the whole, a part) of a text of at most `most` bytes. Raises ValueError."""
    (whole,) = _unpacked("<H", answer[:2])
    if whole > most or len(answer) - 2 > whole:
        raise ValueError("a text longer than it may be")
    return whole, answer[2:]


def number(layout: str, answer: bytes, most: int) -> int:
    """Read the one number of an answer, at most `most`. Raises ValueError."""
    (found,) = _unpacked(layout, answer)
    if found > most:
        raise ValueError("a number that is too large")
    return int(found)


def exactly(size: int, answer: bytes) -> bytes:
    """Return an answer, which must have so many bytes. Raises ValueError."""
    if len(answer) != size:
        raise ValueError("an answer of another length")
    return answer


def _unpacked(layout: str, answer: bytes) -> tuple[Any, ...]:
    """The beginning of an answer; longer ones are of a newer node."""
    if len(answer) < struct.calcsize(layout):
        raise ValueError("an answer that is cut off")
    return struct.unpack_from(layout, answer)

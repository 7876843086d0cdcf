# SPDX-License-Identifier: MIT
"""Lies, made from the formats: every field of every answer, each with what it must not be.

An answer in JSON is taken as it is when it is true, and each of its keys and items is replaced,
removed or doubled; a binary one gets each of its numbers at the ends of their ranges, and is cut
and made longer everywhere. What no format says, frames of other types and refusals, comes besides.
"""

import json
import random
import struct
import unicodedata
from collections.abc import Iterator
from typing import Any

from liar import Lie, Reply

from tirta_format import frame, updates

DEEP = "[" * 200_000
PATHS = ("/dev/zero", "../../../etc/passwd", "..", "/", "C:\\nul", "virtual.toml")
# Texts of JSON, not values: some of them no Python value is written as.
JSON_LIES = (
    "null", "true", "-1", "4294967295", "4294967296", "9223372036854775807", "18446744073709551615",
    "18446744073709551616", "1" + "0" * 300, "9" * 4000,
    "1.5", "1e400", "NaN", "-Infinity", '""', '"x"', json.dumps("y" * 5000), "[]", "{}", "[[]]",
    '"\\u001b]0;title\\u0007\\u001b[2J"', '"[/]"', '"0.1.\\u00b2"', '"\\ud800"',
    '{"a": {"b": {}}}', DEEP[:3000],
    *(json.dumps(path) for path in PATHS),
)  # fmt: skip
DOCUMENT_LIES = (
    b"", b"\0", b"{", b"[]", b"7", b'"text"', b"null", b"\xff\xfe", b"{}" * 9, DEEP.encode(),
    b'{"a":' * 700 + b"1" + b"}" * 700, b"[" + b"0," * 2000 + b"0]", b'{"node": "x", "node": []}',
)  # fmt: skip
BINARY = {  # the numbers of answers that are not JSON
    frame.COMMIT: "<IIH", frame.INDEX: "<BIIIIII", frame.CONFIG_GET: "<H", frame.CONFIG_PUT: "<H",
    frame.DATA - frame.ANSWER: frame.DATA_HEAD, frame.END - frame.ANSWER: "<IB",
    updates.HASHES: "<IIII",
}  # fmt: skip
_CODES = range(10)
_CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_TEXTS = (b"", b"\x1b[2J" * 99, b"\xff" * 300)


def obeyed(said: str) -> list[str]:
    """What of a command's words a terminal would obey, or hide."""
    return [c for c in said if unicodedata.category(c) in _CONTROLS and c not in "\n\t"]


class _Text(str):
    """A text of JSON that goes into a document as it is."""

    __slots__ = ()


def _written(value: Any) -> str:
    if isinstance(value, _Text):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)}: {_written(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value)


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and item of a document, at every depth."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield (*at, key)
        yield from _places(value[key], (*at, key))


def _with(value: Any, at: tuple[Any, ...], item: Any) -> Any:
    """A copy of a document with another item at a place; removed where it is `...`."""
    if not at:
        return item
    made = value.copy()
    if item is ... and len(at) == 1:
        del made[at[0]]
    else:
        made[at[0]] = _with(value[at[0]], at[1:], item)
    return made


def of_json(answer: bytes) -> Iterator[tuple[str, bytes]]:
    """(what it is, an answer that is not true)."""
    true = json.loads(answer)
    for place in _places(true):
        name = ".".join(map(str, place))
        yield f"without {name}", _written(_with(true, place, ...)).encode()
        for text in JSON_LIES:
            yield f"{name} = {text:.20}", _written(_with(true, place, _Text(text))).encode()
    for at, whole in enumerate(DOCUMENT_LIES):
        yield f"document {at}", whole
    for at in range(0, len(answer), max(1, len(answer) // 9)):
        yield f"cut at {at}", answer[:at]


def of_binary(answer: bytes, layout: str) -> Iterator[tuple[str, bytes]]:
    """The same for numbers at the beginning of an answer."""
    size = struct.calcsize(layout)
    if len(answer) >= size:
        true = struct.unpack_from(layout, answer)
        for i, letter in enumerate(layout.lstrip("<")):
            top = 256 ** struct.calcsize("<" + letter) - 1
            for number in sorted({0, 1, true[i] - 1, true[i] + 1, top // 2, top - 1, top}):
                if 0 <= number <= top:
                    made = [*true[:i], number, *true[i + 1 :]]
                    yield f"number {i} = {number}", struct.pack(layout, *made) + answer[size:]
    for at in sorted({*range(min(len(answer), size + 2)), len(answer) // 2, len(answer) - 1}):
        yield f"cut at {at}", answer[: max(0, at)]
    yield "empty", b""
    for more in (b"\0", b"\xff" * 4, bytes(300), bytes(4000)):
        yield f"{len(more)} more", answer + more


def of_answer(kind: int, answer: bytes) -> Iterator[tuple[str, bytes]]:
    """Lies for the true answer to a request of this type."""
    if answer[:1] == b"{":
        return of_json(answer)
    return of_binary(answer, BINARY.get(kind, "<"))


def replacing(kind: int, payload: bytes) -> Lie:
    """Say `payload` whenever the answer to that request is due."""

    def lie(asked: int, replies: list[Reply]) -> list[Reply]:
        if asked != kind or replies[0][0] == frame.REFUSAL:
            return replies
        return [(asked + frame.ANSWER, payload)]

    return lie


def of_frames(kind: int) -> Iterator[tuple[str, Lie]]:
    """What may come instead of, before or after an answer of any format."""

    def only(name: str, what: list[Reply]) -> tuple[str, Lie]:
        return name, lambda asked, replies: what if asked == kind else replies

    for code in _CODES:
        yield only(f"refusal {code}", [(frame.REFUSAL, bytes((code,)) + _TEXTS[code % 3])])
    yield only("empty refusal", [(frame.REFUSAL, b"")])
    yield only("silence", [])
    yield only("another type", [(0x7F, b"{}"), (0xFE, b"")])
    yield only("a storm of other types", [(0xFE, b"x" * 100)] * 300)
    yield only("data that nobody asked for", [(frame.DATA, bytes(64))] * 50)
    yield "twice", lambda asked, replies: replies * 2 if asked == kind else replies
    yield "backwards", lambda asked, replies: replies[::-1] if asked == kind else replies


def mutated(chance: random.Random, answer: bytes) -> bytes:
    """Any change of an answer: for searches that go on and on."""
    which = chance.randrange(6)
    true = _document(answer) if which == 0 else None
    if true is not None:
        for _ in range(chance.choice((1, 1, 2, 5))):
            place = chance.choice([*_places(true)] or [()])
            if place:
                item = ... if chance.random() < 0.1 else _any(chance)
                true = _with(true, place, item)
        return _written(true).encode()
    data = bytearray(answer)
    if which == 1 or not data:
        return chance.randbytes(chance.choice((0, 1, 2, 9, 40, 400, 4000)))
    if which == 2:
        return bytes(data[: chance.randrange(len(data))])
    if which == 3:
        return bytes(data) + chance.randbytes(chance.choice((1, 4, 12, 500)))
    for _ in range(chance.choice((1, 2, 8))):
        at = chance.randrange(len(data))
        size = chance.choice((1, 2, 4))
        data[at : at + size] = chance.choice((bytes(size), b"\xff" * size, chance.randbytes(size)))
    return bytes(data)


def _document(answer: bytes) -> Any:
    """The object that an answer is, or None: a sealed one is not."""
    try:
        return json.loads(answer) if answer[:1] == b"{" else None
    except ValueError:
        return None


def _any(chance: random.Random) -> Any:
    """Some value of JSON."""
    which = chance.randrange(5)
    if which == 0:
        return _Text(chance.choice(JSON_LIES))
    if which == 1:
        return chance.randrange(-(2**40), 2**40) >> chance.randrange(40)
    if which == 2:
        return chance.uniform(-1, 1) * 10 ** chance.randrange(-5, 12)
    if which == 3:
        return "".join(chr(chance.randrange(0x250)) for _ in range(chance.randrange(40)))
    return [_any(chance) for _ in range(chance.randrange(4))]

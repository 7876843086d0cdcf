# SPDX-License-Identifier: MIT
"""Numbers in place of constants change no result, move no line and take nothing that is needed."""

import ast
import sys
from pathlib import Path
from types import ModuleType

import pytest
from firmware_sources import names

from tirta.files.paths import firmware_dir
from tirta.image.build import VFS_FILES
from tirta.image.inline_constants import inline

KINDS = '''\
"""A module of constants."""
HEAD = 2
SIZE = HEAD << 4 | 1
LOW, HIGH = -5, 5
A, B, C = range(3)
NAMED = 7
MARK = b"Tr"
TWICE = 1
TWICE = 2
LOOSE = 3
TOLD = 4
_OWN = const(9)
_FREE = 10
FREE = 11
RATE = 1.5
ASKED = 12


def size(n):
    return n * SIZE + _OWN + _FREE


def hidden(HEAD):
    return HEAD


def loose(name):
    return globals()[name]
'''
USER = '''\
"""A module that asks it."""
from pack import kinds
from pack.kinds import (
    B,
    NAMED as CALLED,
    size,
)


def all_of_them(thing):
    from pack import kinds as later

    near = [kinds.SIZE, kinds.HIGH - kinds.LOW, B, CALLED, size(2), later.C, kinds.hidden(1)]
    return near + [f"{kinds.A} {kinds.SIZE:>4}", kinds.loose("TOLD"), thing.LOOSE, kinds.TWICE]


def only_constants():
    from pack import kinds as other

    return other.C + \\
        other.FREE, kinds.RATE, kinds.MARK


def another(thing):
    return thing.HIGH


def masked(pieces):
    from pack import kinds as piece

    for piece in pieces:
        pass
    return piece.HIGH
'''
BOOT = "from pack import kinds\n\nprint(kinds.ASKED)\n"
SOURCES = {Path("pack/kinds.py"): KINDS.encode(), Path("pack/user.py"): USER.encode()}


def inlined() -> dict[str, str]:
    return {path.stem: text.decode() for path, text in inline(SOURCES, [BOOT.encode()]).items()}


def told(monkeypatch: pytest.MonkeyPatch, kinds: str, user: str) -> list[object]:
    """What the two modules answer."""
    monkeypatch.setitem(sys.modules, "pack", pack := ModuleType("pack"))
    for name, source in (("kinds", kinds), ("user", user)):
        module = ModuleType(f"pack.{name}")
        module.__dict__["const"] = int
        monkeypatch.setitem(sys.modules, module.__name__, module)
        setattr(pack, name, module)
        exec(compile(source, name, "exec"), module.__dict__)
    asked = sys.modules["pack.user"].__dict__
    thing = type("Thing", (), {"LOOSE": 30, "HIGH": 31})
    return [
        asked["all_of_them"](thing),
        asked["only_constants"](),
        asked["another"](thing),
        asked["masked"]([thing]),
    ]


def test_the_program_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    after = inlined()
    answers = told(monkeypatch, KINDS, USER)
    assert answers == told(monkeypatch, after["kinds"], after["user"])
    assert answers == [
        [33, 10, 1, 7, 85, 2, 1, "0   33", 4, 30, 2], (13, 1.5, b"Tr"), 31, 31
    ]  # fmt: skip


def test_what_never_changes_has_no_name() -> None:
    after = inlined()
    kinds, user = names(after["kinds"]), names(after["user"])
    assert not kinds & {"NAMED", "B", "C", "LOW"}
    assert {"_B", "_C", "_LOW", "_OWN"} <= kinds
    assert not user & {"NAMED", "CALLED", "B", "C", "LOW", "later"}
    assert "size" in user
    assert "kinds.RATE" in ast.unparse(ast.parse(after["user"]))


def test_what_others_may_mean_stays() -> None:
    """Bound twice, told in a text, asked of something else, asked by a program that stays as it is,
    hidden by a parameter, beside a private twin, and what is no whole number.
    """
    kinds = names(inlined()["kinds"])
    assert {"TWICE", "TOLD", "LOOSE", "HIGH", "ASKED", "HEAD", "FREE", "RATE", "MARK"} <= kinds


def test_an_import_goes_that_only_an_object_has_a_name_for() -> None:
    """`thing.kinds` is no question to the module `plain`; `asked.kinds` is one."""
    sources = {
        Path("pack/kinds.py"): b"A = 1\n",
        Path("pack/plain.py"): b"from pack import kinds\n\nfound = kinds.A\n",
        Path("pack/asked.py"): b"from pack import kinds\n\nfound = kinds.A\n",
        Path("pack/user.py"): b"from pack import asked\n\n\ndef use(thing):\n"
        b"    return thing.kinds, asked.kinds\n",
    }
    after = {path.stem: names(text.decode()) for path, text in inline(sources).items()}
    assert "kinds" not in after["plain"]
    assert {"kinds", "found"} <= after["asked"]


def test_lines_stay_where_they_are() -> None:
    after = inlined()
    assert len(after["kinds"].splitlines()) == len(KINDS.splitlines())
    assert len(after["user"].splitlines()) == len(USER.splitlines())


def test_our_firmware_needs_fewer_names() -> None:
    root = firmware_dir()
    sources = {path.relative_to(root): path.read_bytes() for path in root.rglob("*.py")}
    askers = [sources.pop(Path(name)) for name in VFS_FILES]
    after = inline(sources, askers)
    public = {name for source in sources.values() for name in names(source) if name[0] != "_"}
    left = {name for source in after.values() for name in names(source) if name[0] != "_"}
    assert len(public - left) > 150
    for path, source in sources.items():
        assert after[path].count(b"\n") == source.count(b"\n"), path

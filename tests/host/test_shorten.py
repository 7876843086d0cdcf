# SPDX-License-Identifier: MIT
"""Shorter names change nothing but names: same lines, same results, and nothing that others use."""

from pathlib import Path
from typing import Any

from firmware_sources import names

from tirta.files.paths import firmware_dir
from tirta.image.shorten_names import Names

ONE = '''\
"""A module."""
_LIMIT = const(7)
_table = [1, 2]


class Thing:
    def __init__(self, first, second):
        self._both = first + second
        self.open = [first for _ in range(2)]
        self._theirs = 0

    def _helper(self, amount, step=1):
        return self._both * amount + step + len(_table) + _LIMIT

    def _make_one(self):
        return getattr(self, "_make_" + "one")

    def result(self, amount):
        return self._helper(amount, step=3)

    @property
    def pace(self):
        return self._pace

    @pace.setter
    def pace(self, pace):
        self._pace = pace


def outer(value):
    def inner(value):
        return value

    return inner(value)
'''
TWO = """\
def _own(thing):
    return thing._theirs


def use(thing):
    return _own(thing)
"""


def tree() -> Names:
    return Names({Path("one.py"): ONE.encode(), Path("two.py"): TWO.encode()})


def test_what_only_one_module_says_is_short() -> None:
    short = tree().shorten(Path("one.py"))
    left = names(short)
    assert not left & {"_both", "_helper", "_table", "first", "second", "amount"}
    # What others say, what a call names, constants, scopes in scopes.
    assert left >= {
        "_theirs",
        "_make_one",
        "step",
        "open",
        "_LIMIT",
        "result",
        "Thing",
        "inner",
        "value",
    }
    assert len(short.splitlines()) == len(ONE.splitlines())


def test_the_program_does_the_same() -> None:
    shorter = tree()
    told = []
    for one, two in ((ONE, TWO), [shorter.shorten(Path(name)) for name in ("one.py", "two.py")]):
        modules: list[dict[str, object]] = [{"const": int}, {}]
        for source, space in zip((one, two), modules, strict=True):
            exec(compile(source, "module.py", "exec"), space)
        space = modules[0] | {"use": modules[1]["use"]}
        code = (
            "thing = Thing(2, 3); thing.pace = 9\n"
            "told = [thing.result(4), thing.open, outer(5), use(thing), thing.pace]"
        )
        exec(code, space)
        told.append(space["told"])
    assert told[0] == told[1] == [32, [2, 2], 5, 0, 9]


def test_names_that_modules_happen_to_share_are_short_in_each() -> None:
    """But not where one of them may mean the other's."""
    own = "class {0}:\n    def __init__(self):\n        self._near = self._far = {1}\n"
    reaching = "\n\ndef far(thing):\n    return thing._far\n"
    sources = {"a.py": own.format("A", 1), "b.py": own.format("B", 2) + reaching}
    shorter = Names({Path(name): text.encode() for name, text in sources.items()})
    for name in sources:
        left = names(shorter.shorten(Path(name)))
        assert "_near" not in left
        assert "_far" in left


def test_our_firmware_needs_fewer_names() -> None:
    root = firmware_dir()
    sources = {path.relative_to(root): path.read_bytes() for path in root.rglob("*.py")}
    shorter = Names(sources)
    before: set[str] = set()
    after: set[str] = set()
    for path, source in sources.items():
        short = shorter.shorten(path)
        assert short.count(b"\n") == source.count(b"\n"), path
        before |= names(source)
        after |= names(short)
    assert len(after) < 0.8 * len(before)


def test_what_stands_around_a_function_keeps_its_name() -> None:
    """A decorator and a default mean the name outside, which the parameter hides inside only."""
    source = (
        "size = 7\n\n\nclass Box:\n    @property\n    def width(self):\n        return self._w\n\n"
        "    @width.setter\n    def width(self, width):\n        self._w = width\n\n"
        "    def grow(self, size=size):\n        self._w += size\n        return self._w\n"
    )
    short = Names({Path("box.py"): source.encode()}).shorten(Path("box.py"))
    space: dict[str, Any] = {}
    exec(short, space)
    box = space["Box"]()
    box.width = 3
    assert (box.width, box.grow(), box.grow(1)) == (3, 10, 11)

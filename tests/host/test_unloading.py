# SPDX-License-Identifier: MIT
"""What the node has loaded for the moment, by the names of a module and a function: each is there,
and takes as many arguments as it gets.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from interpreters import run, unix_command
from support import CHECKOUT

from tirta.boards import board_file
from tirta.image.build import build
from tirta.virtual.demo_config import demo_text

FIRMWARE = CHECKOUT / "firmware"
Call = tuple[str, int, ast.Call, dict[str, str], str]


def texts(tree: ast.Module, own: str) -> dict[str, str]:
    """Names at the top of a module that stand for a text."""
    found = {"__name__": own}
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        (target,) = node.targets
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for name, value in pairs:
            text = value.args[0] if isinstance(value, ast.Call) and value.args else value
            if isinstance(name, ast.Name) and isinstance(text, ast.Constant):
                found[name.id] = str(text.value)
    return found


def calls() -> Iterator[Call]:
    for path in sorted(FIRMWARE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        own = ".".join(path.relative_to(FIRMWARE).with_suffix("").parts)
        names = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "tirta_node"
            for alias in node.names
            if alias.name == "unload"
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = node.func.value
                if node.func.attr == "call" and isinstance(of, ast.Name) and of.id in names:
                    yield own, node.lineno, node, texts(tree, own), path.name


ALL = list(calls())


def function(module: str, name: str) -> ast.FunctionDef:
    path = FIRMWARE / (module.replace(".", "/") + ".py")
    if not path.exists():
        path = FIRMWARE / module.replace(".", "/") / "__init__.py"
    assert path.exists(), f"there is no {module}"
    found = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    assert found, f"{module} has no {name}"
    return found[0]


def handlers() -> list[str]:
    """The modules whose `handle` answers a request."""
    source = FIRMWARE / "tirta_node/requests/dispatch.py"
    tree = ast.parse(source.read_text())
    return sorted({
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("tirta_node.")
        and not node.value.endswith(".status")
    })  # fmt: skip


def test_there_are_calls_to_look_at() -> None:
    assert len(ALL) >= 40
    assert len(handlers()) >= 6


@pytest.mark.parametrize("call", ALL, ids=[f"{own}:{line}" for own, line, *_ in ALL])
def test_what_is_called_by_name_is_there(call: Call) -> None:
    own, _, node, known, _ = call
    module, name, *arguments = node.args

    def text(of: ast.expr) -> str | None:
        if isinstance(of, ast.Constant):
            return str(of.value)
        return known.get(of.id) if isinstance(of, ast.Name) else None

    if text(module) is None:
        assert own == "tirta_node.requests.dispatch", "only requests are chosen while it runs"
        modules = handlers()
    else:
        modules = [str(text(module))]
    assert text(name), "the function's name is no text"
    for each in modules:
        wanted = function(each, str(text(name))).args
        most = len(wanted.args)
        least = most - len(wanted.defaults)
        given = len([a for a in arguments if not isinstance(a, ast.Starred)])
        if len(arguments) > given:  # *these may be any number
            assert given <= most or wanted.vararg, each
        else:
            assert least <= given, f"{each} takes {most}"
            assert given <= most or wanted.vararg, f"{each} takes {most}"


def test_a_call_that_does_not_fit_is_found() -> None:
    with pytest.raises(AssertionError, match="has no"):
        function("tirta_node.unload", "no_such_function")
    with pytest.raises(AssertionError, match="there is no"):
        function("tirta_node.no_such_module", "call")


def test_the_texts_are_those_of_files_that_exist() -> None:
    for path in sorted(Path(FIRMWARE).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                parts = node.value.split(".")
                if parts[0] == "tirta_node" and len(parts) > 1 and all(parts):
                    where = FIRMWARE.joinpath(*parts)
                    assert where.with_suffix(".py").exists() or where.is_dir(), (path, node.value)


# Heaps from one in which hardly anything loads up to one in which the call comes to its end.
HEAPS = range(9_000, 45_000, 1_500)
FULL = """
import gc, json, sys
from tirta_node import unload
with open("demo.json", "rb") as file:
    text = file.read()
before, loaded = set(sys.modules), "tirta_format"
gc.collect()
free = gc.mem_free()
try:
    unload.call("tirta_format.config", "parse", text)
    ended = True
except MemoryError:
    ended = False
unload.wipe()
gc.collect()
lost = free - gc.mem_free()
print(json.dumps((ended, lost, [name for name in sys.modules if name not in before])))
"""
MOST_KEPT = 6_000  # names, which stay for good, and where in RAM they lie


def test_a_call_for_which_there_is_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    """MicroPython forgets a module that did not come about, but not the pointer to what it had
    loaded: up to 20 KB were gone for good, so that one request too many made a node deaf.
    """
    for name, data in build(board_file.load("virtual")).app.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    config = tmp_path / "demo.json"
    config.write_bytes(demo_text("virtual"))
    code = FULL.replace("demo.json", str(config))
    told = [json.loads(run(unix_command(code, [tmp_path], heap=str(heap)))) for heap in HEAPS]
    assert not told[0][0]
    assert told[-1][0]
    assert all(lost < MOST_KEPT and not left for _, lost, left in told), told

# SPDX-License-Identifier: MIT
"""Every command and option that a message names is there: each is given to the parser."""

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import CHECKOUT

from tirta.cli import build_parser
from tirta.cli.catalogue import COMMANDS

PACKAGE = CHECKOUT / "host_tools" / "tirta"
FIRST = sorted({command.name.split()[0] for command in COMMANDS})
QUOTED = re.compile(r"`(tirta [^`]+)`")
_WORD = r" (?:--[\w-]+|[A-Z]+|7|\w*[/.]\w[\w./-]*)"  # option, placeholder, value, path
PLAIN = re.compile(
    rf"(?<![`\w./\[])(tirta (?:{'|'.join(FIRST)})\b(?: [a-z]+(?=[ .]))?(?:{_WORD})*)"
)
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")
OTHERS = {"--after", "--force-reinstall", "--upgrade"}  # of esptool and pip
# Words of other programs' options and of help that shows usage.
USAGE = {"cli/parser.py", "cli/catalogue.py", "esp.py", "build.py"}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string that is no docstring, with what is put into it as one word each."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(v) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for v in n.values}
    docs = {
        id(n.body[0].value)
        for n in ast.walk(tree)
        if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and n.body
        and isinstance(n.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            said = (str(v.value) if isinstance(v, ast.Constant) else "7" for v in node.values)
            yield node.lineno, "".join(said)
        elif isinstance(node, ast.Constant) and id(node) not in parts | docs:
            yield node.lineno, node.value if isinstance(node.value, str) else ""


def commands() -> list[tuple[str, str]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name in USAGE:
            continue
        for line, text in texts(path):
            named = QUOTED.findall(text) + PLAIN.findall(QUOTED.sub("", text))
            found += [(f"{name}:{line}", one.strip()) for one in named]
    return found


@pytest.fixture(name="parsers", scope="module")
def parsers_fixture() -> dict[str, argparse.ArgumentParser]:
    return dict(build_parser()[1])


def test_every_command_that_is_named_can_be_typed(
    parsers: dict[str, argparse.ArgumentParser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, where arguments are given; a bare name stands for the command as such."""

    def refuse(_: object, message: str) -> None:
        raise ValueError(message)

    monkeypatch.setattr(argparse.ArgumentParser, "error", refuse)
    monkeypatch.setattr("tirta.cli.parser.Parser.error", refuse)
    wrong = []
    named = commands()
    for where, text in named:
        words = shlex.split(text.rstrip(".…:").replace(" > FILE", ""))[1:]
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in parsers), None)
        if name is None:
            families = words[0] in FIRST and (len(words) == 1 or words[1] in {"…", "WORD"})
            wrong += [] if families or words == ["--help"] else [f"{where}: {text}: no command"]
            continue
        rest = words[len(name.split()) :]
        if not rest:
            continue
        try:
            parsers[name].parse_args(rest)
        except (ValueError, SystemExit) as error:
            wrong.append(f"{where}: {text}: {error}")
    for command in COMMANDS:
        try:
            words = shlex.split(command.example.partition(" > ")[0])[1:]
            parsers[command.name].parse_args(words[len(command.name.split()) :])
        except (ValueError, SystemExit) as error:
            wrong.append(f"{command.example}: {error}")
    assert len(named) > 100
    assert wrong == []


def test_every_option_that_is_named_is_there(parsers: dict[str, argparse.ArgumentParser]) -> None:
    every = [build_parser(())[0], *parsers.values()]
    known = {o for p in every for a in p._actions for o in a.option_strings} | OTHERS
    wrong = [
        f"{path.name}:{line}: {option}"
        for path in PACKAGE.rglob("*.py")
        if str(path.relative_to(PACKAGE)) not in USAGE
        for line, text in texts(path)
        for option in OPTION.findall(text)
        if option not in known
    ]
    assert wrong == []


def test_every_file_that_is_named_is_there() -> None:
    """Also where Tirta was installed by pip: messages give the whole path, or a command."""
    wrong = [
        f"{path.name}:{line}: {text[:60]}"
        for path in PACKAGE.rglob("*.py")
        for line, text in texts(path)
        if re.search(r"\b(docs|boards|config)/[A-Za-z]+\.md", text)
    ]
    assert wrong == []

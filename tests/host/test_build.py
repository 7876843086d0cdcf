# SPDX-License-Identifier: MIT
"""The firmware compiles for every board, reproducibly, and its tracebacks stay readable."""

import ast
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support import micropython

import tirta
from tirta.boards import board_file
from tirta.errors import TirtaError
from tirta.files.paths import firmware_dir
from tirta.image import littlefs
from tirta.image.build import (
    MANIFEST,
    VFS_FILES,
    VFS_FROZEN,
    VFS_MANIFEST,
    build,
)
from tirta.image.rooms import ROOMS

ARCH_IN_MPY = {"x64": 2, "xtensawin": 10, "rv32imc": 11}  # py/persistentcode.h, MP_NATIVE_ARCH_*
NATIVE = """\
import micropython


@micropython.viper
def add(a: int, b: int) -> int:
    return a + b
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A firmware tree of the right shape, as small as can be."""
    for name in ("boot.py", "main.py", "app.py", "DESIGN.md"):
        (tmp_path / name).write_text("x = 1\n" if name.endswith(".py") else "# words\n")
    for package in ("tirta_format", "tirta_node"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / package / "FORMAT.md").write_text("# words\n")
    for path in VFS_FROZEN.values():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x = 1\n")
    (tmp_path / "tirta_node/storage/codec_viper.py").write_text(NATIVE)
    return tmp_path


@pytest.mark.parametrize("name", board_file.names())
def test_our_firmware_compiles_and_fits(name: str) -> None:
    board = board_file.load(name)
    built = build(board)
    assert set(built.vfs) == {*VFS_FILES, *VFS_FROZEN, VFS_MANIFEST}
    assert {path.rpartition(".")[2] for path in built.app} == {"mpy", "json"}
    sources = [
        path
        for path in firmware_dir().rglob("*.py")
        if path.name not in (*VFS_FILES, "rescue.py") and path.parent.name != "frozen"
    ]
    rooms = [p for p in sources if p.name == "__init__.py" and p.parent.name in ROOMS]
    assert len(built.app) == len(sources) - len(rooms) + 1
    littlefs.lfs_image(built.vfs, board.partition("vfs").size)
    for part in ("app_a", "app_b"):
        littlefs.lfs_image(built.app, board.partition(part).size, littlefs.SLOT_BLOCK)


def test_what_boots_has_a_copy_of_all_that_it_imports() -> None:
    root = firmware_dir()
    frozen = set(VFS_FROZEN.values())
    # The laptop's; what the rescue has the plain twin of; what its requests never reach.
    elsewhere = {
        "meta_reader", "codec_viper", "record", "health",
        "settings", "baud", "timing", "config_requests", "stage",
    }  # fmt: skip
    for path in sorted(frozen):
        for node in ast.walk(ast.parse((root / path).read_text())):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
            elif isinstance(node, ast.Constant) and re.fullmatch(
                r"tirta_\w+(\.\w+)+", str(node.value)
            ):
                names = [str(node.value)]  # by `unload`, or the module of a request
            for name in names:
                wanted = Path(name.replace(".", "/") + ".py")
                if (root / wanted).exists() and wanted.stem not in elsewhere:
                    assert wanted in frozen, f"{path} needs {wanted} in /frozen"


@pytest.mark.parametrize("name", board_file.names())
def test_native_code_is_the_boards(name: str, tree: Path) -> None:
    board = board_file.load(name)
    head = build(board, tree).app["tirta_node/codec_viper.mpy"][:4]
    assert head[:2] == b"M\x06"
    assert head[2] >> 2 == ARCH_IN_MPY[board.mpy_arch]
    assert head[3] <= 31, "small integers wider than the chip's"


def test_the_manifest_names_what_is_there() -> None:
    built = build(board_file.load("esp32_devkitc"))
    manifest = json.loads(built.app[MANIFEST])
    assert manifest["version"] == tirta.__version__
    assert (manifest["board"], manifest["arch"]) == ("esp32_devkitc", "xtensawin")
    assert manifest["files"] == {
        path: hashlib.sha256(data).hexdigest()
        for path, data in built.app.items()
        if path != MANIFEST
    }


def test_the_same_sources_give_the_same_bytes_anywhere(tmp_path: Path) -> None:
    board = board_file.load("esp32c3_devkitm")
    copy = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(firmware_dir(), copy)
    assert build(board, copy) == build(board)


def test_a_traceback_says_file_and_line(tree: Path, tmp_path: Path) -> None:
    (tree / "tirta_node" / "fails.py").write_text("def f():\n    pass\n\n\n1 // 0\n")
    slot = tmp_path / "slot"
    for path, data in build(board_file.load("virtual"), tree).app.items():
        (slot / path).parent.mkdir(parents=True, exist_ok=True)
        (slot / path).write_bytes(data)
    command = [micropython(), "-c", "import tirta_node.fails"]
    run = subprocess.run(command, cwd=slot, capture_output=True, text=True, check=False)
    assert 'File "tirta_node.fails", line 5' in run.stderr + run.stdout


def test_a_module_that_does_not_compile_is_named(tree: Path) -> None:
    (tree / "tirta_node/storage/codec_viper.py").write_text(NATIVE[:-6] + "(\n")
    with pytest.raises(TirtaError, match=r"codec_viper\.py.*line"):
        build(board_file.load("esp32_devkitc"), tree)


@pytest.mark.parametrize("gone", ["boot.py", "app.py", "tirta_format"])
def test_an_incomplete_tree_is_refused(gone: str, tree: Path) -> None:
    path = tree / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(TirtaError) as caught:
        build(board_file.load("esp32_devkitc"), tree)
    assert gone in caught.value.what

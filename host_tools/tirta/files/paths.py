# SPDX-License-Identifier: MIT
"""Where the firmware and the boards are: inside the wheel (`tirta/_data`), or in a checkout; and
where what belongs to this user is.
"""

from pathlib import Path

import platformdirs

from tirta.errors import TirtaError

_PACKAGE = Path(__file__).resolve().parent.parent


def firmware_dir() -> Path:
    """Return the directory whose tree is the node's file system."""
    return _find("firmware")


def boards_dir() -> Path:
    """Return the directory in which each `*.toml` is a board."""
    return _find("boards")


def doc(name: str) -> Path:
    """Return a document for users, `DISTRICT.md` for one."""
    return _find("docs") / name


def user_dir() -> Path:
    """Return the folder of keys, trusted keys and own boards: `~/.config/tirta` on Linux
    ($XDG_CONFIG_HOME counts), elsewhere where the system keeps such things.
    """
    return platformdirs.user_config_path("tirta", appauthor=False, roaming=True)


def _find(name: str) -> Path:
    in_wheel = _PACKAGE / "_data" / name
    in_checkout = _PACKAGE.parent.parent / name
    for candidate in (in_wheel, in_checkout):
        if candidate.is_dir():
            return candidate
    raise TirtaError(
        f"This installation has no {name}: neither {in_wheel} nor {in_checkout} exists.",
        "Install it again: pip install --force-reinstall tirta",
    )

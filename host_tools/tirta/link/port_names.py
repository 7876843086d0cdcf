# SPDX-License-Identifier: MIT
"""How the systems name serial ports: a path on Linux and macOS, COM and a number on Windows."""

import os
import re

from serial.tools.list_ports import comports

from tirta.files.atomic import WINDOWS

__all__ = ["WINDOWS", "exists", "is_device", "may_open", "real"]
_COM = re.compile(r"(\\\\\.\\)?COM\d+", re.IGNORECASE)


def is_device(text: str) -> bool:
    """Return whether a person who writes this means a device, and not the name or id of a node."""
    return "/" in text or bool(_COM.fullmatch(text)) or os.path.lexists(text)


def exists(port: str) -> bool:
    """Look whether there is such a port. On Windows no file stands for it: the system lists
    them.
    """
    if not WINDOWS:
        return os.path.lexists(port)
    wanted = port.upper().removeprefix("\\\\.\\")
    return any(found.device.upper() == wanted for found in comports())


def may_open(port: str) -> bool:
    """Return whether this user's rights allow it; Windows has none for ports."""
    return WINDOWS or os.access(port, os.R_OK | os.W_OK)


def real(port: str) -> str:
    """Return the device itself, where the name is a link to it (/dev/serial/by-id)."""
    return port if WINDOWS else os.path.realpath(port)

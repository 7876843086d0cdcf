# SPDX-License-Identifier: MIT
"""Which nodes this computer knows to be locked: a file for each, in a folder beside the vault.

A node says its mode before it has proved anything, so whoever sits on the line can say `open` in
its name. Hence a node that has once proved its key, or got one from here, must not be open later
unless a person says that it was opened on purpose (`tirta keys forget`). Nothing here is secret.
"""

import json
import re
import time
from collections.abc import Collection
from pathlib import Path

from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.keys import vault

LOCKED, OPEN = "locked", "open"
_NODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}")


class DowngradeError(TirtaError):
    """A node that is known as locked says that it is open."""

    def __init__(self, node: str) -> None:
        self.node = node
        super().__init__(
            f"Node {node} says that it is open, and this computer knows it as locked.",
            "Somebody may answer in its name, or have opened it: nothing was sent or believed. Look"
            " at the board and its cable. If it was opened on purpose:"
            f" tirta keys forget {node}",
        )


def folder() -> Path:
    """Return where it is remembered."""
    return vault.path().with_name(vault.path().name + ".nodes")


def recall(node: str) -> str:
    """Return LOCKED, OPEN where a person or this computer made it so, or nothing."""
    if not _NODE.fullmatch(node):
        return ""
    try:
        found = json.loads((folder() / node).read_bytes())
        return OPEN if found["mode"] == OPEN else LOCKED
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return LOCKED  # something was known, and it was most likely that


def must_not_be_open(node: str) -> None:
    """Raise DowngradeError where a node that says `open` is known as locked."""
    if recall(node) == LOCKED:
        raise DowngradeError(node)


def must_be_in_hand(node: str, port: str, was_locked: Collection[str]) -> None:
    """Raise TirtaError where a chip that is to be written names a node known as locked, unless a
    person named it in `was_locked`: its ROM loader proves nothing, and gets a key or is opened.
    """
    if recall(node) == LOCKED and node not in was_locked:
        raise TirtaError(
            f"The chip on {port} says that it is node {node}, and this computer knows that node as"
            " locked. Nothing was written.",
            "A ROM loader proves nothing: it would get that node's key, or be believed when it is"
            f" open. If it is the board itself, in your hand: --was-locked {node}.",
        )


def learn(kept: vault.Vault) -> None:
    """Remember a node that this computer has a credential for as locked, unless more is known of
    it.
    """
    for credential in kept.credentials:
        if not recall(credential.node):
            remember(credential.node, LOCKED, "vault")


def remember(node: str, mode: str, why: str) -> None:
    """Know the node as LOCKED or OPEN from now on; `why` is for whoever reads the file."""
    if recall(node) != mode and _NODE.fullmatch(node):
        text = json.dumps({"mode": mode, "why": why, "unix": int(time.time())})
        atomic.write(folder() / node, text.encode())

# SPDX-License-Identifier: MIT
"""The demo's config, shipped with the package: a district inlet."""

from pathlib import Path

from tirta import config
from tirta.errors import TirtaError

DEMO_CONFIG = Path(__file__).resolve().parent / "data" / "demo.toml"


def demo_text(board: str) -> bytes:
    """The demo's config as a node of that board keeps it (FORMAT.md section 8)."""
    text, meant = config.load(DEMO_CONFIG)
    if meant.name != board:
        raise TirtaError(
            f"The demo's config is for board {meant.name}, not for {board}.",
            "Start the node bare, then: tirta flash NAME --board B --config FILE",
        )
    return text

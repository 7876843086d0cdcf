# SPDX-License-Identifier: MIT
"""The demo's config, shipped with the package: a district inlet."""

from pathlib import Path

from tirta import config
from tirta.errors import TirtaError
from tirta_format import state

DEMO_CONFIG = Path(__file__).resolve().parent / "data" / "demo.toml"


def demo_state(board: str) -> bytes:
    """The state partition of a node that runs the application in slot A with the demo's config."""
    text, meant = config.load(DEMO_CONFIG)
    if meant.name != board:
        raise TirtaError(
            f"The demo's config is for board {meant.name}, not for {board}.",
            "Start the node bare, then: tirta flash NAME --board B --config FILE",
        )
    fields = {state.SLOT: b"a", state.MODE: b"open", state.CONFIG: text}
    return bytes(state.encode(1, fields))

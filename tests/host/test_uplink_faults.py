# SPDX-License-Identifier: MIT
"""The node's own sender under MicroPython; network and archives fail."""

from run_uplink_campaign import block


def test_nothing_is_lost_doubled_or_altered() -> None:
    """Whatever fails, and for 72 h: all that lies on the flash is in both archives in the end."""
    told = block(seed=100_000, faults=320)
    assert told["faults"] >= 320
    assert told["bytes"] > 50_000
    assert (told["lost"], told["doubled"], told["wrong"], told["bad"]) == (0, 0, 0, [])

# SPDX-License-Identifier: MIT
"""Which commands hear the answer to each request of the protocol, so that a lie reaches them."""

from collections.abc import Callable, Sequence

from tirta.cli import main, say
from tirta.errors import TirtaError
from tirta.link.protocol import REQUESTS
from tirta.node import Node
from tirta_format import access, calibration, frame, seals, staging, updates

# What no command asks, but Python may.
API: dict[str, Callable[[Node], object]] = {
    "identity": lambda node: node.identity(),
    "set_identity": lambda node: node.set_identity({"district": "7"}),
    "restart": lambda node: node.restart(),
}
# Every other request's frame; what 0.1.0 asked; of a locked node only, with a config's uplink.
UNASKED = {seals.SEALED, frame.CONFIG_APPLY, staging.SECRETS_PUT}
_UPDATE = "update PORT --no-wait"
# PORT, DIR and FILE are put in.
COMMANDS: dict[int, tuple[str, ...]] = {
    frame.HELLO: ("status PORT", "pull PORT --archive DIR", "doctor PORT"),
    frame.STATUS: ("status PORT", "pull PORT --archive DIR", "doctor PORT"),
    frame.COMMIT: ("pull PORT --archive DIR", "doctor PORT"),
    frame.INDEX: ("pull PORT --archive DIR --from 2025-03-03T12:00", "doctor PORT"),
    frame.READ: ("pull PORT --archive DIR",),
    frame.CONFIG_GET: ("config get PORT", "doctor PORT", "tail PORT --count 1"),
    frame.CONFIG_PUT: ("config apply PORT FILE",),
    frame.CLOCK_SET: ("clock PORT",),
    frame.RESTART: ("python restart",),
    frame.VALUES: ("tail PORT --count 1", "config apply PORT FILE"),
    frame.PULLED: ("pull PORT --archive DIR",),
    frame.RATE: ("pull PORT --archive DIR",),
    frame.TIMING: ("status PORT",),
    calibration.CALIBRATE: (
        "calibrate PORT p_inlet --method 1-point --reference 3 --reading 60000 --yes",
    ),
    calibration.CALIBRATIONS: (
        "calibrate PORT p_inlet --method 1-point --reference 3 --reading 60000",
        "calibrate --history PORT",
    ),
    calibration.PROBE: ("calibrate PORT p_inlet --method 1-point --reference 3 --yes",),
    staging.STAGE: ("config apply PORT FILE",),
    staging.TRIAL: ("config apply PORT FILE",),
    staging.CONFIRM: ("config apply PORT FILE",),
    staging.WHO: ("python identity",),
    staging.WHO_PUT: ("python set_identity",),
    updates.SLOTS: (_UPDATE, "update PORT", "doctor PORT"),
    updates.BEGIN: (_UPDATE,),
    updates.HASHES: (_UPDATE,),
    updates.ERASE: (_UPDATE,),
    updates.WRITE: (_UPDATE,),
    updates.TRY: (_UPDATE,),
    updates.BACK: ("rollback PORT --no-wait",),
    access.CHALLENGE: ("status PORT", "pull PORT --archive DIR"),
    access.LOGIN: ("status PORT", "pull PORT --archive DIR"),
    access.DIGEST: ("pull PORT --archive DIR", "doctor PORT"),
    access.KEY: ("lock PORT",),
    access.MODE: ("unlock PORT --for-good",),
    access.UNLOCK: ("unlock PORT",),
    access.FLOOR: ("keys floor PORT",),
}
LOCKED = {
    access.CHALLENGE, access.LOGIN, access.DIGEST, access.KEY, access.MODE, access.UNLOCK,
    access.FLOOR,
}  # fmt: skip
assert set(COMMANDS) == set(REQUESTS) - UNASKED, "a request of the protocol is not lied about"


def run(words: Sequence[str]) -> int:
    """A command, or `python` and what of the API; the exit code."""
    if words[0] != "python":
        return main(list(words))
    try:
        with Node("/dev/liar") as node:
            API[words[1]](node)
    except TirtaError as error:
        say.error(error.what, error.hint)
        return 1
    return 0

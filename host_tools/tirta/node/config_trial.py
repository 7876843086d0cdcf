# SPDX-License-Identifier: MIT
"""A new config, tried before it stays: staged, tested on the node, confirmed from here.

The node restarts with the config on trial and reads every configured sensor once. It goes back to
the old config by itself when nobody confirms in time, when it fails, or when it restarts; so
whatever happens to this program or its cable, a node has the old config or the new.
"""

import struct
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from tirta.errors import TirtaError
from tirta.link.failures import NotNowError
from tirta_format import staging
from tirta_format import state as format_state
from tirta_format.record import MISSING

TRIAL_S = 120  # time to restart, to look, and to plug a cable in again
_TRIES = 40
_AGAIN_S = 0.25


@dataclass(frozen=True)
class SelfTestReading:
    """What a sensor said in the self-test. `value` is scaled as in records; a counter has none."""

    name: str
    value: int | None
    flag: int

    @property
    def missing(self) -> bool:
        """Whether the sensor gave no value."""
        return self.flag == MISSING


@dataclass(frozen=True)
class Applied:
    """`state` is active: the config was confirmed. `hash` is the config's."""

    hash: int
    state: str
    readings: list[SelfTestReading]

    def as_json(self) -> dict[str, Any]:
        """Return what `tirta config apply --json` prints."""
        return asdict(self)


class Asked(Protocol):
    """What is needed of a `Node`."""

    def ask(self, kind: int, payload: bytes = b"", *, think_s: float = 1.2) -> dict[str, Any]:
        """Send a request whose answer is a JSON object."""

    def put_config(self, text: bytes) -> None:
        """Bring a config's text into the node's RAM."""

    def restart(self, *, to_repl: bool = False) -> None:
        """Start the application again, or hand over to the REPL."""

    def values(self) -> dict[str, Any]:
        """Ask for the last record."""

    def wait_until_back(self) -> None:
        """Wait for a node that restarts."""


def apply(
    node: Asked, text: bytes, *, trial_s: int = TRIAL_S, accept_missing: bool = False
) -> Applied:
    """Give a node a config, and confirm it when every sensor that read before still reads.

    With `accept_missing` sensors that no longer read are accepted. Raises TirtaError; the node has
    its old config then, or goes back to it within `trial_s` seconds.
    """
    wanted = format_state.config_hash(text)
    read_before = {row[0] for row in _rows(node.values()["values"]) if not row[1].missing}
    node.put_config(text)
    answer = node.ask(staging.STAGE, struct.pack("<IH", wanted, trial_s), think_s=6)
    if answer.get("state") == "staged":
        node.wait_until_back()
    tried = node.ask(staging.TRIAL)
    if tried.get("hash") != wanted:
        raise TirtaError(
            f"The node kept its old config: {tried.get('problem') or 'it does not say why'}.",
            "Correct the config file, then apply it again.",
        )
    readings = [reading for _, reading in _rows(tried.get("test"))]
    lost = [r.name for r in readings if r.missing and r.name in read_before]
    if lost and tried.get("state") == "trial" and not accept_missing:
        node.restart()
        raise TirtaError(
            f"With the new config {', '.join(lost)} would read nothing, and it does now. The node"
            " went back to its old config.",
            "Check pin and wiring; if the sensor is meant to be away, add --accept-missing.",
        )
    done = when_ready(lambda: node.ask(staging.CONFIRM, struct.pack("<I", wanted), think_s=6))
    return Applied(wanted, str(done.get("state")), readings)


def finish(node: Asked) -> list[SelfTestReading]:
    """Confirm the trial with which a node that was just flashed starts; what its sensors read."""
    tried = node.ask(staging.TRIAL)
    if tried.get("state") == "trial":
        wanted = struct.pack("<I", int(tried["hash"]))
        when_ready(lambda: node.ask(staging.CONFIRM, wanted, think_s=6))
    return [reading for _, reading in _rows(tried.get("test"))]


def _rows(rows: Any) -> list[tuple[str, SelfTestReading]]:
    return [(name, SelfTestReading(name, value, flag)) for name, value, flag in rows or ()]


def when_ready(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask a node that may be about to sample: it says so, and has time a moment later."""
    for _ in range(_TRIES):
        try:
            return ask()
        except NotNowError:
            time.sleep(_AGAIN_S)
    return ask()

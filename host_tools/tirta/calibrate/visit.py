# SPDX-License-Identifier: MIT
"""Calibrate a channel in the field: wait for a steady reading, work out, tell the node."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tirta.archive.evidence import Archive
from tirta.calibrate import settling
from tirta.calibrate.coefficients import Point, solve
from tirta.errors import TirtaError
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.patience import Patience, Silence
from tirta_format import calibration
from tirta_format import config as format_config
from tirta_format.record import FAIL, MISSING

EVERY_S = 1.0  # a reading costs a node some ten milliseconds of its slack
PATIENCE_S = 180.0
LEAST_PATIENCE_S = settling.WINDOW_S + 10  # for the readings that a line loses
MOST_BYTES = 208  # of a request that may be sealed (FORMAT.md sections 9 and 13)


@dataclass(frozen=True)
class Visit:
    """A calibration: what was in force before and after."""

    channel: str
    unix_s: int
    method: str
    who: str
    old: dict[str, Any]
    new: dict[str, Any]
    points: list[list[float]]


def channel_of(node: Node, name: str) -> dict[str, Any]:
    """Ask for a channel as it is in force: the config's, with its calibration."""
    config = node.settings()
    known = node.ask(calibration.CALIBRATIONS)
    for entry in config["channels"]:
        made = known.get(entry["name"])
        changed = dict(entry) | (made["keys"] if made else {})
        if format_config.check({"board": "any", "channels": [changed]}) and made:
            raise node.nonsense()
    calibration.overlay(config, {calibration.TAG: json.dumps(known).encode()})
    for channel in config["channels"]:
        if channel["name"] == name:
            found: dict[str, Any] = channel
            return found
    names = ", ".join(c["name"] for c in config["channels"])
    raise TirtaError(f"The node has no channel {name}.", f"It has: {names}.")


TellLook = Callable[[settling.Look | None], None]


def steady(
    node: Node, name: str, patience_s: float = PATIENCE_S, tell: TellLook = lambda _: None
) -> settling.Look:
    """Wait until the probe has settled, and return what it reads (`tirta.calibrate.settling`);
    `tell` hears of each reading. All times are the node's: a line that repeats a request changes
    nothing.

    Raises TirtaError, with the reason, when it has not settled in `patience_s`.
    """
    seen: list[settling.ProbeReading] = []
    look = None
    # A node's clock may stand still; ours does not.
    whole = Patience(2 * patience_s, f"for the reading of {name} to settle")
    silence = Silence(EVERY_S, f"for the reading of {name} to settle")
    first_s = last_s = None
    while True:
        answer = node.ask(calibration.PROBE, name.encode())
        # Firmware 0.1.0 does not say when it read.
        now_s = answer["ms"] / 1000 if "ms" in answer else time.monotonic()
        if last_s is None or first_s is None or now_s < last_s:  # a node that has just started
            first_s, seen = now_s, []
        last_s = now_s
        if answer["flag"] < MISSING and answer["flag"] != FAIL:
            centi = answer["centi"]
            celsius = None if centi is None else centi / 100
            seen.append(settling.ProbeReading(now_s, float(answer["raw"]), celsius))
        else:
            seen = []
        look = settling.look(seen)
        tell(look)
        if look and not look.unrest:
            return look
        if now_s - first_s >= patience_s or whole.over:
            raise _unsettled(node, name, patience_s, seen, look)
        silence.tell()
        time.sleep(EVERY_S)


def _unsettled(
    node: Node,
    name: str,
    patience_s: float,
    seen: Sequence[settling.ProbeReading],
    look: settling.Look | None,
) -> TirtaError:
    if not seen:
        return TirtaError(
            f"{name} gives no reading that can be used.",
            f"Nothing was changed. Check its wires and its supply; `tirta doctor {node.line.port}`"
            " says more.",
        )
    why = look.unrest if look else f"it read for only {seen[-1].at_s - seen[0].at_s:.0f} s in a row"
    return TirtaError(
        f"The reading of {name} did not settle in {patience_s:.0f} s: {why}.",
        "Nothing was changed. Stir evenly, wait until the probe has the reference's temperature,"
        " check its cable; then try again, or wait longer: --patience 600",
    )


def temperature(channel: dict[str, Any], look: settling.Look, given: float | None) -> float:
    """Return degC of a reference: as given, as measured, or 25 where it does not matter."""
    if given is not None:
        return given
    if look.celsius is None and "water" in channel:
        raise TirtaError(
            f"The thermometer {channel['water']} of {channel['name']} reads nothing.",
            "Nothing was changed. Say how warm the reference is: --celsius 25",
        )
    return 25.0 if look.celsius is None else look.celsius


def calibrate(
    node: Node, name: str, method: str, points: Sequence[Point], who: str = ""
) -> dict[str, Any]:
    """Work out the coefficients and put them into force; the node restarts. Returns them.

    Raises TirtaError, with nothing changed, when they are not plausible or the node refuses.
    """
    keys = solve(channel_of(node, name), method, points)
    asked = {
        "c": name, "k": keys, "m": method, "w": who[:16], "t": int(time.time()),
        "p": [[round(p.raw_uv), p.reference] for p in points],
    }  # fmt: skip
    text = json.dumps(asked, separators=(",", ":"), ensure_ascii=False).encode()
    if len(text) > MOST_BYTES:
        raise TirtaError(
            f"A calibration of {len(text)} bytes does not fit one request; {MOST_BYTES} do.",
            "Use fewer points: 2-point lays a new curve through two of them.",
        )
    node.ask(calibration.CALIBRATE, text, think_s=8)
    node.wait_until_back()
    return keys


def history(folder: Path) -> list[Visit]:
    """Read every calibration in an archive, oldest first."""
    found = []
    for epoch in Archive(folder).must_have_epochs():
        for event in decode_epoch(epoch).events:
            if event.kind == calibration.RECORD:
                f = event.fields
                new, old, points = (json.loads(f[key]) for key in ("new", "old", "points"))
                made = f["channel"], f["unix"], f["method"], f["who"]
                found.append(Visit(*made, old, new, points))
    return sorted(found, key=lambda v: v.unix_s)

# SPDX-License-Identifier: MIT
"""Calibrate a channel in the field: wait for a steady reading, work out, tell the node."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tirta.archive import Archive
from tirta.coefficients import Point, solve
from tirta.decode import decode_run
from tirta.errors import TirtaError
from tirta.node import Node
from tirta_format import calibration
from tirta_format import config as format_config

STEADY_READINGS = 10
STEADY_UV = 3000.0  # between the least and the most of them: noise of the chip's converter is 1 mV
EVERY_S = 1.0
PATIENCE_S = 180.0
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
    """The channel as it is in force: the config's, with its calibration."""
    config = format_config.parse(node.config())
    known = json.dumps(node.ask(calibration.CALIBRATIONS)).encode()
    calibration.overlay(config, {calibration.TAG: known})
    for channel in config["channels"]:
        if channel["name"] == name:
            found: dict[str, Any] = channel
            return found
    names = ", ".join(c["name"] for c in config["channels"])
    raise TirtaError(f"The node has no channel {name}.", f"It has: {names}.")


def steady(node: Node, name: str, patience_s: float = PATIENCE_S) -> tuple[float, float]:
    """(microvolts, degC) once ten readings, a second apart, agree. Raises TirtaError when they do
    not in `patience_s`.
    """
    seen: list[float] = []
    until = time.monotonic() + patience_s
    while True:
        answer = node.ask(calibration.PROBE, name.encode())
        usable = answer["flag"] < 4  # neither failed nor missing
        seen = [*seen[1 - STEADY_READINGS :], float(answer["raw"])] if usable else []
        if len(seen) == STEADY_READINGS and np.ptp(seen) <= STEADY_UV:
            centi = answer["centi"]
            return float(np.mean(seen)), 25.0 if centi is None else centi / 100
        if time.monotonic() > until:
            raise TirtaError(
                f"The reading of {name} does not settle.",
                "Stir less, wait until the probe has the reference's temperature, check its cable.",
            )
        time.sleep(EVERY_S)


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
    """Every calibration in an archive, oldest first."""
    found = []
    for run in Archive(folder).must_have_runs():
        for event in decode_run(run).events:
            if event.kind == calibration.RECORD:
                f = event.fields
                new, old, points = (json.loads(f[key]) for key in ("new", "old", "points"))
                made = f["channel"], f["unix"], f["method"], f["who"]
                found.append(Visit(*made, old, new, points))
    return sorted(found, key=lambda v: v.unix_s)

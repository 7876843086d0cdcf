# SPDX-License-Identifier: MIT
"""From a checked config file to what the node keeps: integers and GPIO numbers."""

import json
from typing import Any

from tirta.boards import Board
from tirta.config.model import Channel, Config, Current, Pulse, Temperature, Voltage

DS18B20_SCALE = 10_000  # its steps of 1/16 degC are 625 of these: nothing is rounded


def canonical(config: Config, board: Board) -> bytes:
    """The config text of FORMAT.md section 8. Pins must be the board's: `check` sees to that."""
    counter = 0
    channels = []
    for channel in config.channel:
        pin = board.pins[channel.pin].gpio
        entry = _channel(channel, pin, board)
        if isinstance(channel, Pulse):
            entry["counter"] = counter
            counter += 1
        channels.append(entry)
    document = {
        "board": config.board,
        "channels": channels,
        "commit_ms": round(config.commit_seconds * 1000),
        "interval_ms": round(config.interval_s * 1000),
        "name": config.name,
        "version": config.version,
        "visit_s": config.visit_s,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _channel(channel: Channel, pin: int, board: Board) -> dict[str, Any]:
    common = {"name": channel.name, "pin": pin}
    match channel:
        case Pulse():
            return {
                **common, "sensor": "pulse", "unit": "pulses", "scale": 1,
                "ml": round(channel.litres_per_pulse * 1000),
                "filter_ns": round(channel.filter_us * 1000),
            }  # fmt: skip
        case Current():
            scale = 10**channel.decimals
            shunt_ohm = channel.shunt_ohm or board.analog_inputs.shunt_ohm
            return {
                **common, "sensor": "current", "unit": channel.unit, "scale": scale,
                "low": round(channel.at_4ma * scale), "high": round(channel.at_20ma * scale),
                "shunt_mohm": round(shunt_ohm * 1000),
            }  # fmt: skip
        case Voltage():
            scale = 10**channel.decimals
            (volt0, value0), (volt1, value1) = channel.points
            return {
                **common, "sensor": "voltage", "unit": channel.unit, "scale": scale,
                "uv0": round(volt0 * 1e6), "value0": round(value0 * scale),
                "uv1": round(volt1 * 1e6), "value1": round(value1 * scale),
            }  # fmt: skip
        case Temperature():
            scale = DS18B20_SCALE if channel.decimals >= 4 else 10**channel.decimals
            return {**common, "sensor": "ds18b20", "unit": channel.unit, "scale": scale}

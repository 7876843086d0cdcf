# SPDX-License-Identifier: MIT
"""From the canonical form back to a config file: what `tirta config get` prints.

`check` of the result gives the same canonical text again, so what is printed is what the node does.
"""

import json
from collections.abc import Iterator
from typing import Any

from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.config import alarms
from tirta.config.canonical import INPUTS, PARITIES, RATES
from tirta.config.device_text import written
from tirta.config.model import ADS1115_RANGES
from tirta.errors import TirtaError
from tirta.water import node_config
from tirta_format import columns


def to_toml(text: bytes) -> str:
    """Write a config file for a canonical text from a node."""
    try:
        config = node_config.parse(text)
    except ValueError as error:
        raise TirtaError(
            f"The node's config cannot be read: {error}.", "Apply a config: `tirta config apply`."
        ) from error
    board = board_file.named(config["board"])
    out = [
        f"version = {config['version']}",
        f"board = {_text(config['board'])}",
        f"name = {_text(config['name'])}",
        f"interval_s = {_number(config['interval_ms'], 1000)}",
        f"commit_seconds = {_number(config['commit_ms'], 1000)}",
        f"visit_s = {config['visit_s']}",
    ]
    out += _buses(config) + _uplink(config)
    for channel in config["channels"]:
        pairs = [*_channel(channel, board), *_sampling(channel, config["interval_ms"])]
        out += ["", "[[channel]]", *(f"{key} = {value}" for key, value in pairs)]
    return "\n".join(out + alarms.written(config)) + "\n"


def _channel(channel: dict[str, Any], board: Board) -> Iterator[tuple[str, str]]:
    scale = channel["scale"]
    kind = channel["sensor"]
    yield "name", _text(channel["name"])
    yield "sensor", _text("4-20mA" if kind == "current" else kind)
    yield from _place(channel, board)
    if kind == "pulse":
        if "reverse" in channel:
            yield "reverse_pin", _text(_pin_name(channel["reverse"], board))
        if "max_hz" in channel:
            yield "max_per_s", str(channel["max_hz"])
        if "settle_ms" in channel:
            yield "debounce_ms", str(channel["settle_ms"])
        yield "litres_per_pulse", _number(channel["ml"], 1000)
        yield "filter_us", _number(channel["filter_ns"], 1000)
        return
    yield "unit", _text(channel["unit"])
    yield "decimals", str(len(str(scale)) - 1)
    if kind == "current":
        yield "at_4ma", _number(channel["low"], scale)
        yield "at_20ma", _number(channel["high"], scale)
        yield "shunt_ohm", _number(channel["shunt_mohm"], 1000)
    elif kind == "voltage":
        points = (
            f"[{_number(channel['uv' + i], 1_000_000)}, {_number(channel['value' + i], scale)}]"
            for i in "01"
        )
        yield "points", f"[{', '.join(points)}]"
    elif kind == "ds18b20":
        if "rom" in channel:
            yield "rom", _text(channel["rom"])
    else:
        yield from written(channel)


def _place(channel: dict[str, Any], board: Board) -> Iterator[tuple[str, str]]:
    if "pin" in channel:
        yield "pin", _text(_pin_name(channel["pin"], board))
    elif "gain" in channel:
        told = (
            f"input = {json.dumps(INPUTS[channel['input']])}",
            f"address = {channel['address']:#x}",
            f"range_v = {ADS1115_RANGES[channel['gain']]}",
            f"rate = {RATES[channel['rate']]}",
        )
        yield "ads1115", f"{{{', '.join(told)}}}"


def _buses(config: dict[str, Any]) -> list[str]:
    out = []
    if "clock" in config:
        out.append(f"clock = {_text(config['clock'])}")
    if "modbus" in config:
        line = config["modbus"]
        out += [
            "", "[bus.modbus]",
            f"baud = {line['baud']}", f"parity = {_text(PARITIES[line['parity']])}",
            f"stop_bits = {line['stop']}", f"timeout_ms = {line['timeout_ms']}",
            f"retries = {line['retries']}",
            f"direction = {'true' if 'de' in line else 'false'}",
        ]  # fmt: skip
    if "i2c" in config:
        out += ["", "[bus.i2c]", f"khz = {config['i2c']['freq'] // 1000}"]
    return out


def _uplink(config: dict[str, Any]) -> list[str]:
    if "uplink" not in config:
        return []
    told = config["uplink"]
    named = [f"{key} = {_text(told[key])}" for key in ("ssid", "account") if key in told]
    return [
        "", "[uplink]",
        f"broker = {_text(told['broker'])}", f"port = {told['port']}",
        *named,
        f"push_s = {told['push_s']}", f"backfill_kb_per_hour = {told['kb_h']}",
    ]  # fmt: skip


def _sampling(channel: dict[str, Any], interval_ms: int) -> Iterator[tuple[str, str]]:
    scale = channel["scale"]
    period_ms = columns.period_ms(channel, interval_ms)
    if "period_ms" in channel:
        yield "period_s", _number(period_ms, 1000)
    if "stats" in channel:
        yield "stats", json.dumps(channel["stats"])
    if channel.get("raw"):
        yield "raw", "true"
    for key in ("qc_fail", "qc_suspect", "qc_spike"):
        if key in channel:
            yield key, f"[{', '.join(_number(limit, scale) for limit in channel[key])}]"
    if "qc_rate" in channel:
        yield "qc_rate_per_s", _number(channel["qc_rate"] * 1000, scale * period_ms)
    if "qc_flat" in channel:
        tolerance, *samples = channel["qc_flat"]
        seconds = [_number(n * period_ms, 1000) for n in samples]
        yield "qc_flat", f"[{', '.join([_number(tolerance, scale), *seconds])}]"


def _pin_name(gpio: int, board: Board) -> str:
    for name, pin in board.pins.items():
        if pin.gpio == gpio:
            return name
    raise TirtaError(
        f"The node's config uses GPIO {gpio}, which board {board.name} does not name.",
        "Read it with --json instead.",
    )


def _number(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    return str(whole) if rest == 0 else repr(value / scale)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a TOML basic string is written like a JSON one

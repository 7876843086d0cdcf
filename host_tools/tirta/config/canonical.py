# SPDX-License-Identifier: MIT
"""From a checked config file to what the node keeps: integers and GPIO numbers."""

import json
import math
from typing import Any

from tirta.boards.model import Board, Ethernet
from tirta.config.alarms import entries
from tirta.config.document import Channel, Config, Uplink
from tirta.config.model import (
    ADS1115_RANGES,
    Ads1115,
    Converted,
    Current,
    Pulse,
    Temperature,
    Voltage,
)
from tirta_format import wiring

_ROUNDING = 1e-6  # 0.1 * 30 is a little less than 3
DS18B20_SCALE = 10_000  # its steps of 1/16 degC are 625 of these: nothing is rounded


def canonical(config: Config, board: Board) -> bytes:
    """Write the config text of FORMAT.md section 8. Pins must be the board's: `check` sees to
    that.
    """
    counter = 0
    channels = []
    for channel in config.channel:
        entry = _channel(channel, _place(channel, board), board)
        entry |= _sampling(channel, entry["scale"], round(config.interval_s * 1000))
        if isinstance(channel, Pulse):
            entry["counter"] = counter if board.counter_units else -1
            counter += 1
        channels.append(entry)
    document: dict[str, Any] = {
        "board": board.name,
        "channels": channels,
        "commit_ms": round(config.commit_seconds * 1000),
        "interval_ms": round(config.interval_s * 1000),
        "name": config.name,
        "version": config.version,
        "visit_s": config.visit_s,
    }
    document |= _buses(config, channels, board)
    if config.uplink:
        document["uplink"] = _uplink(config.uplink)
        if config.uplink.ssid is None and board.ethernet is not None:
            document["ethernet"] = _ethernet(board.ethernet)
    if config.alarm:
        document["alarms"] = entries(config.alarm, channels, document["interval_ms"], board)
        if (pin := board.pin("alarm")) is not None:
            document["alarm_pin"] = pin.gpio
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


INPUTS = (0, 1, 2, 3, "0-1", "0-3", "1-3", "2-3")
RATES = (8, 16, 32, 64, 128, 250, 475, 860)
PARITIES = ("none", "even", "odd")


def _place(channel: Channel, board: Board) -> dict[str, Any]:
    """Where the sensor is wired to."""
    source = channel.ads1115 if isinstance(channel, Converted) else None
    if isinstance(source, Ads1115):
        return {
            "address": source.address, "input": INPUTS.index(source.input),
            "gain": ADS1115_RANGES.index(source.range_v), "rate": RATES.index(source.rate),
        }  # fmt: skip
    pin = getattr(channel, "pin", None)
    return {} if pin is None else {"pin": board.pins[pin].gpio}


def _buses(config: Config, channels: list[dict[str, Any]], board: Board) -> dict[str, Any]:
    """The buses that something hangs on; pins that the board lacks are told by `check`."""
    wanted = {wiring.needed(channel) for channel in channels}
    found: dict[str, Any] = {}
    if config.clock:
        found["clock"] = config.clock
        wanted.add("i2c")
    gpio = {name: pin.gpio for name, pin in board.pins.items()}
    if "i2c" in wanted and {"i2c_scl", "i2c_sda"} <= set(gpio):
        freq = config.bus.i2c.khz * 1000
        found["i2c"] = {"freq": freq, "scl": gpio["i2c_scl"], "sda": gpio["i2c_sda"]}
    if "sdi12" in wanted and "sdi12" in gpio:
        found["sdi12"] = {"pin": gpio["sdi12"]}
    if "modbus" in wanted and {"rs485_rx", "rs485_tx"} <= set(gpio):
        line = config.bus.modbus
        found["modbus"] = {
            "baud": line.baud, "parity": PARITIES.index(line.parity), "stop": line.stop_bits,
            "timeout_ms": line.timeout_ms, "retries": line.retries,
            "rx": gpio["rs485_rx"], "tx": gpio["rs485_tx"],
        }  # fmt: skip
        if line.direction and "rs485_de" in gpio:
            found["modbus"]["de"] = gpio["rs485_de"]
    return found


def _uplink(uplink: Uplink) -> dict[str, Any]:
    """All but the passwords."""
    found: dict[str, Any] = {
        "broker": uplink.broker, "port": uplink.port,
        "push_s": uplink.push_s, "kb_h": uplink.backfill_kb_per_hour,
    }  # fmt: skip
    named = {"account": uplink.account, "ssid": uplink.ssid}
    return found | {key: value for key, value in named.items() if value is not None}


def _ethernet(wired: Ethernet) -> dict[str, Any]:
    found: dict[str, Any] = {
        "address": wired.address, "clock": wired.clock, "mdc": wired.mdc, "mdio": wired.mdio,
        "out": int(wired.clock_out), "phy": wired.phy,
    }  # fmt: skip
    return found if wired.power is None else found | {"power": wired.power}


def _sampling(channel: Channel, scale: int, interval_ms: int) -> dict[str, Any]:
    """The keys that every kind has, where the file names them."""
    found: dict[str, Any] = {}
    period_ms = interval_ms if channel.period_s is None else round(channel.period_s * 1000)
    if period_ms != interval_ms:
        found["period_ms"] = period_ms
    if channel.stats is not None:
        found["stats"] = list(channel.stats)
    if getattr(channel, "raw", False):
        found["raw"] = True
    for key in ("qc_fail", "qc_suspect", "qc_spike"):
        if (span := getattr(channel, key)) is not None:
            found[key] = [round(limit * scale) for limit in span]
    if channel.qc_rate_per_s is not None:
        found["qc_rate"] = math.floor(channel.qc_rate_per_s * period_ms * scale / 1000 + _ROUNDING)
    if channel.qc_flat is not None:
        tolerance, *seconds = channel.qc_flat
        samples = [math.floor(s * 1000 / period_ms + _ROUNDING) for s in seconds]
        found["qc_flat"] = [round(tolerance * scale), *samples]
    return found


def _channel(channel: Channel, place: dict[str, Any], board: Board) -> dict[str, Any]:
    common = {"name": channel.name, **place}
    match channel:
        case Pulse():
            extra = {} if channel.max_per_s is None else {"max_hz": math.ceil(channel.max_per_s)}
            if channel.debounce_ms is not None:
                extra["settle_ms"] = channel.debounce_ms
            if channel.reverse_pin is not None:
                extra["reverse"] = board.pins[channel.reverse_pin].gpio
            return {
                **common, **extra, "sensor": "pulse", "unit": "pulses", "scale": 1,
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
            rom = {} if channel.rom is None else {"rom": channel.rom.lower()}
            return {**common, **rom, "sensor": "ds18b20", "unit": channel.unit, "scale": scale}
    keys = {"sensor": channel.sensor, "unit": channel.unit, "scale": 10**channel.decimals}
    return common | keys | channel.entry(board)

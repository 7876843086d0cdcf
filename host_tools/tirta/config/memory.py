# SPDX-License-Identifier: MIT
"""Whether a node has the RAM for what a config names.

A channel needs *parts*: modules of its driver and what several drivers share. The figures are bytes
of heap that a part takes once, measured at virtual nodes after their start (`heap_free` in their
status) and fitted so that no config's estimate is above what it leaves; tests/system/test_memory.py
measures some of them again. The virtual board's objects are up to twice as large as the chip's, so
that what is let through here starts on a chip, too.
"""

from collections.abc import Iterator
from typing import Any

from tirta.config.problems import Lines
from tirta.errors import Problem

FREE = 73_000  # without any channel but a pulse meter
# A start needs so much for a while: a config that leaves 25,600 starts, one that leaves 21,600 does
# not. A locked node has 5,000 less.
LEAST = 29_500
EACH = 900
_PARTS = {
    "ads1115": 3_550, "alarms": 4_900, "analogue": 650, "battery": 1_400, "buses": 2_150,
    "bursts": 4_600,
    "conductivity": 500, "crc16": 750, "curve": 2_900, "decimals": 900, "ds18b20": 3_950,
    "ezo": 4_300, "meters": 2_500,
    "modbus": 10_900, "nights": 3_800, "numbers": 1_050, "orp": 300, "own": 300, "oxygen": 1_300,
    "ph": 2_150, "rates": 4_250, "sdi12": 6_500, "uplink": 20_500,
    "water": 1_050,
}  # fmt: skip
# An uplink has 28,700 bytes at work, with what it loads for a moment; what a start needs for a
# while is free by then. So much it takes beyond that: with 8,000 less nothing was ever sent.
# What a config with an uplink leaves so that a laptop over the network may calibrate and apply:
# the demo's eight channels leave 43,250, and all works; of ones that leave 36,300 some is refused.
TALK = 42_000
# What the rules of another config need beside the sensors: a node that has 32,800 free takes one,
# with 30,900 it is refused. Of a locked node's estimate 5,000 go off.
ANOTHER = 33_500
LOCKED = 5_000
# Each further circuit, address or register, which may be a request of its own.
_FURTHER = {"ads1115": 50, "ezo": 400, "modbus": 350, "sdi12": 350, "alarms": 350, "nights": 1_250,
            "bursts": 700, "meters": 200}  # fmt: skip
_OF_KIND = {
    "battery": {"buses", "analogue", "battery"},
    "board_temp": {"buses", "own"},
    "conductivity": {"buses", "analogue", "water", "numbers", "curve", "conductivity"},
    "ds18b20": {"ds18b20"},
    "ezo": {"buses", "decimals", "ezo"},
    "free_heap": {"buses", "own"},
    "modbus": {"buses", "numbers", "crc16", "modbus"},
    "orp": {"orp"},
    "oxygen": {"buses", "analogue", "water", "numbers", "oxygen"},
    "ph": {"buses", "analogue", "water", "ph"},
    "sdi12": {"buses", "decimals", "crc16", "sdi12"},
    "starts": {"buses", "own"},
    "turbidity": {"buses", "analogue", "curve"},
}
_OF_KIND["tds"] = _OF_KIND["conductivity"]
_OF_RATES = ("period_ms", "stats", "qc_fail", "qc_suspect", "qc_spike", "qc_rate", "qc_flat")
_OF_ALARM = {
    "burst": "bursts", "night": "nights", "stuck": "meters", "doubled": "meters",
    "reversed": "meters",
}  # fmt: skip
Where = tuple[str | int, ...]


def too_much(config: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """Yield the first channel, uplink or alarm for which there is no room, in a config in its
    canonical form.
    """
    for where, name, left in _left(config):
        if left < LEAST:
            yield Problem(
                lines.where(where),
                f"{name} is one too many: the node's memory has no room for it beside those"
                " before it.",
                "Use fewer kinds of sensors on this node, or share them between two nodes.",
            )
            return


def little_for_a_talk(config: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """Tell where an uplink has room for pages, and not for all that a laptop asks over it."""
    if "uplink" in config and estimate(config) < TALK:
        yield Problem(
            lines.where(("uplink", "broker")),
            "Over the network a calibration or another config may be refused: the node's memory has"
            " little room beside its sensors.",
            "What is refused needs a cable. Use fewer kinds of sensors on this node to avoid that.",
        )


def little_for_another(config: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """Tell where a node that runs with this config may have no room for the rules of the next."""
    left = estimate(config)
    if "uplink" in config or left >= ANOTHER + LOCKED:
        return
    which = "The node" if left < ANOTHER else "A locked node"
    yield Problem(
        lines.where(("channel", len(config["channels"]) - 1, "sensor")),
        f"{which} may refuse another config while it runs with this one: its memory has little room"
        " beside its sensors.",
        "Then the other one comes by `tirta flash`. Use fewer kinds of sensors to avoid that.",
    )


def estimate(config: dict[str, Any]) -> int:
    """Estimate the bytes of heap that a node with this config has left after its start, at
    least.
    """
    return min((left for _, _, left in _left(config)), default=FREE)


def _left(config: dict[str, Any]) -> Iterator[tuple[Where, str, int]]:
    """(where in the document, what it is, bytes left behind it) of channels, uplink and alarms."""
    left = FREE + EACH  # a first channel is in FREE
    seen: set[str] = set()
    for where, name, each, parts in _needs(config):
        left -= each + sum(_FURTHER.get(p, 0) if p in seen else _PARTS[p] for p in parts)
        seen |= parts
        yield where, name, left


def _needs(config: dict[str, Any]) -> Iterator[tuple[Where, str, int, set[str]]]:
    """(where, what it is, bytes of its own, parts) of each channel, uplink and alarm."""
    waters = {channel.get("water") for channel in config["channels"]}
    for i, channel in enumerate(config["channels"]):
        parts = set(_OF_KIND.get(channel["sensor"], ()))
        if "input" in channel:
            parts |= {"buses", "analogue", "ads1115"}
        if any(key in channel for key in ("rom", "reverse", "max_hz", "settle_ms")):
            parts.add("buses")
        if channel["name"] in waters and channel["sensor"] in ("current", "voltage"):
            parts |= {"buses", "analogue"}  # a driver of its own, to be asked by others
        if any(key in channel for key in _OF_RATES):
            parts.add("rates")
        yield ("channel", i, "sensor"), f"Channel {channel['name']}", EACH, parts
    if "uplink" in config:
        yield ("uplink", "broker"), "The uplink", 0, {"uplink"}
    for i, alarm in enumerate(config.get("alarms", ())):
        parts = {"alarms", _OF_ALARM.get(alarm["kind"], "alarms")}
        yield ("alarm", i, "kind"), f"Alarm {alarm['name']}", 0, parts

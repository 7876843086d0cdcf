# SPDX-License-Identifier: MIT
"""Config files drawn from a seed: every kind of sensor with every other as its thermometer, units,
periods, statistics, limits, buses and alarms, within their ranges and beyond.
"""

import random
from typing import Any

from tirta.boards import board_file
from tirta.config.complaints import KINDS
from tirta.config.document import PIN_FUNCTIONS

DEGREES = ("degC", "C", "°C", "K", "degF", "celsius")
UNITS = ("", "m", "mg/L", "uS/cm", "pH", "%", "mV")
PERIODS = (0.01, 0.05, 0.1, 0.5, 1, 1.5, 2, 5, 10, 30, 60, 300, 900, 3600, 86400)
ODD_PERIODS = (0, 0.001, 0.009, 86401, -1, 1e9)
_PINS = {function for functions in PIN_FUNCTIONS.values() for function in functions}
BOARD = board_file.load("virtual")
COMPENSATED = ("ph", "conductivity", "tds", "oxygen")
ALARMS = ("above", "below", "fault", "tamper", "burst", "night_flow", "backflow", "quality",
          "meter", "stuck", "doubled", "reversed")  # fmt: skip
THERMOMETERS = ("4-20mA", "ds18b20", "ezo", "modbus", "sdi12", "voltage")


def channel(kind: str, name: str, rng: random.Random, pins: list[str]) -> dict[str, Any]:
    """A channel of a kind, as it can be; of `pins` it takes its own."""
    found: dict[str, Any] = {"name": name, "sensor": kind}
    functions = PIN_FUNCTIONS.get(kind, set())
    fitting = [n for n in pins if n in BOARD.pins and BOARD.pins[n].function in functions]
    converted = functions and kind not in ("pulse", "ds18b20", "battery")
    if converted and (not fitting or rng.random() < 0.3):
        taken = sum(pin.startswith("ads1115") for pin in pins)
        pins.append(f"ads1115_{taken}")
        rate = rng.choice((8, 128, 860))
        found["ads1115"] = {"input": taken % 4, "address": 0x48 + taken // 4, "rate": rate}
    elif functions:
        found["pin"] = rng.choice(fitting) if fitting else "flow"
        if fitting and kind != "ds18b20":
            pins.remove(found["pin"])
    if kind not in ("pulse", "board_temp", "free_heap", "starts"):
        found["decimals"] = _odd(rng, (0, 1, 2, 3), (4, 6))
        found["unit"] = _odd(rng, DEGREES if kind in THERMOMETERS else UNITS, (*UNITS, *DEGREES))
    return found | _keys(kind, rng)


def _odd(rng: random.Random, usual: Any, odd: Any) -> Any:
    """One of the usual, now and then one of the odd."""
    return rng.choice(odd if rng.random() < 0.04 else usual)


def _keys(kind: str, rng: random.Random) -> dict[str, Any]:
    """What each kind needs beside a name."""
    points = [[0.2, 0], [1.2, rng.randrange(1, 900)], [2.2, 1000]]
    number = rng.choice(("u16", "s16", "u32", "s32", "f32"))
    orders = ("abcd", "badc") if number[1:] == "16" else ("abcd", "badc", "cdab")
    most = _odd(rng, (None, None, 0.5, 2, 50, 999), (40000, 40001, 0))
    rom = _odd(rng, (None, None, "28dc6674050000b9", "28b143fe04000073"), ("28" * 8,))
    curve = {"points": points[:: _odd(rng, (1,), (-1,))]}
    keys: dict[str, dict[str, Any]] = {
        "pulse": {
            "litres_per_pulse": rng.choice((0.001, 0.5, 10, 1000, 1e5)), "max_per_s": most,
            "debounce_ms": _odd(rng, (None, None, 5, 20), (1, 201)),
        },
        "4-20mA": {"at_4ma": rng.choice((0, -50, 20)), "at_20ma": _odd(rng, (100, 5000), (0,))},
        "voltage": {"points": [[0.5, 0], [2.3, _odd(rng, (100, -7), (0.001, 0))]]},
        "modbus": {
            "slave": _odd(rng, range(1, 248), (0, 248)), "type": number,
            "register": _odd(rng, range(60000), (65535, 65536)),
            "order": _odd(rng, orders, ("cdab",)),
            "factor": rng.choice((1, 0.1, 1e-6, 1e6)),
            "offset": _odd(rng, (0, -273.15), (1e9,)),
        },
        "sdi12": {
            "address": _odd(rng, "09azAZ", "?"), "value": rng.randrange(1, 10),
            "command": _odd(rng, ("M", "M1", "MC", "C9", "CC", "R0", "RC3"), ("X", "R")),
        },
        "ezo": {"address": _odd(rng, range(97, 110), (7, 120)), "field": rng.randrange(1, 5)},
        "ph": {"zero_v": 1.3, "gain": _odd(rng, (2, -3), (0.05, 101))},
        "orp": {"zero_v": 1.3, "gain": _odd(rng, (1, -1), (0,))},
        "conductivity": curve,
        "tds": curve,
        "turbidity": curve,
        "oxygen": {"saturated_v": rng.choice((1.1, 3)), "zero_v": _odd(rng, (0, 0.2), (3,))},
        "ds18b20": {"rom": rom},
        "battery": {"low_v": rng.choice((0, 11.5))},
    }  # fmt: skip
    return {key: value for key, value in keys.get(kind, {}).items() if value is not None}


def _sampling(kind: str, interval_s: float, rng: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rng.random() < 0.4:
        found["period_s"] = _odd(rng, PERIODS, ODD_PERIODS)
    shorter = found.get("period_s", interval_s) < interval_s
    if rng.random() < (0.5 if shorter else 0.02):
        found["stats"] = rng.sample(["mean", "min", "max", "last", "count", "std"], 2)
    if rng.random() < 0.2:
        found["qc_fail"] = _odd(rng, ([0, 100], [-1e4, 1e4]), ([5, 1], [-1e9, 1e9]))
    if rng.random() < (0.2 if shorter and kind != "pulse" else 0.01):
        found["qc_spike"] = [1, 5]
    if rng.random() < 0.2:
        period_s = found.get("period_s", interval_s)
        found["qc_flat"] = [0.1, 3 * period_s, _odd(rng, (3, 30, 200), (2, 900)) * period_s]
    return found


def _alarm(names: list[str], rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(ALARMS)
    found: dict[str, Any] = {"name": f"a_{kind}"[:16], "kind": kind}
    if kind != "tamper":
        found["channel"] = _odd(rng, names, ("nobody",))
    needs = kind in ("above", "below", "night_flow") or (kind == "burst" and rng.random() < 0.5)
    if needs or rng.random() < 0.1:
        found["limit"] = rng.choice((0, 0.5, 100, -3))
    if kind == "night_flow" and rng.random() < 0.5:
        found |= {"saturday_limit": 2, "holiday_limit": _odd(rng, (1.5, 0), (1e9,))}
    if kind in ("burst", "night_flow") and rng.random() < 0.5:
        days = ("2026-05-28", "2026-05-28..2026-06-03"), ("2026-13-01", "2026-06-03..2026-05-28")
        found["holidays"] = [_odd(rng, *days)]
    if rng.random() < 0.3:
        found |= {"pressure": rng.choice(names), "pressure_min": 5}
    if rng.random() < 0.3:
        from_h = rng.randrange(24)
        found |= {"night_from_h": from_h, "night_to_h": _odd(rng, range(from_h + 1, 25), (1,))}
    return found


def text(seed: int) -> str:
    """A config file: of each three seeds one has the next kind as the next one's thermometer."""
    rng = random.Random(seed)
    pins = [name for name, pin in BOARD.pins.items() if pin.function in _PINS]
    pairs = [(other, probe) for probe in (*COMPENSATED, "ezo") for other in KINDS]
    names = list(pairs[seed // 3 % len(pairs)])
    if seed % 3:
        names = rng.choices(list(KINDS), k=rng.randrange(1, 6))
    interval_s = rng.choice((0.5, 1, 10, 60, 60, 60, 300, 900, 3600, 86400))
    thermometers = [f"c{i}" for i, kind in enumerate(names) if kind in THERMOMETERS] or ["c0"]
    channels = []
    for i, kind in enumerate(names):
        made = channel(kind, f"c{i}", rng, pins) | _sampling(kind, interval_s, rng)
        if kind in COMPENSATED or (kind == "ezo" and rng.random() < 0.5):
            others = [name for name in thermometers if name != f"c{i}"] or ["c0"]
            degrees = [25, 11.5] if kind in COMPENSATED and seed % 3 else []
            made["temperature"] = _odd(rng, [*others, *degrees], ("gone", f"c{i}"))
        channels.append(made)
    if rng.random() < 0.5:
        rng.shuffle(channels)
    out = ['board = "virtual"', f"interval_s = {interval_s}"]
    if rng.random() < 0.2:
        out += ["[bus.modbus]", f"timeout_ms = {rng.choice((20, 300, 5000))}"]
    for made in channels:
        out += ["", "[[channel]]", *_pairs(made)]
    for _ in range(rng.randrange(3) if rng.random() < 0.4 else 0):
        out += ["", "[[alarm]]", *_pairs(_alarm([c["name"] for c in channels], rng))]
    return "\n".join(out) + "\n"


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "{" + ", ".join(_pairs(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)

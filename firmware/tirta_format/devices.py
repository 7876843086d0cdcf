# SPDX-License-Identifier: MIT
"""The kinds of sensors on buses, with compensation, or of the node itself: their keys, written as
in kinds.py, and what is wrong between them.
"""

from tirta_format.kinds import CONVERTER, INTERRUPT_HZ, LIMIT, SETTLED_HZ, TWO_POINTS

# What a probe is compensated by: the channel `water`, and hundredths of a degree where it has none.
_WATER = "fixed i -500 10000 2500;water t 1 16 ?;"
# How often a bus asks, and how old an answer may be.
_POLLED = "age_ms i 500 172800000 ?;poll_ms i 100 86400000 ?;"
_POINTS = "points l 4 16;"
DEVICES = {
    "orp": CONVERTER + TWO_POINTS,
    # pH electrode: see tirta_node/sensors/ph.py; slope 10000 = Nernst's
    "ph": (
        CONVERTER
        + _WATER
        + (
            "gain_milli i -100000 100000;"
            "offset_uv i -100000 100000 0;"
            "slope i 5000 11000 10000;"
            "zero_uv i -6200000 6200000;"
        )
    ),
    # at 25 degrees; alpha in hundredths of a per cent per degree
    "conductivity": (CONVERTER + _WATER + _POINTS + ("alpha i 0 500 200;")),
    "tds": (CONVERTER + _WATER + _POINTS + ("alpha i 0 500 200;")),
    "turbidity": CONVERTER + _POINTS,
    # galvanic probe: see tirta_node/sensors/oxygen.py; table: saturation from 0 to 40 degrees
    "oxygen": (
        CONVERTER
        + _WATER
        + (
            "cal_centi i 0 4000 2500;"
            "cal_uv i 1 3300000;"
            "pressure i 50000 110000 101325;"
            "probe_slope i 0 1000 0;"
            "salinity i 0 4500 0;"
            "table l 21 21;"
            "zero_uv i 0 3300000 0;"
        )
    ),
    # behind a divider (times 1000); below `low` the node saves: 0 = never
    "battery": ("divider i 1000 100000;low i 0 1073741823 0;pin i 0 48;"),
    "board_temp": "",
    "free_heap": "",
    "starts": "",
    # Atlas EZO circuit: the field of its answer, from 0
    "ezo": (_POLLED + _WATER + ("address i 8 119;index i 0 7 0;")),
    # type: 0 u16, 1 s16, 2 u32, 3 s32, 4 f32; order: bit 0 bytes, bit 1 registers swapped; the
    # value is the number times mul / div, plus shift
    "modbus": (
        _POLLED
        + (
            "div i 1 268435455 1;"
            "function i 3 4 3;"
            "mul i 1 1048575 1;"
            "order i 0 3 0;"
            "register i 0 65535;"
            "shift i -1073741823 1073741823 0;"
            "slave i 1 247;"
            "type i 0 4 0;"
        )
    ),
    # SDI-12: the index of the value in what `command` measures, from 0
    "sdi12": (_POLLED + ("address t 1 1;command t 1 3 M;index i 0 98 0;")),
}


def check(channel, least_ms):
    """What is wrong between the keys of one channel: (key, what), or None."""
    problem = _lists(channel) or _CHECKS.get(channel["sensor"], _nothing)(channel)
    if problem or "poll_ms" not in channel:
        return problem
    if "age_ms" in channel and channel["age_ms"] < channel["poll_ms"]:
        return "age_ms", "must not be below poll_ms"
    least = least_ms[channel["sensor"]]
    if channel["poll_ms"] < least:
        return "poll_ms", "must be %d or more" % least
    return None


def _nothing(channel):
    return None


def _lists(channel):
    for key in ("points", "table"):
        for number in channel.get(key, ()):
            if isinstance(number, bool) or not isinstance(number, int) or abs(number) > LIMIT:
                return key, "must be whole numbers up to %d" % LIMIT
    points = channel.get("points")
    if points:
        if len(points) % 2:
            return "points", "must be pairs"
        for i in range(2, len(points), 2):
            if points[i] <= points[i - 2]:
                return "points", "must have voltages that go up"
    return None


def _pulse(channel):
    if "settle_ms" in channel:
        most_hz = max(1, SETTLED_HZ // channel["settle_ms"])
        if channel.get("max_hz", 1) > most_hz:
            return "max_hz", "must be 1 to %d for a contact that settles in %d ms" % (
                most_hz, channel["settle_ms"],
            )  # fmt: skip
        if "reverse" in channel:
            return "reverse", "must be a channel of its own where contacts bounce"
        return None
    if channel["counter"] < 0:
        if "reverse" in channel:
            return "reverse", "needs a counter in hardware"
        if channel.get("max_hz", INTERRUPT_HZ + 1) > INTERRUPT_HZ:
            return "max_hz", "must be 1 to %d without a counter in hardware" % INTERRUPT_HZ
    return None


def _ph(channel):
    if channel.get("scale", 1) > 1000:
        return "scale", "must be 1 to 1000"
    if abs(channel["gain_milli"]) < 100:
        return "gain_milli", "must not be nearly 0"
    return None


def _oxygen(channel):
    if channel["cal_uv"] <= channel.get("zero_uv", 0):
        return "cal_uv", "must be above zero_uv"
    if not all(0 < value < 1 << 20 for value in channel["table"]):
        return "scale", "is too large for oxygen"
    return None


def _modbus(channel):
    words = 1 if channel.get("type", 0) < 2 else 2
    if channel["register"] + words > 65536:
        return "register", "must end at 65535"
    if words == 1 and channel.get("order", 0) > 1:
        return "order", "must be 0 or 1 for one register"
    return None


def _sdi12(channel):
    address, command = channel["address"], channel.get("command", "M")
    if not ("0" <= address <= "9" or "A" <= address <= "Z" or "a" <= address <= "z"):
        return "address", "must be a digit or a letter"
    letters = command.rstrip("0123456789")
    digits = command[len(letters) :]
    if letters not in ("M", "MC", "C", "CC", "R", "RC") or len(digits) > 1:
        return "command", "must be M, C, MC or CC, perhaps with 1 to 9, or R0 to R9, RC0 to RC9"
    if (digits == "0" and letters[0] != "R") or (not digits and letters[0] == "R"):
        return "command", "must be M, C, MC or CC, perhaps with 1 to 9, or R0 to R9, RC0 to RC9"
    if command[0] == "M" and channel.get("index", 0) > 8:
        return "index", "must be 0 to 8: such a measurement has nine values"
    return None


def _ds18b20(channel):
    rom = channel.get("rom")
    if rom is None:
        return None
    crc = 0
    for i in range(0, 16, 2):
        digits = rom[i : i + 2]
        if not all(digit in "0123456789abcdef" for digit in digits):
            return "rom", "must be hexadecimal digits"
        crc ^= int(digits, 16)
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    if crc or rom[:2] != "28":
        return "rom", "is not the code of a DS18B20: its last byte is a CRC of the others"
    return None


_CHECKS = {
    "ds18b20": _ds18b20,
    "modbus": _modbus,
    "oxygen": _oxygen,
    "ph": _ph,
    "pulse": _pulse,
    "sdi12": _sdi12,
}

# SPDX-License-Identifier: MIT
"""What is wrong between the keys of one channel, of the kinds in devices.py, and where a plain kind
has keys that few have.
"""

from tirta_format.kinds import INTERRUPT_HZ, LIMIT, SETTLED_HZ


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

# SPDX-License-Identifier: MIT
"""Whether a config fits its board: pins that it has, each used once, and enough counters."""

from collections.abc import Iterator
from typing import Any

from tirta.boards.model import Board
from tirta.config import document, model
from tirta.config.problems import Lines
from tirta.errors import Problem
from tirta_format.kinds import INTERRUPT_HZ

_BUS_PINS = {
    "i2c": ("i2c_scl", "i2c_sda"),
    "modbus": ("rs485_rx", "rs485_tx"),
    "sdi12": ("sdi12",),
}


def names_missing_pin(channel: document.Channel, board: Board) -> bool:
    """Return whether a pin of the channel is not the board's: then there is no canonical form."""
    names = (getattr(channel, key, None) for key in ("pin", "reverse_pin"))
    return any(name is not None and name not in board.pins for name in names)


def unread(
    content: dict[str, Any], kept: list[int], board: Board, lines: Lines
) -> Iterator[Problem]:
    """Yield pins of channels that cannot be read as a whole."""
    channels = content.get("channel")
    for i, channel in enumerate(channels if isinstance(channels, list) else ()):
        for key in ("pin", "reverse_pin") if i not in kept and isinstance(channel, dict) else ():
            name = channel.get(key)
            if isinstance(name, str) and board.pin(name) is None:
                yield Problem(
                    lines.where(("channel", i, key)),
                    f"Board {board.name} has no pin {name!r}.",
                    f"Pins of {board.name}: {', '.join(board.pins)}.",
                )


def problems(config: document.Config, board: Board, lines: Lines) -> Iterator[Problem]:
    """Yield everything that the board does not have as the config wants it, with its line."""
    taken: dict[str, int] = {}
    for i, channel in enumerate(config.channel):
        for key in ("pin", "reverse_pin"):
            name = getattr(channel, key, None)
            if name is not None:
                where = lines.where(("channel", i, key))
                yield from _pin(config, board, (i, name, where), taken)
        yield from _place(channel, board, lines.where(("channel", i, "sensor")))
    pulses = [i for i, c in enumerate(config.channel) if c.sensor == "pulse"]
    for i in pulses[board.counter_units or len(pulses) :]:
        yield Problem(
            lines.where(("channel", i, "sensor")),
            f"Board {board.name} counts {board.counter_units} pulse inputs in hardware, not more.",
            "Remove this channel, or use a board with more counters.",
        )
    for i in pulses if not board.counter_units else ():
        channel = config.channel[i]
        most_hz = getattr(channel, "max_per_s", None) or INTERRUPT_HZ + 1
        if most_hz > INTERRUPT_HZ and getattr(channel, "debounce_ms", None) is None:
            yield Problem(
                lines.where(("channel", i, "max_per_s")),
                f"Board {board.name} counts by interrupt: at most one pulse in 500 ms.",
                "If the meter never gives more, say so: max_per_s = 2. A contact: debounce_ms = 20."
                " Else use another board.",
            )
    if config.uplink and config.uplink.ssid is None and board.ethernet is None:
        yield Problem(
            lines.where(("uplink",)),
            f"Board {board.name} has no Ethernet, and the uplink names no Wi-Fi.",
            'Add ssid = "..." and wifi_password = "...", or use a board with Ethernet.',
        )
    if config.uplink and config.uplink.ssid is None and config.uplink.wifi_password is not None:
        yield Problem(
            lines.where(("uplink", "wifi_password")),
            "A password without the Wi-Fi that it is for.",
            'Add ssid = "...", or remove it: without an ssid the uplink goes by Ethernet.',
        )
    if config.clock and not _has(board, "i2c"):
        yield Problem(lines.where(("clock",)), f"Board {board.name} has no I2C.", "Remove it.")


def _pin(
    config: document.Config, board: Board, use: tuple[int, str, str], taken: dict[str, int]
) -> Iterator[Problem]:
    i, name, where = use
    channel = config.channel[i]
    wanted = document.PIN_FUNCTIONS[channel.sensor]
    fitting = [n for n, p in board.pins.items() if p.function in wanted]
    hint = f"Pins of {board.name} for {channel.sensor}: {', '.join(fitting) or 'none'}."
    pin = board.pin(name)
    if pin is None:
        yield Problem(where, f"Board {board.name} has no pin {name!r}.", hint)
    elif pin.function not in wanted:
        yield Problem(where, f"Pin {name} is for {pin.function}, not for {channel.sensor}.", hint)
    elif name in taken and not (getattr(channel, "rom", None) and _has_rom(config, taken[name])):
        first = config.channel[taken[name]].name
        yield Problem(where, f"Pin {name} is already used by channel {first}.", hint)
    taken.setdefault(name, i)


def _has_rom(config: document.Config, i: int) -> bool:
    return getattr(config.channel[i], "rom", None) is not None


def _has(board: Board, bus: str) -> bool:
    return all(board.pin(name) for name in _BUS_PINS[bus])


def _place(channel: document.Channel, board: Board, where: str) -> Iterator[Problem]:
    """A converter's input is a pin or an ADS1115's; a bus needs its pins."""
    bus = {"modbus": "modbus", "sdi12": "sdi12", "ezo": "i2c"}.get(channel.sensor)
    if isinstance(channel, model.Converted):
        if (channel.pin is None) == (channel.ads1115 is None):
            yield Problem(
                where,
                "This sensor needs either `pin` or `ads1115`.",
                'Write one of both: pin = "analog_1", or ads1115 = {input = 0}.',
            )
        bus = None if channel.ads1115 is None else "i2c"
    if bus is not None and not _has(board, bus):
        names = ", ".join(_BUS_PINS[bus])
        yield Problem(
            where,
            f"Board {board.name} has no pins for {channel.sensor}.",
            f"Use a board that names {names}.",
        )

# SPDX-License-Identifier: MIT
"""The reference of sensor kinds: each example is accepted by laptop and node, and comes back."""

import json
import re
from pathlib import Path

import pytest

import tirta.config
from tirta import config
from tirta.config.complaints import KINDS
from tirta.config.devices import oxygen_saturation
from tirta_format import config as format_config
from tirta_format import kinds

REFERENCE = Path(tirta.config.__file__).with_name("SENSORS.md").read_text()
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", REFERENCE, re.MULTILINE | re.DOTALL)
HEAD = 'board = "virtual"\n'


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "node.toml"
    path.write_text(text)
    return [f"{p.where}: {p.what} {p.hint}" for p in config.check(path).problems]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split('"')[1])
def test_an_example_is_right_and_comes_back(example: str, tmp_path: Path) -> None:
    assert problems(tmp_path, HEAD + example) == []
    text, _ = config.load(tmp_path / "node.toml")
    assert format_config.check(json.loads(text)) == []
    again = tmp_path / "again.toml"
    again.write_text(config.to_toml(text))
    assert config.load(again)[0] == text


def test_the_reference_has_an_example_of_every_kind() -> None:
    named = set(re.findall(r'sensor = "(.*?)"', REFERENCE))
    assert named == set(KINDS)
    assert {*named - {"4-20mA"}, "current"} == set(kinds.SENSORS)


MODBUS = """[[channel]]
name = "a"
sensor = "modbus"
unit = "m"
slave = 3
register = 65535
type = "u16"
"""
TWO_ROMS = """[[channel]]
name = "a"
sensor = "ds18b20"
pin = "onewire"
rom = "28dc6674050000b9"
[[channel]]
name = "b"
sensor = "ds18b20"
pin = "onewire"
rom = "28b143fe04000073"
"""
PH = """[[channel]]
name = "a"
sensor = "ph"
pin = "analog_1"
temperature = 25
zero_v = 1.3
gain = 2.0
"""


@pytest.mark.parametrize(
    ("text", "change", "line", "told"),
    [
        (MODBUS, ('"u16"', '"f32"'), 7, "must end at 65535"),
        (MODBUS, ("slave = 3", "slave = 248"), 6, "less than or equal to 247"),
        (MODBUS, ("65535", "40001.5"), 7, "valid integer"),
        (MODBUS, ('"u16"', '"u16"\norder = "cdab"'), 9, "must be 0 or 1 for one register"),
        (MODBUS, ('"u16"', '"u16"\npoll_s = 9\nmax_age_s = 5'), 10, "must not be below poll_ms"),
        (MODBUS, ("slave = 3", "pin = 'flow'\nslave = 3"), 6, "no key 'pin'"),
        (TWO_ROMS, ("28b143fe04000073", "28dc6674050000b9"), 10, "thermometer 28dc"),
        (TWO_ROMS, ("28b143fe04000073", "28b143fe04000074"), 11, "its last byte is a CRC"),
        (TWO_ROMS, ('rom = "28b143fe04000073"', ""), 10, "already used by channel a"),
        (PH, ("temperature = 25", 'temperature = "b"'), 6, "name of a channel of a temp"),
        (PH, ('pin = "analog_1"', "ads1115 = {input = 4}"), 5, "Input should be 0"),
        (PH, ('pin = "analog_1"', ""), 4, "needs either `pin` or `ads1115`"),
        (PH, ("gain = 2.0", "gain = 0.01"), 8, "must not be nearly 0"),
    ],
)
def test_what_cannot_work_is_refused_with_its_line(
    text: str, change: tuple[str, str], line: int, told: str, tmp_path: Path
) -> None:
    assert problems(tmp_path, HEAD + text) == []
    found = problems(tmp_path, HEAD + text.replace(*change))
    assert found, "accepted"
    assert told in found[0]
    assert found[0].startswith(f"node.toml:{line}:"), found[0]


def test_a_board_without_counters_counts_slowly_and_lacks_rs485(tmp_path: Path) -> None:
    board = 'board = "esp32c3_devkitm"\n'
    pulse = '[[channel]]\nname = "flow"\nsensor = "pulse"\npin = "flow"\nlitres_per_pulse = 1\n'
    (found,) = problems(tmp_path, board + pulse)
    assert "at most one pulse in 500 ms" in found
    assert problems(tmp_path, board + pulse + "max_per_s = 3\n")
    assert problems(tmp_path, board + pulse + "max_per_s = 2\n") == []
    (found, *_) = problems(tmp_path, board + MODBUS)
    assert "no pins for modbus" in found


SDI12 = """[[channel]]
name = "stage"
sensor = "sdi12"
unit = "m"
address = "0"
"""
EZO = """[[channel]]
name = "oxygen"
sensor = "ezo"
unit = "mg/L"
address = 97
"""


def test_more_kinds_than_ram_has_room_for_are_refused(tmp_path: Path) -> None:
    """Three kinds on buses fit, and so do twenty Modbus slaves, but not all of them together."""
    three = HEAD + MODBUS + SDI12 + EZO
    assert problems(tmp_path, three) == []
    slaves = [MODBUS.replace('"a"', f'"m{i}"').replace("= 3", f"= {i}") for i in range(10, 30)]
    assert problems(tmp_path, HEAD + "".join(slaves)) == []
    (found,) = problems(tmp_path, three + "".join(slaves))
    (name,) = re.findall("Channel (m[0-9]+) is one too many", found)
    line = (three + "".join(slaves)).split(f'"{name}"')[0].count("\n") + 2
    assert found.startswith(f"node.toml:{line}:"), found


def test_the_node_refuses_wires_that_two_things_want() -> None:
    channel = {"name": "a", "sensor": "modbus", "slave": 1, "register": 0}
    bus = {"rx": 18, "tx": 19, "de": 23}
    document = {"board": "virtual", "channels": [channel]}
    assert format_config.check(document) == [("channels[0].sensor", "needs the bus modbus")]
    assert format_config.check(document | {"modbus": bus}) == []
    assert format_config.check(document | {"modbus": bus | {"de": 19}}) == [
        ("modbus.rx", "pin 19 is already used by modbus")
    ] or format_config.check(document | {"modbus": bus | {"de": 19}})
    other = {"name": "b", "sensor": "ds18b20", "pin": 23}
    assert format_config.check({**document, "channels": [channel, other], "modbus": bus})


def test_oxygen_saturation_is_that_of_standard_methods() -> None:
    # Standard Methods 4500-O, table I: chlorinity 0, 101.325 kPa
    for celsius, mg_l in ((0, 14.621), (10, 11.288), (20, 9.092), (25, 8.263), (30, 7.559)):
        assert abs(oxygen_saturation(celsius) - mg_l) < 0.002
    assert abs(oxygen_saturation(20, 36.1) - 7.37) < 0.08  # sea water

# SPDX-License-Identifier: MIT
"""Config files: every problem with its line, and the way to the node's form and back."""

import json
import re
from pathlib import Path

import pytest
from generated import given
from hypothesis import strategies as st

from tirta import config
from tirta.boards import board_file
from tirta.cli import main
from tirta.config import canonical
from tirta.config.document import Config
from tirta.errors import TirtaError
from tirta.virtual.demo_config import DEMO_CONFIG, demo_text
from tirta.water import columns
from tirta_format import config as format_config

PRESSURE = """board = "virtual"
[[channel]]
name = "p_inlet"
sensor = "4-20mA"
pin = "analog_1"
unit = "m"
at_4ma = 0
at_20ma = 100
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "node.toml"
    path.write_text(text)
    return [f"{p.where}: {p.what} {p.hint}" for p in config.check(path).problems]


def test_demo_config_is_right_and_comes_back_as_it_went(tmp_path: Path) -> None:
    text, board = config.load(DEMO_CONFIG)
    assert board.name == "virtual"
    assert format_config.check(json.loads(text)) == []
    again = tmp_path / "again.toml"
    again.write_text(config.to_toml(text))
    assert config.load(again)[0] == text


def test_demo_config_belongs_to_its_board() -> None:
    assert demo_text("virtual") == config.load(DEMO_CONFIG)[0]
    with pytest.raises(TirtaError, match="for board virtual, not for esp32_devkitc"):
        demo_text("esp32_devkitc")


@pytest.mark.parametrize(
    ("change", "line", "told"),
    [
        (("at_20ma = 100", "at_20ma = 100\nat_21ma = 3"), 9, "no key 'at_21ma'. Did you mean"),
        (("board =", "interval_s = 0.001\nboard ="), 1, "interval_s: Input should be greater"),
        (("board =", "colour = 1\nboard ="), 1, "no key 'colour'"),
        (('unit = "m"\n', ""), 2, "'unit' is missing. Add a line"),
        (('"4-20mA"', '"5-20mA"'), 4, "Choose one of: 4-20mA"),
        (('"analog_1"', '"flow"'), 5, "Pin flow is for count"),
        (('"analog_1"', '"nowhere"'), 5, "has no pin 'nowhere'. Pins of virtual for"),
        (("at_20ma = 100", "at_20ma = 0"), 8, "must differ from at_4ma"),
        (("at_20ma = 100", "at_20ma = 1e9"), 8, "must be -1073741823 to 1073741823"),
        (("at_4ma = 0", "at_4ma = 'x'"), 7, "valid number"),
        (("at_4ma = 0", "at_4ma = "), 7, "at_4ma has no value"),
        (("at_4ma = 0", "at_4ma = [0"), 7, "at_4ma is not closed"),
        (('board = "virtual"', 'board = "esp33"'), 1, "no board 'esp33'"),
        (("board =", "interval_s = true\nboard ="), 1, "true is no value for interval_s"),
        (("at_20ma = 100", "at_20ma = true"), 8, "true is no value for at_20ma"),
        (("at_20ma = 100", "at_20ma = 100\nstats = []"), 9, "The list stats needs 1 or more"),
        (("at_20ma = 100", "at_20ma = 100\nqc_fail = [false, 9]"), 9, "false is no value for qc_f"),
        (('name = "p_inlet"', 'name = "P inlet"'), 3, "begins with a letter, not 'P inlet'"),
    ],
)
def test_problem_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, told: str
) -> None:
    (found, *more) = problems(tmp_path, PRESSURE.replace(*change))
    assert found.startswith(f"node.toml:{line}")
    assert told in found
    assert not more


def test_two_drivers_on_one_pin_are_refused(tmp_path: Path) -> None:
    second = PRESSURE.partition("\n")[2].replace("p_inlet", "p_other")
    (found,) = problems(tmp_path, PRESSURE + second)
    assert found.startswith("node.toml:12: channel[2].pin: Pin analog_1 is already used")


UPLINK = '[uplink]\nbroker = "10.0.0.5"\n'


def test_an_uplink_has_time_between_samples(tmp_path: Path) -> None:
    fast = "interval_s = 0.04\n" + PRESSURE + UPLINK + 'ssid = "valves"\n'
    (found,) = problems(tmp_path, fast)
    assert "is sampled every 40 ms: that leaves an uplink no time to send." in found
    assert problems(tmp_path, fast.replace("0.04", "0.05")) == []
    assert problems(tmp_path, fast[: fast.index("[uplink]")]) == []


def test_an_uplink_without_wifi_goes_by_the_boards_ethernet(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, PRESSURE + UPLINK)
    assert found.startswith("node.toml:9: uplink: Board virtual has no Ethernet"), found
    wired = PRESSURE.replace('"virtual"', '"wt32_eth01"') + UPLINK
    (found,) = problems(tmp_path, f'{wired}wifi_password = "a-long-one"\n')
    assert found.startswith("node.toml:11: uplink.wifi_password: A password without the Wi-Fi")
    path = tmp_path / "node.toml"
    path.write_text(wired)
    text, board = config.load(path)
    assert board.ethernet is not None
    assert json.loads(text)["ethernet"]["phy"] == board.ethernet.phy
    path.write_text(config.to_toml(text))
    assert config.load(path)[0] == text
    path.write_text(f'{wired}ssid = "valves"\n')
    assert "ethernet" not in json.loads(config.load(path)[0])


@pytest.mark.parametrize(
    ("ssid", "ethernet"),
    [(True, True), (False, False), (None, True)],
    ids=["both", "none", "alone"],
)
def test_a_node_takes_one_way_for_its_uplink(
    ssid: bool | None, ethernet: bool, tmp_path: Path
) -> None:
    path = tmp_path / "node.toml"
    path.write_text(PRESSURE.replace('"virtual"', '"wt32_eth01"') + UPLINK)
    told = json.loads(config.load(path)[0])
    if ssid:
        told["uplink"]["ssid"] = "valves"
    elif ssid is None:
        del told["uplink"]
    if not ethernet:
        del told["ethernet"]
    assert format_config.check(told) == [("uplink", "needs either an ssid or ethernet")]


MORE = """period_s = 1
stats = ["mean", "min", "max", "std"]
raw = true
qc_fail = [0, 100]
qc_suspect = [5, 80.5]
qc_spike = [1, 2]
qc_rate_per_s = 0.3
qc_flat = [0.02, 60, 240]
"""


def test_sampling_and_limits_come_back_as_they_went(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(PRESSURE + MORE)
    text, _ = config.load(path)
    (channel,) = json.loads(text)["channels"]
    assert channel["qc_rate"] == 30
    assert channel["qc_flat"] == [2, 60, 240]
    names = [column.name for column in columns.of(format_config.parse(text))]
    assert names == ["p_inlet", "p_inlet_min", "p_inlet_max", "p_inlet_std", "p_inlet_raw"]
    path.write_text(config.to_toml(text))
    assert config.load(path)[0] == text


@pytest.mark.parametrize(
    ("more", "line", "told"),
    [
        ('stats = ["mean"]', 9, "needs a period below"),
        ('stats = ["mean"]\nperiod_s = 60', 9, "needs a period below"),
        ('period_s = 1\nstats = ["mean", "mean"]', 10, "must be different ones"),
        ('period_s = 1\nstats = ["mode"]', 10, "Correct stats"),
        ('period_s = 1\nstats = ["mean", "count"]', 10, "p_critical1_count of more than 16"),
        ("qc_spike = [1, 2]", 9, "half the record's interval"),
        ("qc_flat = [0.1, 0, 1]", 9, "greater than or equal to 0.01"),
        ("period_s = 1\nqc_flat = [0.1, 60, 900]", 10, "2 to 240 samples"),
        ("qc_fail = [3, 2]", 9, "must not go down"),
        ("period_s = 0.001", 9, "greater than or equal to 0.01"),
    ],
)
def test_sampling_that_cannot_work_is_refused(
    tmp_path: Path, more: str, line: int, told: str
) -> None:
    text = PRESSURE.replace("p_inlet", "p_critical1")
    (found, *others) = problems(tmp_path, text + more + "\n")
    assert found.startswith(f"node.toml:{line}"), found
    assert told in found
    assert not others


def test_period_that_a_sensor_cannot_keep_is_refused(tmp_path: Path) -> None:
    thermometer = '[[channel]]\nname = "t"\nsensor = "ds18b20"\npin = "onewire"\n'
    (found,) = problems(tmp_path, PRESSURE + thermometer + "period_s = 0.9\n")
    assert found.startswith("node.toml:13: channel[2].period_s")
    assert "ds18b20 needs 1000 ms or more" in found
    (found,) = problems(tmp_path, "interval_s = 0.5\n" + PRESSURE + thermometer)
    assert found.startswith("node.toml:1: interval_s")


def test_more_columns_than_ram_has_room_for_are_refused(tmp_path: Path) -> None:
    more = 'period_s = 1\nstats = ["mean", "min", "max", "last", "count", "std"]\n'
    channel = (PRESSURE.partition("\n")[2] + more).replace("p_inlet", "p")
    text = 'board = "virtual"\n' + "".join(
        channel.replace('"p"', f'"p{i}"').replace("analog_1", f"analog_{i}") for i in range(1, 7)
    )
    (found,) = problems(tmp_path, text)
    assert found.startswith("node.toml:47: channel[6]")
    assert "more than 32 columns" in found


def test_channel_that_an_erase_outlasts_is_told_and_allowed(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(PRESSURE + "period_s = 0.1\n")
    checked = config.check(path)
    assert not checked.problems
    (warning,) = checked.warnings
    assert warning.where.startswith("node.toml:9: channel[1].period_s")
    assert "500 ms" in warning.what
    assert checked.as_json()["warnings"]
    assert not config.check(DEMO_CONFIG).warnings


def test_years_of_both_rings_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(DEMO_CONFIG)]) == 0
    told = capsys.readouterr().out
    assert "the flash of the log lasts over 100 years, its journal lasts over 100 years" in told
    path = tmp_path / "node.toml"
    pace = "interval_s = 1\ncommit_seconds = 1\n"
    channel = PRESSURE.partition("\n")[2]
    six = [channel.replace("analog_1", f"analog_{i}").replace("inlet", str(i)) for i in range(1, 7)]
    path.write_text('board = "virtual"\n' + pace + "".join(six))
    checked = config.check(path)
    assert not checked.problems, checked.problems
    (warning,) = (w for w in checked.warnings if "wears" in w.what)
    assert warning.where.startswith("node.toml:3: commit_seconds")
    assert "journal" in warning.what
    assert checked.wear is not None
    assert checked.wear.journal is not None
    assert checked.wear.journal < 10 < checked.wear.log
    assert checked.as_json()["wear_years"]["journal"] == round(checked.wear.journal, 1)
    seconds = re.search(r"commit_seconds = (\d+)", warning.hint)
    assert seconds
    path.write_text(path.read_text().replace("commit_seconds = 1\n", f"{seconds[0]}\n"))
    checked = config.check(path)
    assert checked.wear is not None
    assert checked.wear.journal is None, "the log alone, as the hint says"
    assert not [w for w in checked.warnings if "wears" in w.what]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = PRESSURE.replace("at_4ma", "at_4mA").replace("[[ch", "visit_s = 1\n[[ch")
    assert len(problems(tmp_path, text)) == 3


SIGNS = [
    ("at_20ma = 100", "at_20ma = 16,0", "comma in the number 16,0", "at_20ma = 16.0"),
    ("at_20ma = 100", 'at_20ma = "16,0"', "valid number", "at_20ma = 16.0"),
    ("at_20ma = 100", 'at_20ma = "1,500"', "valid number", "1.500 or 1500"),
    ("at_20ma = 100", "at_20ma : 100", "colon behind at_20ma", "at_20ma = 100"),
    ('unit = "m"', "unit = “m”", "typographic quotes", 'unit = "m"'),
    ('unit = "m"', "unit = m", "no quotes around the text m", 'unit = "m"'),
    ('unit = "m"', 'unit = "m"\nunit = "bar"', "'unit' is there twice", "Remove one"),
]


@pytest.mark.parametrize(("old", "new", "what", "hint"), SIGNS)
def test_what_people_type_is_told_with_what_to_write(
    tmp_path: Path, old: str, new: str, what: str, hint: str
) -> None:
    """And hides nothing else in the file: the wrong pin in another line is told, too."""
    text = PRESSURE.replace('"analog_1"', '"nowhere"').replace(old, new)
    found = problems(tmp_path, text)
    assert len(found) == 2, found
    one = next(line for line in found if what in line)
    (number,) = [i for i, line in enumerate(text.splitlines(), 1) if line in new.split("\n")[-1:]]
    assert one.startswith(f"node.toml:{number}:")
    assert hint in one
    assert any("no pin 'nowhere'" in line for line in found)


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    """A wrong kind, a wrong pin in the same channel and in others, a limit, two names, an alarm."""
    text = (
        'board = "virtual"\ninterval_s = 0,001\n'
        '[[channel]]\nname = "a"\nsensor = "puls"\npin = "nowhere"\n'
        '[[channel]]\nname = "b"\nsensor = "4-20mA"\npin = "flow"\nunit = m\n'
        "at_4ma = 0\nat_20ma = 0\n"
        '[[channel]]\nname = "b"\nsensor = "voltage"\npin = "analog_2"\nunit = "V"\n'
        "points = [[0,5, 1], [1,0, 2]]\n"
        '[[channel]]\nname = "b"\nsensor = "starts"\nunit = "n"\n'
    )
    found = problems(tmp_path, text)
    lines = [int(one.split(":")[1]) for one in found]
    assert lines == sorted(lines)
    assert set(lines) == {2, 5, 6, 10, 11, 13, 19, 21}, found
    assert any("Numbers have a point" in one for one in found)


def test_an_alarm_without_a_limit_is_told_with_its_line(tmp_path: Path) -> None:
    alarm = '[[alarm]]\nname = "{0}"\nkind = "quality"\nchannel = "p_inlet"\n'
    (one, two) = problems(tmp_path, PRESSURE + alarm.format("x") + alarm.format("y"))
    assert one.startswith("node.toml:9: alarm[1]")
    assert two.startswith("node.toml:13: alarm[2]")


METER = """[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
[[alarm]]
name = "inlet"
kind = "meter"
channel = "flow"
pressure = "p_inlet"
pressure_min = 5
[[alarm]]
name = "back"
kind = "{}"
channel = "flow"
"""


def test_a_meter_alarm_is_what_its_meter_can_have(tmp_path: Path) -> None:
    """And an alarm behind one that is several keeps its own line."""
    path = tmp_path / "node.toml"
    path.write_text(PRESSURE + METER.format("fault"))
    found = json.loads(config.load(path)[0])["alarms"]
    assert [(a["name"], a["kind"]) for a in found] == [
        ("inlet_stuck", "stuck"), ("inlet_doubled", "doubled"), ("back", "fault"),
    ]  # fmt: skip
    assert found[0]["pressure"] == "p_inlet"
    assert "pressure" not in found[1]
    (one,) = problems(tmp_path, PRESSURE + METER.format("reversed"))
    place = (PRESSURE + METER).split("{}")[0].count("\n") + 1
    assert one.startswith(f"node.toml:{place}: alarm[2].kind"), one
    assert "which way it runs" in one


def test_a_file_of_powershell_is_read(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_bytes(PRESSURE.replace("\n", "\r\n").encode("utf-16"))
    assert config.check(path).problems == []


def test_file_that_cannot_be_read_or_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(TirtaError, match="Cannot read"):
        config.check(tmp_path / "absent.toml")
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfd")
    assert "UTF-8" in config.check(path).problems[0].what


def test_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "notepad.toml"
    path.write_bytes(b"\xef\xbb\xbf" + PRESSURE.replace("\n", "\r\n").encode())
    assert config.check(path).problems == []


def test_channels_that_are_missing_or_too_many_are_told(tmp_path: Path) -> None:
    (none,) = problems(tmp_path, 'board = "virtual"\n')
    assert "Add a table `[[channel]]`" in none
    own = "".join(
        f'[[channel]]\nname = "c{i}"\nsensor = "free_heap"\nunit = "bytes"\n' for i in range(33)
    )
    (many,) = problems(tmp_path, f'board = "virtual"\n{own}')
    assert "There are 33 tables [[channel]], and a node has 32 at most." in many


@given(
    low=st.floats(-1000, 1000),
    span=st.floats(0.01, 1000),
    decimals=st.integers(0, 5),
    interval=st.integers(1, 86400),
)
def test_canonical_form_is_what_a_node_accepts(
    low: float, span: float, decimals: int, interval: int
) -> None:
    channel = {
        "name": "p", "sensor": "4-20mA", "pin": "analog_1", "unit": "m", "decimals": decimals,
        "at_4ma": low, "at_20ma": low + span,
    }  # fmt: skip
    document = {"board": "virtual", "interval_s": interval, "channel": [channel]}
    text = canonical(Config.model_validate(document), board_file.load("virtual"))
    wrong = format_config.check(json.loads(text))
    assert not wrong or wrong == [("channels[0].high", "must differ from low")]
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")).encode()

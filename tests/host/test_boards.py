# SPDX-License-Identifier: MIT
"""Every board file keeps the rules, and a file that breaks one is refused with what to do."""

import re
from pathlib import Path

import pytest

from tirta.boards import board_file
from tirta.boards import model as board_model
from tirta.errors import TirtaError
from tirta.files.paths import boards_dir

DEVKITC = (boards_dir() / "esp32_devkitc.toml").read_text()
WIRED = (boards_dir() / "wt32_eth01.toml").read_text()
ESSENTIAL = {"flow", "analog_1", "battery", "onewire", "i2c_sda", "i2c_scl"}


@pytest.mark.parametrize("name", board_file.names())
def test_every_board_file_is_good(name: str) -> None:
    board = board_file.load(name)
    assert board.name == name
    assert set(board.pins) >= ESSENTIAL
    assert 3 <= len(board.analog) <= 8
    taken = [pin.gpio for pin in board.pins.values()]
    assert len(taken) == len(set(taken))
    assert board.flash.partitions[-1].end == board.flash.size, "flash that nothing uses"


def test_the_boards_of_the_first_release_are_there() -> None:
    assert {"esp32_devkitc", "esp32s3_devkitc", "esp32c3_devkitm", "virtual"} <= set(
        board_file.names()
    )


def test_boards_answer_for_capabilities() -> None:
    small, large = board_file.load("esp32c3_devkitm"), board_file.load("esp32s3_devkitc")
    assert small.pin("rs485_tx") is None
    assert small.counter_units == 0
    assert small.ethernet is None
    assert board_file.load("wt32_eth01").ethernet is not None
    assert large.pin("rs485_tx") is not None
    assert list(large.analog) == [f"analog_{n}" for n in range(1, 9)]


def test_the_readme_names_every_key() -> None:
    text = (boards_dir() / "README.md").read_text()
    for key in (*board_model.Board.model_fields, *board_model.Reserved.model_fields):
        if key != "name":  # the file's name is the board's
            assert re.search(rf"`(\w+\.)?{key}[`.]", text), key


def test_a_board_may_be_a_file_of_the_users(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(DEVKITC)
    assert board_file.load(path).name == "mine"
    assert board_file.load(str(path)).pins == board_file.load("esp32_devkitc").pins


def with_pin(name: str, gpio: int) -> str:
    changed, n = re.subn(rf"(\[pins\.{name}\]\ngpio = )\d+", rf"\g<1>{gpio}", DEVKITC)
    assert n == 1
    return changed


BROKEN = {
    "GPIO 26 is already in pins.flow": with_pin("flow", 26),
    "GPIO 12 is already in reserved.strapping": with_pin("flow", 12),
    "GPIO 6 is already in reserved.flash": with_pin("flow", 6),
    "GPIO 1 is already in reserved.console": with_pin("alarm", 1),
    "GPIO 20 is not on ADC1": with_pin("analog_1", 20),
    "GPIO 37 is input-only": with_pin("alarm", 37),
    "is not a multiple of 0x1000": DEVKITC.replace("0x2D0000, size", "0x2D0800, size"),
    "is not a multiple of 0x10000": DEVKITC.replace(
        "0x10000,  size = 0x1F0000", "0x11000,  size = 0x1EF000"
    ),
    "overlaps app_a": DEVKITC.replace("0x284000, size", "0x283000, size"),
    "ends at 0x401000, after the flash (0x400000)": DEVKITC.replace("0x128000}", "0x129000}"),
    "'state' is missing": re.sub(r'.*name = "state".*\n', "", DEVKITC),
    "is data/0x44": DEVKITC.replace("subtype = 0x43", "subtype = 0x44"),
    "outside 150 to 2450 mV": DEVKITC.replace("shunt_ohm = 100.0", "shunt_ohm = 165.0"),
    "Extra inputs are not permitted": DEVKITC.replace("chip =", 'colour = "red"\nchip ='),
    "mpy_arch: Input should be": DEVKITC.replace('"xtensawin"', '"xtensa"'),
    "Ethernet takes GPIO 18, 23": WIRED.replace("16, 18, 19, 21, 22, 23,", "16, 19, 21, 22,"),
    "GPIO 17 cannot be this clock": WIRED.replace("\nclock = 0", "\nclock = 17"),
    "The esp32s3 has no Ethernet": WIRED.replace('chip = "esp32"', 'chip = "esp32s3"'),
    "GPIO 21 is already in reserved.onboard": WIRED.replace("gpio = 14", "gpio = 21"),
    "ethernet.phy: Input should be": WIRED.replace('"LAN8720"', '"LAN9000"'),
    "is not valid TOML": DEVKITC.replace("[reserved]", "[reserved"),
    "counter_units: Field required": re.sub("counter_units.*\n", "", DEVKITC),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_board_file_says_what_is_wrong(message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(BROKEN[message])
    with pytest.raises(TirtaError) as caught:
        board_file.load(path)
    assert message in caught.value.what
    assert str(path) in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize("name", ["esp32_devkit", "../secret", "no/such/board.toml", ""])
def test_an_unknown_board_says_which_there_are(name: str) -> None:
    with pytest.raises(TirtaError) as caught:
        board_file.load(name)
    assert caught.value.hint

# SPDX-License-Identifier: MIT
"""A config made by questions or from words passes the check; schema and diff agree with model."""

import json
import tomllib
from pathlib import Path

import pytest
from peer import CONFIG_TEXT, Peer, peer_fixture  # noqa: F401

from tirta import config
from tirta.boards import board_file
from tirta.cli import main
from tirta.config.asking import KINDS
from tirta.errors import TirtaError
from tirta.virtual.demo_config import DEMO_CONFIG

WORDS = [
    "flow pulse flow litres_per_pulse=10",
    "p_inlet 4-20mA analog_1 unit=m at_4ma=0 at_20ma=160",
    "ph voltage analog_2 unit=pH points=[[0.4,0],[2.0,14]]",
    "water ds18b20 onewire",
    "level modbus unit=m slave=3 register=12",
]


def test_words_become_a_file_that_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "inlet.toml"
    words = ["config", "init", str(path), "--board", "esp32_devkitc", "--name", "Inlet 7"]
    assert main([*words, *(part for w in WORDS for part in ("--channel", w))]) == 0
    assert "is valid" in capsys.readouterr().out
    text, board = config.load(path)
    found = json.loads(text)
    assert board.name == "esp32_devkitc"
    assert [c["name"] for c in found["channels"]] == ["flow", "p_inlet", "ph", "water", "level"]
    assert "away from" in path.read_text() or "ADC1" in path.read_text()
    assert main([*words, "--channel", WORDS[0]]) == 1
    assert "exists already" in capsys.readouterr().err


def test_questions_offer_each_pin_what_fits_there() -> None:
    board = board_file.load("esp32_devkitc")
    asked: list[str] = []
    answers = {
        "Name of the node": "Inlet 7", "Pin analog_1": "4-20mA",
        "unit": "m", "at_4ma": "0", "at_20ma": "160", "slave": "3", "register": "12",
    }  # fmt: skip

    def ask(question: str) -> str:
        asked.append(question)
        if question.startswith("A sensor on a bus"):
            return "modbus" if sum(q == question for q in asked) == 1 else ""
        if "Name of the channel" in question:
            return f"p_{sum(q == question for q in asked)}"
        return next((a for key, a in answers.items() if question.strip().startswith(key)), "")

    told: list[str] = []
    text = config.from_questions(board, ask, told.append)
    assert told == []
    assert text.count('name = "p_') == 2
    channel = tomllib.loads(text)["channel"][0]
    assert (channel["sensor"], channel["pin"], channel["at_20ma"]) == ("4-20mA", "analog_1", 160)
    pins = [q.split(":")[0].removeprefix("Pin ") for q in asked if q.startswith("Pin")]
    assert "i2c_sda" not in pins or "i2c" in str(KINDS)
    assert {"flow", "analog_1", "onewire"} <= set(pins)


def test_a_wrong_answer_is_asked_again() -> None:
    """And costs none of the answers before it."""
    answers = {
        "Name of the node": ["x" * 33, "Inlet 7"], "Seconds": ["1,500", "1,5"],
        "Pin flow": ["puls", "PULSE"], "Name of the channel": ["10", "flow", "flow", "p_inlet"],
        "litres_per_pulse": ["", "ten", "0,5"], "Pin analog_1": ["4-20mA"], "unit": ["m"],
        "at_4ma": ["x", "0"], "at_20ma": ["16,0"], "A sensor on a bus": ["modbsu", ""],
    }  # fmt: skip

    def ask(question: str) -> str:
        key = next((key for key in answers if question.strip().startswith(key)), "")
        return answers[key].pop(0) if key and answers[key] else ""

    told: list[str] = []
    text = config.from_questions(board_file.load("esp32_devkitc"), ask, told.append)
    found = tomllib.loads(text)
    assert (found["name"], found["interval_s"]) == ("Inlet 7", 1.5)
    flow, pressure = found["channel"]
    assert (flow["sensor"], flow["name"], flow["litres_per_pulse"]) == ("pulse", "flow", 0.5)
    assert (pressure["name"], pressure["at_4ma"], pressure["at_20ma"]) == ("p_inlet", 0, 16.0)
    for part in ("33 characters", "1,500 may be 1.500 or 1500", "'puls' is none of pulse; did you",
                 "'10' is no name", "'': input should", "'ten': input", "channel flow already",
                 "'x': input", "did you mean modbus?"):  # fmt: skip
        assert sum(part in one for one in told) == 1, (part, told)
    assert len(told) == 9


def test_no_sensor_is_asked_again() -> None:
    kinds = iter(["", "", "starts", ""])

    def ask(question: str) -> str:
        if question.startswith("A sensor on a bus"):
            return next(kinds)
        return {"  Name of the channel: ": "starts", "  unit: ": "n"}.get(question, "")

    told: list[str] = []
    text = config.from_questions(board_file.load("esp32_devkitc"), ask, told.append)
    assert tomllib.loads(text)["channel"][0]["sensor"] == "starts"
    assert len(told) == 2


@pytest.mark.parametrize("words", ["p_inlet", "a b c d", "p 5-20mA analog_1", "p unit=m pulse"])
def test_words_that_are_no_channel_are_told(words: str) -> None:
    with pytest.raises(TirtaError, match="is not a channel"):
        config.from_words(board_file.load("virtual"), "", 60, [words])


def test_schema_names_every_kind_and_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    mapping = schema["properties"]["channel"]["items"]["discriminator"]["mapping"]
    assert set(mapping) == set(KINDS)
    document = tomllib.loads(DEMO_CONFIG.read_text())
    assert set(document) <= set(schema["properties"])
    for channel in document["channel"]:
        kind = schema["$defs"][mapping[channel["sensor"]].rpartition("/")[2]]
        assert set(channel) <= set(kind["properties"])
        assert set(kind["required"]) <= set(channel)


def test_diff_tells_what_a_file_would_change(
    peer: Peer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "node.toml"
    path.write_text(config.to_toml(CONFIG_TEXT))
    assert main(["config", "diff", peer.port, str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"]
    path.write_text(path.read_text().replace('name = "test"', 'name = "other"'))
    assert main(["config", "diff", peer.port, str(path)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert '-name = "test"' in shown
    assert '+name = "other"' in shown

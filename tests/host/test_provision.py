# SPDX-License-Identifier: MIT
"""A box of boards becomes nodes: at once, resumable, and a failed one stops nobody."""

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from images import invented
from rom_loader import RomLoader
from support import FLEETS, office

from tirta.boards import board_file
from tirta.cli import main
from tirta.errors import TirtaError
from tirta.install.batch_list import COLUMNS, read
from tirta.keys import memory
from tirta.keys.credential import node_key
from tirta_format import staging, state

CONFIG = """board = "esp32_devkitc"
name = "{}"
[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
"""
UPLINK = """[uplink]
broker = "10.0.0.2"
ssid = "valves"
wifi_password = "of district {}"
"""
BOARDS = 8


@pytest.fixture
def chips(tmp_path: Path) -> Iterator[list[RomLoader]]:
    with ExitStack() as stack:
        macs = [f"240ac4e2952{i}" for i in range(BOARDS)]
        yield [stack.enter_context(RomLoader(tmp_path, "esp32", mac=mac)) for mac in macs]


def written(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "nodes.csv"
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        out.writerows(rows)
    return path


def row(number: int, port: object) -> dict[str, str]:
    return {
        "name": f"node {number}", "port": str(port), "board": "esp32_devkitc",
        "district": "Ledeng", "latitude": f"-6.{number}", "longitude": "107.6",
        "config": f"{number}.toml",
    }  # fmt: skip


def test_eight_boards_at_once_one_of_which_fails_and_is_done_later(
    tmp_path: Path, chips: list[RomLoader], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    office(tmp_path, monkeypatch)
    for number in range(BOARDS):
        text = CONFIG.format(f"node {number}") + UPLINK.format(number)
        (tmp_path / f"{number}.toml").write_text(text)
    image = invented(tmp_path, board_file.load("esp32_devkitc"), 0x4000)
    rows = [row(i, chip.port) for i, chip in enumerate(chips)]
    rows[5]["key"] = "south"
    path = written(tmp_path, rows)
    words = [
        "provision", "--batch", str(path), "--micropython", str(image), "--allow-unlisted",
        "--no-start", "--json",
    ]  # fmt: skip
    chips[3].unplug_at(3)
    assert main(words) == 1
    told = capsys.readouterr()
    results = json.loads(told.out)
    assert [r["name"] for r in results if r["result"] != "done"] == ["node 3"], results
    assert "half written" in results[3]["why"]
    assert "1 of 8 boards failed" in told.err
    place = board_file.load("esp32_devkitc").partition("state")
    for number, chip in enumerate(chips):
        if number != 3:
            _, fields = state.decode(chip.flash.data[place.offset : place.end])
            fleet = FLEETS["south" if number == 5 else "north"]
            assert fields[state.MODE] == b"locked"
            assert fields[state.KEY] == node_key(fleet, results[number]["node"])
            assert json.loads(fields[state.CONFIG])["name"] == f"node {number}"
            assert json.loads(fields[staging.SECRETS]) == {"wifi": f"of district {number}"}
            assert json.loads(fields[staging.IDENTITY]) == {
                "name": f"node {number}", "district": "Ledeng", "latitude": -6 - number / 10,
                "longitude": 107.6,
            }  # fmt: skip
    before = [chip.flash.blocks for chip in chips]
    chips[3].flash.fail_at = None
    assert main(words) == 0
    assert [r["result"] for r in json.loads(capsys.readouterr().out)] == ["done"] * 8
    again = [chip.flash.blocks for chip in chips]
    assert [i for i in range(BOARDS) if again[i] != before[i]] == [3]
    with path.with_suffix(".report.csv").open(newline="") as file:
        report = list(csv.DictReader(file))
    assert [r["name"] for r in report] == [f"node {i}" for i in range(BOARDS)]
    assert [r["node"] for r in report] == [chip.mac for chip in chips]
    assert {r["mode"] for r in report} == {"locked"}
    assert path.with_suffix(".report.html").read_text().count("<tr>") == BOARDS + 1


@pytest.mark.parametrize(
    ("key", "told"), [("", "tirta keys init"), ("west", "no key of fleet west")]
)
def test_no_board_is_touched_while_a_key_is_missing(
    key: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TIRTA_KEYS", str(tmp_path / "none"))
    (tmp_path / "1.toml").write_text(CONFIG.format("one"))
    path = written(tmp_path, [row(1, "/dev/nowhere") | {"key": key}])
    assert main(["provision", "--batch", str(path)]) == 1
    assert told in capsys.readouterr().err
    assert not path.with_suffix(".report.csv").exists()
    if not key:
        assert main(["provision", "--batch", str(path), "--open"]) == 1
        assert "1 of 1 boards failed" in capsys.readouterr().err, "it went on to the port"


def test_no_board_is_touched_where_an_open_one_would_get_an_uplink(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.toml").write_text(CONFIG.format(number) + UPLINK.format(number))
    path = written(tmp_path, [row(1, "/dev/one") | {"key": "north"}, row(2, "/dev/two")])
    assert main(["provision", "--batch", str(path), "--open"]) == 1
    told = capsys.readouterr().err
    assert f"{path}:3 has an [uplink], and an open node has none" in told
    assert not path.with_suffix(".report.csv").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": ""}, "line 2: name is empty"),
        ({"board": "esp33"}, "line 2: There is no board"),
        ({"latitude": "91"}, "line 2: latitude is '91'"),
        ({"longitude": "east"}, "line 2: longitude is 'east'"),
        ({"port": "", "serial_number": "X1"}, "line 2: no port, and 0 USB ports"),
        ({"config": "absent.toml"}, "line 2: Cannot read the config"),
    ],
)
def test_a_list_that_cannot_be_used_is_told_before_anything_is_written(
    change: dict[str, str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "1.toml").write_text(CONFIG.format("one"))
    with pytest.raises(TirtaError, match=told):
        read(written(tmp_path, [row(1, "/dev/ttyUSB0") | change]))


def test_a_port_is_not_given_twice(tmp_path: Path) -> None:
    (tmp_path / "1.toml").write_text(CONFIG.format("one"))
    rows = [row(1, "/dev/ttyUSB0"), row(1, "/dev/ttyUSB0") | {"name": "other"}]
    with pytest.raises(TirtaError, match="port /dev/ttyUSB0 is already in line 2"):
        read(written(tmp_path, rows))
    path = tmp_path / "nodes.csv"
    path.write_text("name,bored\na,b\n")
    with pytest.raises(TirtaError, match=r"columns of .* are not right: bored"):
        read(path)


def test_a_list_of_an_indonesian_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    path.write_bytes(
        b"\xef\xbb\xbfname;port;board;latitude;longitude\r\nA;/dev/x;virtual;-6,91;107,61\r\n"
        b"\r\nB;/dev/y;virtual;;\r\n"
    )
    one, two = read(path)
    assert (one.identity["latitude"], one.identity["longitude"]) == (-6.91, 107.61)
    assert (two.name, two.line) == ("B", 4)


def test_a_row_that_a_comma_has_moved_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    path.write_text("name,port,board,district\nA,/dev/x,virtual,Ledeng, Cidadap\n")
    with pytest.raises(TirtaError, match="line 2: it has more cells than the first line"):
        read(path)


def test_every_mistake_of_a_row_is_told(tmp_path: Path) -> None:
    """A wrong board hides neither a missing file nor a place that is none."""
    wrong = row(1, "") | {"board": "esp33", "config": "absent.toml", "latitude": "x"}
    (tmp_path / "2.toml").write_text(CONFIG.format("a"))
    path = written(tmp_path, [wrong, row(2, "/dev/x"), row(2, "/dev/x")])
    with pytest.raises(TirtaError) as error:
        read(path)
    told = error.value.what.splitlines()
    assert [line for line in told if line.startswith("line 2: ")] == told[1:5]
    for part in ("no board 'esp33'", "absent.toml", "latitude is 'x'", "no port"):
        assert sum(part in line for line in told) == 1, (part, told)
    assert "line 4: name node 2 is already in line 3." in told
    assert "line 4: port /dev/x is already in line 3." in told


def test_a_board_that_names_a_locked_node_is_written_only_when_a_person_says_so(
    tmp_path: Path, chips: list[RomLoader], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    office(tmp_path, monkeypatch)
    image = invented(tmp_path, board_file.load("esp32_devkitc"), 0x4000)
    for number in range(2):
        (tmp_path / f"{number}.toml").write_text(CONFIG.format(f"node {number}"))
    path = written(tmp_path, [row(i, chips[i].port) for i in range(2)])
    memory.remember(chips[1].mac, memory.LOCKED, "test")
    words = [
        "provision", "--batch", str(path), "--micropython", str(image), "--allow-unlisted",
        "--no-start",
    ]  # fmt: skip
    assert main(words) == 1
    assert f"--was-locked {chips[1].mac}" in capsys.readouterr().err
    assert [bool(chip.flash.blocks) for chip in chips[:2]] == [True, False]
    assert main([*words, "--was-locked", chips[1].mac]) == 0

# SPDX-License-Identifier: MIT
"""Scenarios as the board gets them: what the table of SCENARIO.md says, and what is refused."""

import re
import struct
import tomllib
from pathlib import Path

import pytest

import tirta.virtual
from tirta.boards.board_file import load
from tirta.errors import TirtaError
from tirta.files.paths import boards_dir
from tirta.virtual import channels, scenario

DOCUMENT = Path(tirta.virtual.__file__).with_name("SCENARIO.md").read_text()
WATER = (boards_dir() / "virtual" / "_water.py").read_text()


def prepared(folder: Path, sidecar: str, cells: str) -> tuple[int, int, int, list[int]]:
    """(kind, pin, code, values) of a scenario with one channel `x`."""
    path = folder / "s.csv"
    path.write_text("x\n" + cells)
    path.with_suffix(".toml").write_text(f"[channels.x]\n{sidecar}")
    data = scenario.prepare(path, load("virtual"))
    at = scenario.HEADER.size
    kind, pin, code = scenario.CHANNEL.unpack_from(data, at)
    return kind, pin, code, list(struct.unpack(f"<{(len(data) - at - 24) // 8}q", data[at + 24 :]))


def numbers(names: str) -> dict[str, int]:
    """A line of names and its first number, from the board's module."""
    found = re.search(rf"^({names}) = range\((?:(\d+), )?\d+\)", WATER, re.MULTILINE)
    assert found
    first = int(found[2] or 0)
    return {name: first + i for i, name in enumerate(found[1].lower().split(", "))}


def test_kinds_and_faults_are_those_of_the_board() -> None:
    assert numbers("PULSES, [A-Z0-9_, ]+") == channels.KINDS
    faults = {name.replace("-", "_"): number for name, number in channels.FAULTS.items()}
    faults["syntax"] = faults.pop("error")
    assert numbers("ABSENT, [A-Z0-9_, ]+") == faults


def test_the_documents_example_is_right_and_has_every_fault() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    mapping = scenario.Mapping.model_validate(tomllib.loads(example))
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \|(.*)$", DOCUMENT, re.MULTILINE))
    assert set(rows) == {*channels.KINDS, "4-20ma", "volts", "battery"} - {"microvolts", "modbus"}
    board = load("virtual")
    for channel in mapping.channels.values():
        channel.describe(board)
        for word in re.findall(r"`([a-z-]+)`", rows[channel.kind].rpartition(" | ")[2]):
            channel.at_pin(word, board)


def test_cells_are_values_or_faults(tmp_path: Path) -> None:
    kind = 'kind = "ds18b20"\nrom = "28dc6674050000b9"'
    code = int.from_bytes(bytes.fromhex("28dc6674050000b9"), "little", signed=True)
    wanted = 344, 344, channels.FAULT + 4, -8, -8
    assert prepared(tmp_path, kind, "21.5\nna\nzero\n-0.5\n") == (2, 4, code, [*wanted])
    loop = 'kind = "4-20ma"\npin = "analog_1"\nhigh = 10'
    assert prepared(tmp_path, loop, "5\nbroken\nfailed\n")[3] == [1200000, 0, 2200000, 2200000]
    sonde = 'kind = "sdi12"\naddress = "z"\nvalue = 3\ndecimals = 1'
    assert prepared(tmp_path, sonde, "-2.5\n") == (6, 13, 0x10300 | ord("z"), [-25, -25])
    clock = 'kind = "ds3231"\nset = 2000-01-02T00:00:01Z'
    assert prepared(tmp_path, clock, "1\n")[2] == 0x68 | 86401 << 16


@pytest.mark.parametrize(
    ("sidecar", "cell", "told"),
    [
        ('kind = "ds18b20"\nrom = "28dc6674050000b8"', "1", "CRC"),
        ('kind = "ds18b20"\nrom = "1"', "1", "match pattern"),
        ('kind = "ds18b20"', "stuck", "'stuck' is not a value"),
        ('kind = "4-20ma"', "1", "says no `pin`"),
        ('kind = "sdi12"\naddress = 0', "1", "of one character"),
        ('kind = "ezo"\naddress = "99"', "1", "must be a number"),
        ('kind = "ezo"\npin = "wire"', "1", "no pin 'wire'"),
        ('kind = "volts"\npin = 36', "absent", "'absent' is not a value"),
    ],
)
def test_what_cannot_be_is_refused(sidecar: str, cell: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(TirtaError, match=told):
        prepared(tmp_path, sidecar, cell)

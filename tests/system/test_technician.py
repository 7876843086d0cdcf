# SPDX-License-Identifier: MIT
"""The screens of docs/technician.md, run in their order: from a bare chip to a node that is left
alone. Where the page says `inlet` it is a virtual node, elsewhere a chip in its ROM loader. The
Indonesian page has the same steps, and shows what the commands say in Indonesian.
"""

import re
import time
from pathlib import Path

import pytest
from images import invented
from nodes import Nodes
from rom_loader import RomLoader
from screen import Screen, screens, shape
from support import office

from tirta.boards import board_file
from tirta.text.translation import translator
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta.virtual.inlet import write

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "technician.md").read_text(encoding="utf-8")
INDONESIAN = (DOCS / "technician.id.md").read_text(encoding="utf-8")
LINES, WIDTH = 160, 155  # both sides of A4 in 8 point, where longer lines wrap
QR = set("█▀▄")
SPEED = 4  # an update is on trial for a minute of the node's time, twice
SECOND = re.compile(r":\d\d\.\d+Z")  # of a record's time
FIELD = 9  # columns of the name of a field, or of a severity
SEVERITIES = {"fault", "warning", "note", "ok"}
FIELDS = SEVERITIES | {
    "Node", "Board", "Records", "Lost", "Clock", "Up", "Heap", "Alarms", "Timing", "Wait",
}  # fmt: skip


@pytest.mark.parametrize("page", [PAGE, INDONESIAN], ids=["en", "id"])
def test_the_page_is_one_sheet(page: str) -> None:
    lines = page.splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= WIDTH


def test_both_pages_have_the_same_steps() -> None:
    assert [s.command for s in screens(INDONESIAN)] == [s.command for s in screens(PAGE)]
    assert INDONESIAN.count("\n**") == PAGE.count("\n**")
    assert INDONESIAN.count("\n| ") == PAGE.count("\n| ")


def test_the_indonesian_page_shows_what_is_said_in_indonesian() -> None:
    for english, indonesian in zip(screens(PAGE), screens(INDONESIAN), strict=True):
        told = [in_indonesian(line) for line in english.shown.splitlines()]
        assert shape("\n".join(told)) == shape(indonesian.shown), english.command


def in_indonesian(line: str) -> str:
    """A line as the commands say it in Indonesian: a field and its text, or a message."""
    say = translator("id")
    name, text = line[:FIELD].rstrip(), line[FIELD:].lstrip()
    if name not in FIELDS:
        return say(line)
    parts = [(part, say(part)) for part in text.split(", ")]
    if all(told != part for part, told in parts):
        told = ", ".join(told for _, told in parts)
    else:
        told = say(text)
    width = FIELD if name in SEVERITIES else FIELD + 1
    return f"{say(name):{width - 1}} {told}"


def test_every_screen_is_what_the_commands_print(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office(tmp_path, monkeypatch)
    config = tmp_path / "inlet.toml"
    config.write_text(DEMO_CONFIG.read_text())
    image = invented(tmp_path, board_file.load("virtual"))
    scenario = tmp_path / "hour.csv"
    write(scenario, 60)

    def power(flash: bytes) -> str:
        return nodes.up(
            "inlet", flash_image=flash, chip_id="240ac4e29526", scenario=scenario,
            speed=SPEED, talk_s=0,
        ).port  # fmt: skip

    with RomLoader(tmp_path, "esp32", after=power) as chip:
        for screen in screens(PAGE):
            command = screen.command.replace("/dev/ttyUSB0", str(chip.port))
            command = command.replace("esp32_devkitc", "virtual")
            command = command.replace("ESP32_GENERIC.bin", f"{image} --allow-unlisted")
            if " pull " in command:
                time.sleep(10 / SPEED)  # until there are records
            said = Screen(command, "").run(tmp_path).replace(str(chip.port), "/dev/ttyUSB0")
            said, written = SECOND.sub("", said), SECOND.sub("", screen.shown)
            now = [line for line in shape(said) if not QR & set(line) and not passing(line)]
            shown = shape(written.replace("esp32_devkitc", "virtual"))
            assert now == shown, screen.command
            if "flash" in command:
                text = config.read_text()
                config.write_text(text.replace("interval_s = 60", "interval_s = 2", 1))


def passing(line: str) -> bool:
    """Whether it is one of as many lines as something takes time, or of this test's haste."""
    return line.startswith(("Waiting for ", "Time runs fast on the virtual node"))

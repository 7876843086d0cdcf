# SPDX-License-Identifier: MIT
"""The screens of docs/technician.md, run in their order: from a bare chip to a node that is left
alone. Where the page says `inlet` it is a virtual node, elsewhere a chip in its ROM loader.
"""

import time
from pathlib import Path

import pytest
from conftest import Nodes
from images import invented
from rom_loader import RomLoader
from screen import Screen, screens, shape
from support import office

from tirta import boards
from tirta.demo_config import DEMO_CONFIG
from tirta.virtual.inlet import write

PAGE = (Path(__file__).parents[2] / "docs" / "technician.md").read_text()
LINES, WIDTH = 90, 112  # one side of A4 in 8 point; fences and empty lines take less or nothing
QR = set("█▀▄")


def test_the_page_is_one_side() -> None:
    lines = PAGE.splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= WIDTH


def test_every_screen_is_what_the_commands_print(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office(tmp_path, monkeypatch)
    config = tmp_path / "inlet.toml"
    config.write_text(DEMO_CONFIG.read_text())
    image = invented(tmp_path, boards.load("virtual"))
    scenario = tmp_path / "hour.csv"
    write(scenario, 60)

    def power(flash: bytes) -> str:
        return nodes.up(
            "inlet", baud=115200, flash_image=flash, chip_id="240ac4e29526", scenario=scenario
        ).port

    with RomLoader(tmp_path, "esp32", after=power) as chip:
        for screen in screens(PAGE):
            command = screen.command.replace("/dev/ttyUSB0", str(chip.port))
            command = command.replace("esp32_devkitc", "virtual")
            command = command.replace("ESP32_GENERIC.bin", f"{image} --allow-unlisted")
            if " pull " in command:
                time.sleep(5)  # until there are records
            said = Screen(command, "").run(tmp_path).replace(str(chip.port), "/dev/ttyUSB0")
            now = [line for line in shape(said) if not QR & set(line)]
            shown = shape(screen.shown.replace("esp32_devkitc", "virtual"))
            assert now == shown, screen.command
            if "flash" in command:
                text = config.read_text()
                config.write_text(text.replace("interval_s = 60", "interval_s = 2", 1))

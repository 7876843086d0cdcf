# SPDX-License-Identifier: MIT
"""The commands of docs/by-hand.md, as they stand there, make a node."""

import re
import shlex
import sys
import time
from pathlib import Path

from images import invented
from nodes import FAST_BAUD, Nodes
from patience import run
from rom_loader import RomLoader

from tirta import config
from tirta.boards import board_file
from tirta.install import flash
from tirta.node import Node
from tirta.virtual.demo_config import DEMO_CONFIG

PAGE = (Path(__file__).parents[2] / "docs" / "by-hand.md").read_text()
MODULES = {"tirta": "tirta.cli", "esptool": "esptool", "mpremote": "mpremote"}


def commands(tool: str) -> list[list[str]]:
    lines = [
        li for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for li in block.splitlines()
    ]
    return [shlex.split(line)[1:] for line in lines if line.startswith(tool + " ")]


def by_hand(tool: str, words: list[str], folder: Path) -> None:
    start = "import sys; from tirta.cli import main; sys.exit(main())"
    head = ["-c", start] if tool == "tirta" else ["-m", MODULES[tool]]
    done = run([sys.executable, *head, *words], cwd=folder, text=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)


def save(folder: Path) -> flash.Plan:
    (folder / "inlet.toml").write_text(DEMO_CONFIG.read_text())
    image = invented(folder, board_file.load("virtual"))
    ((*words,),) = commands("tirta")
    for old, new in (("BOARD", "virtual"), ("IMAGE", str(image))):
        words[words.index(old)] = new
    by_hand("tirta", [*words, "--allow-unlisted"], folder)
    text, board = config.load(DEMO_CONFIG)
    return flash.plan(board, image, config=text, allow_unlisted=True)


def test_esptool_by_hand_writes_what_tirta_would(tmp_path: Path) -> None:
    plan = save(tmp_path)
    with RomLoader(tmp_path, "esp32") as chip:
        for words in commands("esptool"):
            words[words.index("PORT")] = str(chip.port)
            by_hand("esptool", ["--chip", "esp32", "--after", "no-reset", *words], tmp_path)
    for region in plan.regions:
        assert chip.flash.data[region.offset : region.end] == region.content, region.name


def test_mpremote_by_hand_makes_a_node(nodes: Nodes, tmp_path: Path) -> None:
    save(tmp_path)
    port = nodes.up().port
    for words in commands("mpremote"):
        words[words.index("PORT")] = port
        by_hand("mpremote", words, tmp_path)
    time.sleep(6)  # its first start reads every sensor
    with Node(port, FAST_BAUD) as node:
        assert node.config() == config.load(DEMO_CONFIG)[0]
        assert node.status()["alarms"] == []
        assert node.hello.name == "Inlet district 7"

# SPDX-License-Identifier: MIT
"""What helps a person, and whoever supports them: traces, sensors, labels, shells."""

import csv
import json
import os
import re
import sys
from pathlib import Path

import pytest
from patience import run
from peer import Peer, peer_fixture  # noqa: F401
from support import CHECKOUT

from tirta.cli import main
from tirta.cli.catalogue import COMMANDS
from tirta.config import sensor_help
from tirta.config.asking import KINDS
from tirta.install.batch import BoardResult

Captured = pytest.CaptureFixture[str]
TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]


def test_a_log_has_every_frame_and_no_content(peer: Peer, tmp_path: Path, capsys: Captured) -> None:
    log = tmp_path / "tirta.log"
    assert main(["status", peer.port, "--log", str(log), "--json"]) in {0, 1}
    assert main(["config", "get", peer.port, f"--log={log}", "--verbose"]) == 0
    shown = capsys.readouterr().err
    told = log.read_text()
    assert re.search(r"-> type 0x01 number \d+, \d+ bytes after \d+ ms", told)
    assert "<- type 0x87" in told
    assert f"tirta config get {peer.port}" in told
    assert "<- type 0x87" in shown
    for secret in (b"evil", peer.config_text[10:40]):  # a name, and a piece of a config
        assert secret.decode() not in told
    assert main(["status", "/dev/nowhere", "--log", str(log)]) == 1
    told = log.read_text()
    assert "There is no port /dev/nowhere" in told
    assert "Traceback" in told
    assert "Traceback" not in capsys.readouterr().err
    size = len(told)
    assert main(["status", "/dev/nowhere"]) == 1
    assert len(log.read_text()) == size, "the next command was not asked to tell"


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path, capsys: Captured) -> None:
    assert main(["boards", "--log", str(tmp_path / "no" / "where")]) == 2
    assert "Cannot write" in capsys.readouterr().err
    assert main(["boards", "--log"]) == 2
    assert "--log needs a file" in capsys.readouterr().err


def test_every_kind_of_sensor_is_told(capsys: Captured) -> None:
    assert [kind for kind, _ in sensor_help.titles()] != []
    assert {kind for kind, _ in sensor_help.titles()} == set(KINDS)
    for kind in KINDS:
        assert main(["sensors", kind]) == 0
        assert f'sensor = "{kind}"' in capsys.readouterr().out
    assert main(["sensors", "puls"]) == 1
    assert "Did you mean pulse?" in capsys.readouterr().err
    assert main(["sensors", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(sensor_help.sections())


def test_a_sheet_of_labels(tmp_path: Path, capsys: Captured) -> None:
    """Only what was done gets a label, and names are text and nothing else."""
    batch = tmp_path / "nodes.csv"
    with (tmp_path / "nodes.report.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(BoardResult.__dataclass_fields__)
        rows.writerow(
            ["<b>7", "/dev/x", "esp32_devkitc", "d", "", "", "240ac4e29526", "0.1.0", "", "", ""]
        )
        rows.writerow(["8", "/dev/y", "esp32_devkitc", "d", "", "", "", "", "", "failed", ""])
    assert main(["labels", str(batch)]) == 0
    sheet = tmp_path / "nodes.labels.html"
    assert capsys.readouterr().out.strip() == str(sheet)
    text = sheet.read_text()
    assert text.count("<svg") == 1
    assert "&lt;b&gt;7" in text
    assert "Tirta 240ac4e29526" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert main(["labels", str(tmp_path / "absent.csv")]) == 1


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("tirta pu", ["pull "]),
        ("tirta config ch", ["check "]),
        (
            "tirta keys ",
            sorted({c.name.split()[1] for c in COMMANDS if c.name.startswith("keys ")}),
        ),
        ("tirta calibrate --meth", ["--method "]),
        ("tirta calibrate --method 2", ["2-point "]),
        ("tirta flash --board esp32s3", ["esp32s3_devkitc "]),
    ],
)
def test_a_shell_completes(line: str, wanted: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE": "1",
             "_ARGCOMPLETE_IFS": "|", "_ARGCOMPLETE_STDOUT_FILENAME": str(out)}  # fmt: skip
    run(TIRTA, env=os.environ | asked)
    assert sorted(out.read_text().split("|")) == wanted


def test_shells_and_udev(capsys: Captured) -> None:
    for shell in ("bash", "zsh", "fish", "powershell"):
        assert main(["completion", shell]) == 0
        assert "tirta" in capsys.readouterr().out
    assert main(["udev"]) == 0
    rules = capsys.readouterr().out
    assert rules.rstrip() == (CHECKOUT / "host_tools/tirta/cli/70-tirta.rules").read_text().rstrip()
    labels = set(re.findall(r'LABEL="(\w+)"', rules))
    assert set(re.findall(r'GOTO="(\w+)"', rules)) == labels
    for part in ("ID_MM_DEVICE_IGNORE", "10c4", "1a86", "0403", "303a", 'SYMLINK+="tirta/'):
        assert part in rules

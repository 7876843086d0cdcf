# SPDX-License-Identifier: MIT
"""One probe on the virtual board and on the genuine image: what differs is the list in
boards/virtual/README.md, no more and no less. TIRTA_WRITE=1 writes that list.
"""

import ast
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from emulated import chip, flash_of, inlet
from firmware_sources import parsed
from patience import run, wait_for
from support import CHECKOUT

from tirta import virtual
from tirta.node import Node

README = CHECKOUT / "boards" / "virtual" / "README.md"
BEGIN, END = "<!-- differences: made by tests/chip -->\n", "<!-- end of differences -->\n"
PROBE = Path(__file__).parent / "onboard" / "probe.py"
_CODE = "import probe; probe.main()"
MODULES = (
    "binascii", "cryptolib", "esp32", "gc", "hashlib", "machine", "micropython", "network",
    "onewire", "os", "select", "struct", "sys", "time", "uctypes", "vfs",
)  # fmt: skip


def wanted() -> dict[str, list[str]]:
    """{module of the port: the names in it that the firmware uses}."""
    found: dict[str, set[str]] = {name: set() for name in MODULES}
    for _, tree in parsed():
        bound: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                bound |= {a.asname or a.name: a.name for a in node.names if a.name in found}
            elif isinstance(node, ast.ImportFrom) and node.module in found:
                found[node.module] |= {alias.name for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = bound.get(node.value.id)
                if module:
                    found[module].add(node.attr)
    return {module: sorted(names) for module, names in found.items() if names}


def folder(tmp_path: Path) -> Path:
    """What is mounted on both boards."""
    made = tmp_path / "probe"
    made.mkdir()
    shutil.copy(PROBE, made)
    (made / "names.json").write_text(json.dumps(wanted()))
    return made


def told(said: str) -> dict[str, Any]:
    """{"names": {module: {name: kind}}, "calls": {call: answer}}."""
    found: dict[str, Any] = {"names": {}, "calls": {}, "end": {}}
    for line in said.splitlines():
        if line.startswith("probe: "):
            part, key, value = json.loads(line.removeprefix("probe: "))
            found[part][key] = value
    assert found["end"] == {"": len(found["calls"])}, said[-2000:]
    return found


def on_virtual(mount: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("TIRTA_VIRTUAL_DIR", str(tmp_path / "virtual"))
    port = virtual.up("probed", app=True, baud=3_000_000, network=True).port
    try:
        with Node(port) as node:  # it has started: before that mpremote waits for ever
            node.status()
        words: list[str | Path] = ["connect", port, "mount", mount, "exec", _CODE]
        said: list[str] = []
        return told(wait_for(lambda: _mpremote(words, said), told=lambda: said[-1:], every_s=1))
    finally:
        virtual.down("probed")


def _mpremote(words: list[str | Path], said: list[str]) -> str:
    """What it printed; nothing while the board starts, and then `said` has it."""
    done = run([sys.executable, "-m", "mpremote", *words])
    said.append(done.stdout + done.stderr)
    return str(done.stdout) if done.returncode == 0 else ""


def on_chip(mount: Path, tmp_path: Path) -> dict[str, Any]:
    with chip(tmp_path / "probed", flash_of(inlet(60, visit_s=3600))) as node:
        node.status()
        node.mpremote("exec", "print(6 * 7)")
        return told(node.mpremote("mount", mount, "exec", _CODE))


def differences(chips: dict[str, Any], ours: dict[str, Any]) -> str:
    """A line for each."""
    lines = []
    for module, names in sorted(chips["names"].items()):
        here = ours["names"][module]
        if isinstance(names, str) or isinstance(here, str):
            if names != here:
                lines.append(f"- `{module}`: there {shown(names)}, here {shown(here)}")
            continue
        for name, kind in sorted(names.items()):
            if kind != here[name]:
                lines.append(f"- `{module}.{name}`: there `{kind}`, here `{here[name]}`")
    for call, answer in sorted(chips["calls"].items()):
        if answer != ours["calls"][call]:
            lines.append(f"- `{call}`: there `{answer}`, here `{ours['calls'][call]}`")
    return "".join(line + "\n" for line in lines)


def shown(module: object) -> str:
    return "absent" if module == "absent" else "present"


def test_the_list_of_differences_is_what_a_probe_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = folder(tmp_path)
    ours = on_virtual(mount, tmp_path, monkeypatch)
    found = differences(on_chip(mount, tmp_path), ours)
    print(found)
    before, _, rest = README.read_text().partition(BEGIN)
    listed, _, after = rest.partition(END)
    if os.environ.get("TIRTA_WRITE"):
        README.write_text(before + BEGIN + found + END + after)
        listed = found
    assert listed == found

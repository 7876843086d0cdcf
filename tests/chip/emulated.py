# SPDX-License-Identifier: MIT
"""An emulated ESP32 that runs the genuine MicroPython image, and a user's commands at its port.

The emulator is none of ours: `TIRTA_CHIP` names its folder, else ../shared/chip beside the checkout
is looked at; the tests skip where it, its tools or the image are absent. It is driven by its `chip`
command alone. It is slow (a flash read costs 11 ms, a start 40 to 90 s), so one module of tests has
one chip, and waits are for what comes, never for a time.
"""

import ast
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from images import genuine
from patience import Patience, run, wait_for
from support import CHECKOUT, FLEETS, PASSPHRASE

from tirta import config
from tirta.boards import board_file
from tirta.image import regions
from tirta.install import flash
from tirta.keys.credential import node_key
from tirta_format import state

MAC = "a0b765102031"
PULSES_A_SECOND = 12.5
MILLIVOLTS = (1200, 900, 0, 0, 1500, 2000, 1000, 1800)  # of ADC1's channels
BOARD = "esp32_devkitc"
Record = Callable[[str, object], None]  # pytest's record_property; "measured" goes to MEASURED.md
_STARTS_S = 900.0  # of a computer that has nothing else to do
_LIBRARIES = ("libpixman-1.so.0", "libgcrypt.so.20", "libglib-2.0.so.0", "libz.so.1")


def kit() -> Path:
    """The folder of the emulator; skips without one that runs here."""
    folder = Path(os.environ.get("TIRTA_CHIP", CHECKOUT.parent / "shared" / "chip"))
    if not (folder / "chip").is_file():
        pytest.skip(f"no emulated ESP32: neither TIRTA_CHIP nor {folder} has one (CONTRIBUTING.md)")
    if not sys.platform.startswith("linux"):
        pytest.skip("the emulated ESP32 is a program for Linux")
    if shutil.which("cc") is None:
        pytest.skip("the emulated ESP32 needs a C compiler for its reset lines: gcc, libc6-dev")
    if why := _hinders(folder):
        pytest.skip(f"the emulated ESP32 does not run here (CONTRIBUTING.md): {why}")
    return folder


@functools.cache
def _hinders(folder: Path) -> str:
    """Why the emulator does not run on this computer; nothing where a blank chip starts."""
    found = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False)
    if missing := [name for name in _LIBRARIES if name not in found.stdout]:
        return f"it needs {', '.join(missing)}"
    with tempfile.TemporaryDirectory() as made:
        place = Path(made) / "blank"
        try:
            for word, *rest in (("up", "-", str(place)), ("shell", str(place), "true")):
                done = run([folder / "chip", word, *rest])
                if done.returncode:
                    return f"`chip {word}`: {(done.stderr or done.stdout).strip()[-500:]}"
        finally:
            run([folder / "chip", "down", place])
    return ""


@dataclass
class Done:
    """What a command printed, its exit code, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Chip:
    """A chip with a cable. `home` is the computer of its user: keys and archives."""

    kit: Path
    folder: Path
    home: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    told: str = ""  # what was measured while it was made

    @property
    def port(self) -> str:
        return str((self.folder / "tty").resolve())

    @property
    def environment(self) -> dict[str, str]:
        own = {"TIRTA_KEYS": str(self.home / "keys"), "TIRTA_PASSPHRASE": PASSPHRASE}
        return dict(os.environ) | own | dict(self.inputs)

    def do(self, *words: str | Path) -> str:
        """The emulator's own command."""
        done = run([self.kit / "chip", *words], env=self.environment)
        assert done.returncode == 0, f"chip {words}: {done.stdout}{done.stderr}"
        return str(done.stdout).strip()

    def off(self) -> None:
        """A power cut: the process is killed, wherever it is."""
        self.do("kill", self.folder)

    def on(self) -> None:
        self.do("on", self.folder)

    @property
    def power(self) -> bool:
        return "on=True" in self.do("state", self.folder)

    @property
    def rates(self) -> tuple[int, int]:
        """Of the port's end and of the chip's."""
        text = self.do("state", self.folder)
        ours, chips = ast.literal_eval(text.rpartition("rates=")[2])
        return int(ours), int(chips)

    def flash(self, name: str) -> bytes:
        """A partition as it lies on the flash at this moment."""
        place = board_file.load(BOARD).partition(name)
        return (self.folder / "flash.bin").read_bytes()[place.offset : place.end]

    def said(self) -> str:
        """What the chip said since power came the last time."""
        said = b""
        for line in (self.folder / "uart.log").read_text().splitlines():
            _, way, data = line.split(" ", 2)
            if way == "!" and "power on" in data:
                said = b""
            elif way == "<":
                said += ast.literal_eval(data)
        return said.decode(errors="replace")

    def command(self, *words: str | Path, lines: bool = False) -> Done:
        """`tirta` with these words, unpatched; with `lines` its port has DTR and RTS."""
        begins: list[str | Path] = [self.kit / "chip", "shell", self.folder] if lines else []
        began = time.monotonic()
        done = run(
            [*begins, Path(sys.executable).with_name("tirta"), *words],
            env=self.environment,
            cwd=self.home,
        )
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def tirta(self, *words: str | Path, lines: bool = False) -> Done:
        """The same for a command that must succeed."""
        done = self.command(*words, lines=lines)
        assert done.code == 0, f"tirta {words}: {done.out}{done.err}\n{self.said()[-1500:]}"
        return done

    def mpremote(self, *words: str | Path) -> str:
        """The real mpremote, as a user runs it."""
        done = run([sys.executable, "-m", "mpremote", "connect", self.port, *words], text=False)
        said = done.stdout.decode(errors="replace").replace("\r\n", "\n")
        assert done.returncode == 0, f"mpremote {words}: {said}{done.stderr!r}"
        return str(said)

    def status(self) -> dict[str, Any]:
        """`tirta status`, as soon as the node answers: it starts, or has other work."""
        patience = Patience(_STARTS_S)
        while True:
            done = self.command("status", self.port, "--json")
            if done.code == 0:
                found: dict[str, Any] = done.json
                return found
            told = f"{done.err}\n{self.said()[-2000:]}"
            assert self.power, f"the emulator ended: {told}"
            assert not patience.over(), f"the node does not answer: {told}"
            time.sleep(1)

    def sampled(self, more: int) -> dict[str, Any]:
        """The status after so many more records."""
        first = self.status()["next_record"]
        return wait_for(
            lambda: now if (now := self.status())["next_record"] >= first + more else {},
            told=lambda: f"no {more} records came: {self.status()}",
            every_s=2,
        )


@contextlib.contextmanager
def chip(
    folder: Path, image: bytes | None = None, *, mac: str = MAC, net: str = ""
) -> Iterator[Chip]:
    """A chip with this flash under power; without an image a blank one without power. `net` is the
    tap that its access point is at.
    """
    home = folder / "home"
    home.mkdir(parents=True)
    inputs = {
        "ESP32_PULSES": f"0:{PULSES_A_SECOND}",
        "ESP32_ADC1": ",".join(map(str, MILLIVOLTS)),
    }
    found = Chip(kit(), folder / "chip", home, inputs)
    source: str | Path = "-"
    if image is not None:
        source = folder / "flash.bin"
        source.write_bytes(image)
    number = ":".join(mac[i : i + 2] for i in range(0, 12, 2))
    more = [] if image is not None else ["--off"]
    more += ["--net", net] if net else []
    found.do("up", source, found.folder, "--mac", number, *more)
    try:
        yield found
    finally:
        found.do("down", found.folder)


def flash_of(text: str, **fields: bytes) -> bytes:
    """The flash of an open node with this config in force, as `tirta flash` leaves it after its
    trial; `fields` are other tags of its state, by their names in tirta_format.state.
    """
    canonical, _ = config.load(text_file(text))
    planned = flash.plan(board_file.load(BOARD), genuine(), config=canonical)
    tags = {state.SLOT: b"a", state.MODE: b"open", state.CONFIG: canonical}
    tags |= {getattr(state, name): value for name, value in fields.items()}
    last = regions.state_region(planned.board, tags)
    content = bytearray(b"\xff" * planned.board.flash.size)
    for region in [*planned.regions[:-1], last]:
        content[region.offset : region.end] = region.content
    return bytes(content)


def locked_flash(text: str) -> bytes:
    """The same of a locked node of the fleet "north"."""
    key = node_key(FLEETS["north"], MAC)
    return flash_of(text, MODE=b"locked", KEY=key, FLOOR=bytes(4))


def text_file(text: str) -> Path:
    """The text in a file under build/, where `tirta` may read it."""
    folder = CHECKOUT / "build" / "chip"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}.toml"
    path.write_text(text)
    return path


def inlet(interval_s: int = 5, name: str = "Inlet on a chip", visit_s: int = 60) -> str:
    """A config of three channels whose inputs are known: pulses, a current loop, a voltage."""
    return f"""version = 1
board = "{BOARD}"
name = "{name}"
interval_s = {interval_s}
commit_seconds = {4 * interval_s}
visit_s = {visit_s}

[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
filter_us = 10

[[channel]]
name = "p_inlet"
sensor = "4-20mA"
pin = "analog_1"
unit = "m"
decimals = 2
at_4ma = 0
at_20ma = 160

[[channel]]
name = "ph"
sensor = "voltage"
pin = "analog_3"
unit = "pH"
decimals = 2
points = [[0.4, 0.0], [2.0, 14.0]]
"""

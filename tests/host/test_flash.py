# SPDX-License-Identifier: MIT
"""Flashing with the real esptool to a chip's ROM-loader protocol: every byte in its place, refused
where it does not fit, finished after it was interrupted.
"""

import json
import os
import sys
import threading
from pathlib import Path

import pytest
from images import genuine, invented
from patience import run
from rom_loader import RomLoader
from support import FLEETS, office

from tirta.boards import board_file
from tirta.cli import main
from tirta.errors import TirtaError
from tirta.image import micropython_image, partition_table
from tirta.image.micropython_image import BOOT_OFFSETS
from tirta.install import flash
from tirta.keys import memory
from tirta.keys.credential import node_key
from tirta_format import staging, state

CONFIG = b'{"board":"esp32_devkitc"}'


def planned(board: str, folder: Path) -> flash.Plan:
    kind = board_file.load(board)
    return flash.plan(kind, invented(folder, kind), config=CONFIG, allow_unlisted=True)


@pytest.mark.parametrize("board", [b for b in board_file.names() if b != "virtual"])
def test_every_region_arrives_and_nothing_else_is_touched(board: str, tmp_path: Path) -> None:
    plan = planned(board, tmp_path)
    told: list[tuple[int, int]] = []
    with RomLoader(tmp_path, plan.board.chip, plan.board.flash.size) as chip:
        done = flash.flash(
            str(chip.port), plan, start=False, progress=lambda *now: told.append(now),
            key_of=lambda node: node_key(FLEETS["north"], node),
        )  # fmt: skip
    assert (done.chip, done.written_bytes) == (plan.board.chip, plan.size)
    key = node_key(FLEETS["north"], done.mac)
    plan = plan.locked(key)
    left = bytearray(chip.flash.data)
    for region in plan.regions:
        assert left[region.offset : region.end] == region.content, region.name
        left[region.offset : region.end] = b"\xff" * len(region.content)
    assert set(left) == {0xFF}
    assert told[-1] == (plan.size, plan.size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 2 * len(plan.regions)
    place = plan.board.partition("state")
    assert state.decode(chip.flash.data[place.offset : place.end]) == (
        1,
        {
            state.SLOT: b"a",
            state.MODE: b"locked",
            state.KEY: key,
            state.FLOOR: plan.made_s.to_bytes(4, "little"),
            state.CONFIG: CONFIG,
            staging.STAGED: b"\0\x78\0" + CONFIG,
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("board", "chip", "size", "told"),
    [
        ("esp32c3_devkitm", "esp32", 0x400000, "is an esp32, and the board esp32c3_devkitm has an"),
        ("esp32s3_devkitc", "esp32s3", 0x400000, "has 4194304 bytes, and the board"),
    ],
)
def test_a_board_file_that_does_not_fit_is_refused_and_nothing_is_written(
    board: str, chip: str, size: int, told: str, tmp_path: Path
) -> None:
    with RomLoader(tmp_path, chip, size) as loader:
        with pytest.raises(TirtaError, match=told) as error:
            flash.flash(str(loader.port), planned(board, tmp_path), start=False)
        assert "Nothing was written" in error.value.what
        assert not loader.flash.blocks


def test_an_interrupted_write_says_so_and_the_same_command_finishes_it(tmp_path: Path) -> None:
    plan = planned("esp32_devkitc", tmp_path)
    with RomLoader(tmp_path, "esp32") as chip:
        chip.unplug_at(6)
        with pytest.raises(TirtaError, match="half written and starts nothing") as error:
            flash.flash(str(chip.port), plan, start=False)
        assert "run the same command again" in error.value.hint
        chip.flash.fail_at = None
        assert flash.flash(str(chip.port), plan, start=False).written_bytes == plan.size
    for region in plan.regions:
        assert chip.flash.data[region.offset : region.end] == region.content


def test_a_port_where_no_chip_answers_is_told(tmp_path: Path) -> None:
    with pytest.raises(TirtaError, match="There is no port"):
        flash.flash("/dev/nowhere", planned("esp32_devkitc", tmp_path))


def test_a_cable_that_comes_off_while_connecting_is_told(tmp_path: Path) -> None:
    plan = planned("esp32_devkitc", tmp_path)
    ours, theirs = os.openpty()
    port = os.ttyname(theirs)

    def come_off() -> None:
        os.read(ours, 1)  # the first of what esptool sends
        os.close(theirs)
        os.close(ours)

    cable = threading.Thread(target=come_off)
    cable.start()
    with pytest.raises(TirtaError, match="Cannot connect to the chip"):
        flash.flash(port, plan, start=False)
    cable.join()


def test_esptool_itself_reads_and_verifies_what_was_written(tmp_path: Path) -> None:
    plan = planned("esp32_devkitc", tmp_path)
    back, table = tmp_path / "back.bin", tmp_path / "table.bin"
    region = next(r for r in plan.regions if r.name == "table")
    table.write_bytes(region.content)
    with RomLoader(tmp_path, "esp32") as chip:
        flash.flash(str(chip.port), plan, start=False)
        esptool(chip, "verify-flash", hex(region.offset), str(table))
        esptool(chip, "read-flash", hex(region.offset), hex(len(region.content)), str(back))
        wrong = bytearray(region.content)
        wrong[40] ^= 1
        table.write_bytes(wrong)
        with pytest.raises(AssertionError, match="digest mismatch"):
            esptool(chip, "verify-flash", hex(region.offset), str(table))
    assert back.read_bytes() == region.content
    assert partition_table.parse(back.read_bytes()) == plan.board.flash.partitions


def esptool(chip: RomLoader, *words: str) -> None:
    command = [
        sys.executable, "-m", "esptool", "--chip", chip.chip, "--port", str(chip.port),
        "--before", "no-reset", "--after", "no-reset", *words,
    ]  # fmt: skip
    done = run(command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_genuine_image_is_listed_and_fits_our_layout() -> None:
    board = board_file.load("esp32_devkitc")
    path = genuine()
    content = path.read_bytes()
    image = micropython_image.load(path, board)
    assert image.version == "1.27.0"
    theirs = partition_table.parse(content[partition_table.TABLE_OFFSET - 0x1000 :])
    for name in ("nvs", "phy_init", "factory"):
        assert [p for p in theirs if p.name == name] == [board.partition(name)]
    at = len(image.boot)
    assert content == image.boot + content[at : at + 0x1000] + image.rest
    assert image.rest_offset + len(image.rest) <= board.partition("factory").end
    with pytest.raises(TirtaError, match=r"not among those .* \(none\)"):
        micropython_image.load(path, board_file.load("virtual"))


@pytest.mark.parametrize(
    ("board", "change", "told"),
    [
        ("esp32_devkitc", lambda c: b"\x7fELF" + c[4:], "is not a MicroPython image"),
        ("esp32_devkitc", lambda c: c[:100], "is not a MicroPython image"),
        ("esp32_devkitc", lambda c: c[:12] + b"\x09" + c[13:], "is for esp32s3, and"),
        ("esp32c3_devkitm", lambda c: c[:12] + b"\0" + c[13:], "is for esp32, and"),
        ("esp32_devkitc", lambda c: c[:0x7000] + c[0xF000:], "the application alone"),
        ("esp32_devkitc", lambda c: c + bytes(0x1F0000), "ends at 0x"),
        ("esp32_devkitc", lambda c: c, "its SHA-256 is"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(
    board: str, change: object, told: str, tmp_path: Path
) -> None:
    assert callable(change)
    kind = board_file.load(board)
    path = invented(tmp_path, kind)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(TirtaError, match=told):
        micropython_image.load(path, kind)


def test_an_image_from_the_first_byte_on_is_the_same_image(tmp_path: Path) -> None:
    board = board_file.load("esp32_devkitc")
    path = invented(tmp_path, board)
    plain = micropython_image.load(path, board, allow_unlisted=True)
    path.write_bytes(b"\xff" * BOOT_OFFSETS["esp32"] + path.read_bytes())
    whole = micropython_image.load(path, board, allow_unlisted=True)
    assert (whole.boot, whole.rest) == (plain.boot, plain.rest)


NODE = "240ac4e29526"


def dry(folder: Path, *words: str) -> list[str]:
    image = invented(folder, board_file.load("esp32_devkitc"))
    return [
        "flash", "/dev/nowhere", "--board", "esp32_devkitc", "--dry-run", "--allow-unlisted",
        "--micropython", str(image), "--save", str(folder / "node"), *words,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "fleet"), [(["--open"], ""), ([], "north"), (["--key", "south"], "south")]
)
def test_what_is_kept_for_esptool_is_locked_with_the_key_of_the_fleet(
    words: list[str], fleet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office(tmp_path, monkeypatch)
    assert main(dry(tmp_path, *words, "--node", NODE)) == 0
    _, fields = state.decode((tmp_path / "node" / "state.bin").read_bytes())
    assert fields[state.MODE] == (b"locked" if fleet else b"open")
    assert fields.get(state.KEY) == (node_key(FLEETS[fleet], NODE) if fleet else None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--node", NODE, "--key", "west"], ("no key of fleet west", "Known: north, south")),
        (["--node", "24:0a"], ("is no node's id",)),
        ([], ("made from its chip's number", "--node", "--open")),
    ],
)
def test_a_lock_that_cannot_be_made_is_told(
    words: list[str], told: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    office(tmp_path, monkeypatch)
    assert main(dry(tmp_path, *words)) == 1
    said = capsys.readouterr().err
    assert all(text in said for text in told), said
    assert not (tmp_path / "node").exists()


def test_without_a_fleets_key_no_board_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIRTA_KEYS", str(tmp_path / "none"))
    assert main(["flash", "/dev/nowhere", "--board", "esp32_devkitc"]) == 1
    said = capsys.readouterr().err
    assert "tirta keys init" in said
    assert "--open" in said
    with pytest.raises(SystemExit):
        main(["flash", "/dev/nowhere", "--board", "virtual", "--open", "--key", "north"])


UPLINK = """board = "esp32_devkitc"
[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10
[uplink]
broker = "10.0.0.2"
ssid = "valves"
wifi_password = "never shown"
broker_password = "nor this"
"""


def test_the_passwords_of_an_uplink_lie_in_the_state_and_not_in_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office(tmp_path, monkeypatch)
    config = tmp_path / "node.toml"
    config.write_text(UPLINK)
    assert main(dry(tmp_path, "--config", str(config), "--node", NODE)) == 0
    _, fields = state.decode((tmp_path / "node" / "state.bin").read_bytes())
    hidden = {"wifi": "never shown", "broker": "nor this"}
    assert json.loads(fields[staging.SECRETS]) == hidden
    assert not any(text.encode() in fields[state.CONFIG] for text in hidden.values())


def test_an_open_node_gets_no_uplink(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    office(tmp_path, monkeypatch)
    config = tmp_path / "node.toml"
    config.write_text(UPLINK)
    with RomLoader(tmp_path, "esp32", mac=NODE) as chip:
        assert main(loader(tmp_path, chip.port, "--config", str(config), "--open")) == 1
        told = capsys.readouterr().err
        assert "has an [uplink], and an open node has none" in told
        assert "Leave --open out" in told
        assert not chip.flash.blocks
        assert main(loader(tmp_path, chip.port, "--config", str(config))) == 0
    assert b"never shown" in chip.flash.data


def test_dry_run_shows_every_region_and_needs_no_port(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = board_file.load("esp32s3_devkitc")
    words = [
        "flash", "/dev/nowhere", "--board", board.name, "--dry-run", "--allow-unlisted",
        "--micropython", str(invented(tmp_path, board)),
    ]  # fmt: skip
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "the key of this chip alone" in shown
    words.append("--open")
    assert main([*words, "--json"]) == 0
    regions = json.loads(capsys.readouterr().out)["regions"]
    assert [(r["name"], r["offset"]) for r in regions] == [
        ("boot", 0), ("table", 0x8000), ("factory", 0x9000), ("vfs", 0x200000),
        ("app_a", 0x238000), ("state", 0x2D0000),
    ]  # fmt: skip
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert all(r["sha256"][:16] in shown for r in regions)


def loader(folder: Path, port: Path, *words: str) -> list[str]:
    image = invented(folder, board_file.load("esp32_devkitc"))
    return [
        "flash", str(port), "--board", "esp32_devkitc", "--allow-unlisted", "--no-start",
        "--micropython", str(image), *words,
    ]  # fmt: skip


@pytest.mark.parametrize("mode", [[], ["--open"]], ids=["locked", "open"])
def test_a_loader_that_names_a_locked_node_gets_nothing_unless_a_person_says_so(
    mode: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Neither that node's key, nor that it is believed when it says `open` from now on."""
    office(tmp_path, monkeypatch)
    memory.remember(NODE, memory.LOCKED, "test")
    with RomLoader(tmp_path, "esp32", mac=NODE) as chip:
        for more in ([], ["--was-locked", "240ac4e29527"]):
            assert main(loader(tmp_path, chip.port, *mode, *more)) == 1
            told = capsys.readouterr().err
            assert f"says that it is node {NODE}" in told
            assert f"--was-locked {NODE}" in told
            assert not chip.flash.blocks
            assert memory.recall(NODE) == memory.LOCKED
        assert main(loader(tmp_path, chip.port, *mode, "--was-locked", NODE)) == 0
    written = bytes(chip.flash.data)
    assert (node_key(FLEETS["north"], NODE) in written) == (not mode)
    assert memory.recall(NODE) == (memory.OPEN if mode else memory.LOCKED)

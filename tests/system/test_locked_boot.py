# SPDX-License-Identifier: MIT
"""A locked node's way to the REPL: through an administrator's unlock, and through nothing else."""

import shutil
import sys
import time
from pathlib import Path

import pytest
import serial
from locked import FLEET, Wire, awake, clock_payload, credential, guarded, power_cycle, refused, up
from node_configs import config
from nodes import FAST_BAUD, Mpremote, Nodes
from patience import Patience, run

from tirta import virtual
from tirta.boards import board_file
from tirta.errors import TirtaError
from tirta.files.paths import firmware_dir
from tirta.image.build import build
from tirta.image.regions import flash_image
from tirta.install.raw_repl import BoardRepl
from tirta.keys.credential import node_key
from tirta.node import Node
from tirta_format import access, frame

PROMPT = b">>>"
KEYS = b"\r\x03\x03\r\x01\x04\x02\x03"  # what interrupts, resets and asks a prompt for its name
BOOTS = 4
SPARE = 5120  # bytes of heap that a start with a journal full of pages takes beyond these
CHIP = "02fb6be3ee96"


def heard_while(port: str, seconds: float, keys: bytes) -> bytes:
    """Press keys as fast as the line takes them; what the node said."""
    heard = b""
    with serial.Serial(port, FAST_BAUD, timeout=0, write_timeout=5) as line:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            line.write(keys)
            time.sleep(0.001)
            heard += line.read(4096)
    return heard


def test_no_key_at_any_moment_of_a_start_opens_the_repl(nodes: Nodes) -> None:
    port, _ = up(nodes, config=config(), heap_less=SPARE)
    for turn in range(BOOTS):
        virtual.cut("locked")
        virtual.up("locked")
        # Ctrl-C alone in the first half of the turns: it is what a start could be stopped with.
        heard = heard_while(port, 1.2, b"\x03" if turn % 2 else KEYS)
        assert PROMPT not in heard, (turn, heard)
        assert b"raw REPL" not in heard, (turn, heard)
        assert b"Traceback" not in heard, (turn, heard)
    awake(port)
    assert nodes.status("locked")["boots"] == BOOTS + 1, "a key reset the node"


def test_a_running_locked_node_knows_no_keys_and_no_break(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    with Node(port, FAST_BAUD) as node:
        before = guarded(node, credential(name, access.TECHNICIAN)).status()
    assert PROMPT not in heard_while(port, 1.0, KEYS)
    with serial.Serial(port, FAST_BAUD, timeout=0.3) as line:
        for keys in (b"\x03", b"\x03\x03", b"\r\x03", b"\x04", b"\x02", b"\x01"):
            time.sleep(0.06)  # the silence that makes a key count in open mode
            line.write(keys)
            line.send_break(0.01)
            time.sleep(0.06)
            assert PROMPT not in line.read(500)
    with Node(port, FAST_BAUD) as node:
        guarded(node, credential(name, access.TECHNICIAN))
        with pytest.raises(TirtaError, match="tirta unlock"):
            node.restart(to_repl=True)
        after = node.status()
    assert (after["boot"], after["epoch"]) == (before["boot"], before["epoch"])
    assert nodes.status("locked")["boots"] == 1


def test_an_administrator_opens_the_repl_until_the_next_hard_reset(nodes: Nodes) -> None:
    port, name = up(nodes, config=config(visit_s=600))
    with Node(port, FAST_BAUD) as node:
        guarded(node, credential(name, access.TECHNICIAN))
        with pytest.raises(TirtaError, match="for administrators"):
            node.unlock()
        guarded(node, credential(name, access.ADMINISTRATOR, serial=9))
        committed = node.commit().next_record
        node.unlock()
    mpremote = Mpremote(port)
    assert mpremote.run("print(6 * 7)").strip() == "42"
    assert mpremote.run("import os; print('app.mpy' in os.listdir('/app'))").strip() == "True"
    assert mpremote.run("import sys; print('app' in sys.modules)").strip() == "False"
    mpremote("reset")
    awake(port)
    with Node(port, FAST_BAUD) as node:
        status = guarded(node, credential(name, access.TECHNICIAN)).status()
    assert status["next_record"] >= committed
    assert status["cause"] == "hard reset"
    assert PROMPT not in heard_while(port, 0.5, KEYS)


def test_mpremote_at_a_locked_node_reads_why(nodes: Nodes) -> None:
    """It waits ten seconds for a prompt, prints what came instead, and ends. By a port's name below
    /dev/pts it would read for ever.
    """
    port, name = up(nodes, config=config())
    time.sleep(0.2)  # a silence, behind which a key counts
    done = run([sys.executable, "-m", "mpremote", "connect", port, "exec", "print(1)"])
    assert done.returncode == 1
    assert "could not enter raw repl" in done.stderr
    assert done.stdout.count(f"Tirta node {name}") == 1
    assert done.stdout.count("It is locked. For mpremote: tirta unlock PORT") == 1
    with pytest.raises(TirtaError, match=f"Node {name} on {port} is locked") as error:
        BoardRepl(port, FAST_BAUD)
    assert f"tirta unlock {port}" in error.value.hint
    assert nodes.status("locked")["boots"] == 1


def test_the_flag_counts_for_one_reset_only(nodes: Nodes) -> None:
    port, name = up(nodes, config=config(visit_s=5))
    with Node(port, FAST_BAUD) as node:
        guarded(node, credential(name, access.ADMINISTRATOR)).unlock()
    time.sleep(6)  # the visit ends by itself, with a hard reset
    awake(port)
    assert PROMPT not in heard_while(port, 0.5, KEYS)
    with Node(port, FAST_BAUD) as node:
        guarded(node, credential(name, access.ADMINISTRATOR)).unlock()
    power_cycle(port)  # a power cut forgets the flag


def test_an_application_that_fails_leaves_no_prompt(nodes: Nodes) -> None:
    """A node whose slot is unreadable: it starts again and again, and stays shut."""
    port = nodes.up("locked", flash_image=broken_image()).port
    heard = heard_while(port, 3, KEYS)
    assert PROMPT not in heard
    assert b"Tirta" in heard or b"rror" in heard


# The application hangs when it is asked for values, the rescue when its clock is set.
HANGS = {
    "tirta_node/requests/dispatch.py": ("def _values(self, sequence, payload):\n", 8, frame.VALUES),
    "rescue.py": ("elif kind == frame.CLOCK_SET:\n", 12, frame.CLOCK_SET),
}


@pytest.mark.parametrize("module", HANGS)
def test_a_hang_ends_in_a_reset_and_no_prompt(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """The same code with a hang in it, and a watchdog of three seconds instead of sixty."""
    source = tmp_path / "firmware"
    shutil.copytree(firmware_dir(), source)
    before, indent, kind = HANGS[module]
    for name, old, new in (
        (module, before, before + " " * indent + "while True: pass\n"),
        ("tirta_node/access/gate.py", "_HANG_MS = const(60000)", "_HANG_MS = const(3000)"),
        ("rescue.py", "_HANG_MS = 60000", "_HANG_MS = 3000"),
    ):
        text = (source / name).read_text()
        assert text.count(old) == 1
        (source / name).write_text(text.replace(old, new))
    monkeypatch.setattr("tirta.image.regions.build", lambda board: build(board, source))
    image = broken_image() if module == "rescue.py" else locked_image()
    port = nodes.up("locked", flash_image=image, chip_id=CHIP).port
    name = awake(port)
    made = credential(name, access.TECHNICIAN)
    with Wire(port) as wire:
        session = wire.log_in(made)
        wire.line.write(wire.sealed(session, kind, clock_payload(1_800_000_000)))
    heard = b""
    patience = Patience()
    while nodes.status("locked")["boots"] == 1:
        assert not patience.over(), "nothing ended the hang"
        heard += heard_while(port, 0.5, KEYS)
    assert PROMPT not in heard
    awake(port)
    with Node(port, FAST_BAUD) as node:
        assert guarded(node, made).status()["cause"] == "watchdog"
    assert nodes.status("locked")["boots"] == 2, "a node that does not hang is left alone"


def locked_image() -> bytes:
    """A locked node's flash."""
    board = board_file.load("virtual")
    return flash_image(board, config=config(), app=True, key=node_key(FLEET, CHIP))


def broken_image() -> bytes:
    """The same with the application's slot erased."""
    board = board_file.load("virtual")
    image = bytearray(locked_image())
    slot = board.partition("app_a")
    image[slot.offset : slot.offset + slot.size] = b"\xff" * slot.size
    return bytes(image)


def test_a_state_that_cannot_be_read_opens_nothing(nodes: Nodes) -> None:
    """Locked on a bench, then damaged: newer copy, both, all of it erased; the mark is outside."""
    made = nodes.up("locked", app=True, config=config())
    port, flash = made.port, Path(made.flash)
    name = awake(port, "open")
    with Node(port, FAST_BAUD) as node:
        node.lock(node_key(FLEET, name))
    place = board_file.load("virtual").partition("state")
    half = place.size // 2
    for damaged, mark in ((half, b"\0"), (0, b"\0"), (None, b"\xff" * place.size)):
        virtual.cut("locked")
        with flash.open("r+b") as file:
            file.seek(place.offset + (damaged or 0) + (0 if damaged is None else 30))
            file.write(mark)
        virtual.up("locked")
        assert PROMPT not in heard_while(port, 0.7, KEYS)
        assert awake(port) == name
        with Wire(port) as wire:
            for kind in (frame.COMMIT, frame.INDEX, frame.CONFIG_GET, 0x29, access.MODE):
                assert refused(wire.ask(kind, bytes(4))), (damaged, kind)
            answer = wire.ask(access.CHALLENGE)
            assert refused(answer, frame.FLASH_FAILED), answer
            assert b"stays closed" in answer[1]
            assert wire.ask(frame.STATUS)[0] == frame.STATUS + frame.ANSWER

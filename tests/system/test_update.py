# SPDX-License-Identifier: MIT
"""Updates over the link: the new application proves itself, or the one before goes on. Locked nodes
take them from an administrator only, the rescue's too.
"""

import time
from pathlib import Path
from typing import Any

import pytest
from locked import FLEET, awake, credential, guarded, up
from new_firmware import CHIP, almost_sent, firmware
from node_configs import config
from nodes import FAST_BAUD, Nodes
from patience import Patience
from state_image import in_force
from support import office

from tirta import __version__, virtual
from tirta.archive.evidence import Archive
from tirta.boards import board_file
from tirta.doctor import judge
from tirta.doctor.facts import gather
from tirta.errors import TirtaError
from tirta.image import bundle
from tirta.image.build import MANIFEST
from tirta.image.bundle import Bundle
from tirta.image.littlefs import SLOT_BLOCK, lfs_image
from tirta.install import update
from tirta.link.failures import RefusedError
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta_format import access, state, updates

NEW = "9.0.0"
SPEED = 40  # a minute of proof takes 1.5 seconds while no laptop looks
# They wait: only waiting is faster on the virtual board, so `pass` would take its 720 seconds.
HANG = "def main(slot):\n    import time\n    while True:\n        time.sleep_ms(100)\n"
# The timer of a trial comes as a scheduled call, which this one keeps out, as native code would.
DEAF = (
    "def main(slot):\n    import micropython\n    micropython.schedule(deaf, 0)\n"
    "    while True:\n        deaf(0)\n"
    "def deaf(_):\n    import time\n    while True:\n        time.sleep_ms(100)\n"
)
LOOP = "def main(slot):\n    import machine\n    machine.reset()\n"


def settled(running: virtual.VirtualNode) -> dict[str, Any]:
    """What runs once no trial is under way. Looks at the flash meanwhile, for time passes slowly
    while a laptop talks.
    """
    place = board_file.load("virtual").partition("state")
    patience = Patience()
    fields = {state.TRIAL: b""}
    while state.TRIAL in fields or state.OUTCOME in fields:
        assert not patience.over(), "the trial does not end"
        time.sleep(0.2)
        content = Path(running.flash).read_bytes()[place.offset : place.end]
        fields = in_force(content) or fields
    awake(running.port, fields[state.MODE].decode())
    with Node(running.port, FAST_BAUD) as node:
        return update.slots(node) | {"status": node.status(), "config": node.config()}


def results(port: str, folder: Path) -> list[tuple[int, str, str]]:
    """(result, from, to) of every update in the log."""
    with Node(port, FAST_BAUD) as node:
        assert pull(node, folder).holes == []
    (epoch,) = Archive(folder).must_have_epochs()
    fields = [e.fields for e in decode_epoch(epoch).events if e.kind == updates.RECORD]
    return [(f["reason"], f["before"], f["firmware"]) for f in fields]


def unfinished(port: str) -> list[str]:
    """The next step that the doctor tells of an update that was cut."""
    found = judge(gather(port, FAST_BAUD)).findings
    return [finding.next for finding in found if finding.id == "update.unfinished"]


def test_an_update_is_cut_goes_on_proves_itself_and_has_a_way_back(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a locked node, by an administrator."""
    office(tmp_path, monkeypatch)
    running = nodes.up("n", app=True, config=config(), speed=SPEED, fleet=FLEET)
    port = running.port
    awake(port)
    assert unfinished(port) == []
    new = firmware(tmp_path, monkeypatch, NEW)
    with Node(port, FAST_BAUD) as node:
        before = node.status()

        def pull_the_plug(done: int, total: int) -> None:
            if done > total // 2:
                virtual.cut("n")
                virtual.up("n")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            update.send(node, new, progress=pull_the_plug)
    awake(port)
    (told_of,) = unfinished(port)
    assert "tirta update" in told_of
    with Node(port, FAST_BAUD) as node:
        assert node.hello.firmware == __version__
        with pytest.raises(TirtaError, match="no previous application") as told:
            update.back(node)
        assert "tirta update" in told.value.hint
        with pytest.raises(RefusedError, match="not begun"):
            node.link.request(updates.ERASE, b"\0\0")
        totals: list[int] = []
        done = update.send(node, new, progress=lambda _, total: totals.append(total))
        assert done.state == update.ON_TRIAL
        assert 0 < done.written_bytes == totals[0]
        image = lfs_image(new.app, board_file.load("virtual").partition("app_b").size, SLOT_BLOCK)
        assert done.written_bytes < len(image.rstrip(b"\xff")) * 0.7, "it did not go on"
        with pytest.raises(TirtaError, match="on trial"):
            update.send(node, new)
    found = settled(running)
    assert (found["version"], found["previous"], found["running"]) == (NEW, __version__, "b")
    assert found["config"] == config()
    assert unfinished(port) == []
    assert found["status"]["epoch"] == before["epoch"]
    assert found["status"]["overruns"] == 0, "the update cost samples"
    with Node(port, FAST_BAUD) as node:
        old = firmware(tmp_path, monkeypatch, "0.1.9")
        with pytest.raises(TirtaError, match="older"):
            update.send(node, old)
        back = update.back(node)
        assert (back.before, back.after, node.hello.firmware) == (NEW, __version__, __version__)
    assert results(port, tmp_path / "archive") == [
        (updates.TRIAL, __version__, NEW),
        (updates.CONFIRMED, __version__, NEW),
        (updates.TRIAL, NEW, __version__),
    ]


def test_a_manifest_larger_than_the_heap_is_read(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked node that had no room for all of it failed, and was reset by its watchdog."""
    office(tmp_path, monkeypatch)
    new = firmware(tmp_path, monkeypatch, NEW)
    files = "".join(f'"{i:03}":"",' for i in range(900)).encode()  # 9 KB of text, 50 of heap
    large = new.app[MANIFEST].replace(b'"files":{', b'"files":{' + files)
    assert len(large) > len(new.app[MANIFEST]) + 8_000
    new = Bundle({**new.app, MANIFEST: large})
    port = nodes.up("n", flash_image=almost_sent(new, FLEET), chip_id=CHIP, speed=SPEED).port
    awake(port)
    with Node(port, FAST_BAUD) as node:
        assert update.send(node, new).state == update.ON_TRIAL
    assert nodes.status("n")["boots"] == 2


def test_a_technician_sees_the_slots_and_changes_none(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    new = bundle.make(board_file.load("virtual"))
    with Node(port, FAST_BAUD) as node:
        for known in ([], [credential(name, access.TECHNICIAN)]):
            guarded(node, *known)
            for allow in (False, True):
                with pytest.raises(TirtaError, match="no key on this computer"):
                    update.send(node, new, allow_downgrade=allow)
            with pytest.raises(TirtaError, match="no key on this computer"):
                update.back(node)
        found = update.slots(node)
        assert (found["version"], found["mpy"] >> 10 & 15) == (new.version, 2)
        demanding = new.app[MANIFEST].replace(b'"micropython":"1.', b'"micropython":"9.')
        assert demanding != new.app[MANIFEST]
        with pytest.raises(
            TirtaError, match=r"needs MicroPython 9\.[0-9.]+ or newer, the node has 1"
        ):
            update.send(node, Bundle({**new.app, MANIFEST: demanding}))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(("raise RuntimeError()\n", updates.FAILED, "hard reset"), id="exception"),
        pytest.param((HANG, updates.UNCONFIRMED, "hard reset"), id="hang"),
        pytest.param((LOOP, updates.UNCONFIRMED, "hard reset"), id="boot loop"),
        pytest.param((DEAF, updates.UNCONFIRMED, "watchdog"), id="hang in native code, locked"),
    ],
)
def test_what_does_not_prove_itself_is_taken_back(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[str, int, str]
) -> None:
    code, result, cause = case
    fleet = FLEET if cause == "watchdog" else None
    office(tmp_path, monkeypatch)
    bad = firmware(tmp_path, monkeypatch, NEW, "app.py", code)
    running = nodes.up("n", speed=SPEED, chip_id=CHIP, flash_image=almost_sent(bad, fleet))
    awake(running.port, "locked" if fleet else "open")
    monkeypatch.setattr(update, "_await", lambda *_: None)
    with Node(running.port, FAST_BAUD) as node:
        assert update.send(node, bad).written_bytes == 0
    found = settled(running)
    assert (found["version"], found["previous"], found["running"]) == (__version__, "", "a")
    assert found["status"]["cause"] == cause
    told = results(running.port, tmp_path / "archive")
    assert told == [(updates.TRIAL, __version__, NEW), (result, __version__, NEW)]


def test_the_rescue_takes_an_update_when_no_application_can_be_read(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locked as the application was."""
    running = nodes.up("n", app=True, config=config(), fleet=FLEET)
    office(tmp_path, monkeypatch)
    name = awake(running.port)
    with Node(running.port, FAST_BAUD) as node:
        time.sleep(1.2)
        epoch = node.status()["epoch"]
    virtual.cut("n")
    flash = Path(running.flash)
    image = bytearray(flash.read_bytes())
    slot = board_file.load("virtual").partition("app_a")
    image[slot.offset : slot.offset + 8192] = bytes(8192)
    flash.write_bytes(image)
    virtual.up("n")
    awake(running.port)
    new = bundle.make(board_file.load("virtual"))
    with Node(running.port, FAST_BAUD) as node:
        guarded(node, credential(name, access.TECHNICIAN))
        status = node.status()
        assert "no application" in status["alarms"][0]
        assert status["epoch"] == epoch
        assert pull(node, tmp_path / "archive").epoch == epoch
        with pytest.raises(RefusedError, match="rescue"):
            node.values()
        with pytest.raises(TirtaError, match="no key on this computer"):
            update.send(node, new)
    with Node(running.port, FAST_BAUD) as node:
        done = update.send(node, new)
        assert done.state == update.ON_TRIAL
        assert node.hello.mode == "locked"
        assert node.values()["values"], "it samples again"

# SPDX-License-Identifier: MIT
"""Another application onto a node on the genuine image: it comes over the link, loses its power on
trial, proves itself, and gives its place back.
"""

import time
from collections.abc import Iterator

import pytest
from emulated import BOARD, Chip, chip, flash_of, inlet
from outside import look, must_be_whole, must_follow
from patience import wait_for
from state_image import in_force

from tirta import __version__
from tirta.boards import board_file
from tirta.files.paths import firmware_dir
from tirta.image import build, bundle
from tirta.image.bundle import Bundle
from tirta.image.littlefs import BLOCK, SLOT_BLOCK, lfs_image
from tirta_format import state

INTERVAL_S = 10
NEW = "9.0.0"
_STALE = 3  # blocks of the slot that the update still has to bring


@pytest.fixture(scope="module")
def other() -> Bundle:
    """Our firmware under another version."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(build, "__version__", NEW)
        return bundle.make(board_file.load(BOARD), firmware_dir())


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, other: Bundle) -> Iterator[Chip]:
    """A node whose other slot holds nearly all of the new application: the rest takes minutes of an
    emulator's time, and is the same again.
    """
    flash = bytearray(flash_of(inlet(INTERVAL_S)))
    place = board_file.load(BOARD).partition("app_b")
    flash[place.offset : place.end] = lfs_image(other.app, place.size, SLOT_BLOCK)
    for block in range(_STALE):
        at = place.offset + 11 * block * BLOCK
        flash[at : at + BLOCK] = b"\xff" * BLOCK
    with chip(tmp_path_factory.mktemp("update"), bytes(flash)) as found:
        yield found


def fields(node: Chip) -> dict[int, bytes]:
    """The state as it lies on the flash; empty while it is written."""
    return in_force(node.flash("state")) or {}


def firmware(node: Chip) -> str:
    """The version that answers."""
    node.status()
    return str(node.tirta("status", node.port).out.partition("firmware ")[2].partition(",")[0])


def test_an_update_outlives_a_cut_on_trial_and_proves_itself(node: Chip, other: Bundle) -> None:
    path = bundle.write(other, node.home)
    node.sampled(2)
    before = look(node.flash("log"))
    told = node.tirta("update", node.port, path, "--allow-unsigned", "--no-wait", "--json").json
    assert (told["before"], told["after"], told["state"]) == (__version__, NEW, "trial")
    assert told["written_bytes"] > 0
    time.sleep(5)
    node.off()
    node.on()
    wait_for(lambda: firmware(node) == NEW, told=node.said, every_s=5)
    wait_for(lambda: fields(node).get(state.SLOT) == b"b", told=node.said, every_s=2)
    assert state.TRIAL not in fields(node)
    now = look(node.flash("log"))
    must_follow(before, now)
    must_be_whole(now)


def test_the_way_back(node: Chip) -> None:
    before = look(node.flash("log"))
    done = node.tirta("rollback", node.port, "--json").json
    assert (done["before"], done["after"], done["state"]) == (NEW, __version__, "confirmed")
    assert firmware(node) == __version__
    now = look(node.flash("log"))
    must_follow(before, now)
    must_be_whole(now)

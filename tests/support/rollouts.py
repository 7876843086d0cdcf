# SPDX-License-Identifier: MIT
"""A roll-out that is killed in the middle and begun again, at cables or over a broker."""

import json
import os
import signal
import subprocess
from collections.abc import Collection
from pathlib import Path

from commands import TIRTA
from patience import run, wait_for
from state_image import on_trial

from tirta import virtual
from tirta.archive.evidence import Archive
from tirta.install.rollout_record import CONFIRMED
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta_format import updates


def kill_on_trial(words: list[str], made: Collection[virtual.VirtualNode]) -> None:
    """Begin a roll-out, and kill it when the first node tries the new application."""
    with subprocess.Popen([*TIRTA, *words], stderr=subprocess.PIPE) as first:
        wait_for(lambda: any(map(on_trial, made)) or first.poll() is not None)
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    assert first.returncode == -signal.SIGKILL


def must_have_gone_on(node: Node, folder: Path, version: str, *, tried_another: bool) -> None:
    """Its log tells of one update to `version`, confirmed, and of one before that went back if it
    tried another; no sample was missed.
    """
    found = _trials(node, folder)
    assert found[-2:] == [(updates.TRIAL, version), (updates.CONFIRMED, version)]
    assert [each for _, each in found].count(version) == 2
    assert len(found) == (4 if tried_another else 2)


def must_be_told_confirmed(words: list[str]) -> None:
    """`--status` of this roll-out says so of every node."""
    told = run([*TIRTA, *words, "--status", "--json"], check=True)
    assert {node["state"] for node in json.loads(told.stdout)["nodes"]} == {CONFIRMED}


def _trials(node: Node, folder: Path) -> list[tuple[int, str]]:
    """(result, version) of every update in a node's log, by a reader of the log."""
    assert pull(node, folder).holes == []
    assert node.whole_status()["overruns"] == 0
    (epoch,) = Archive(folder).must_have_epochs()
    fields = [e.fields for e in decode_epoch(epoch).events if e.kind == updates.RECORD]
    return [(f["reason"], f["firmware"]) for f in fields]

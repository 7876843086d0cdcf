# SPDX-License-Identifier: MIT
"""A roll-out over nodes with our firmware: a bad bundle stops at the first, a killed run goes on.

Every rule and every instant: tests/host/test_rollout.py. Two hundred nodes: `make campaign`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import new_firmware
import pytest
import rollouts
from locked import awake
from nodes import FAST_BAUD, Nodes

from tirta import __version__, virtual
from tirta.errors import TirtaError
from tirta.image import bundle
from tirta.install import update
from tirta.install.rollout import Rollout, StoppedError, WavePlan, waves_of
from tirta.install.rollout_record import CONFIRMED, HAD_IT, WENT_BACK, Record, digest
from tirta.node import Node

GOOD, BAD = "9.0.0", "9.1.0"
HOW = WavePlan(look_s=3, again_s=2, window_s=600)
QUICK: dict[str, Any] = {"speed": 60}


def runs(port: str) -> str:
    with Node(port, FAST_BAUD) as node:
        return str(update.slots(node)["version"])


def test_a_bad_bundle_stops_and_a_killed_run_goes_on(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = new_firmware.good_and_bad(tmp_path, monkeypatch, GOOD, BAD)
    flash = new_firmware.almost_sent(good, None)
    made = {name: nodes.up(name, flash_image=flash, chip_id=f"24000000000{i}", **QUICK)
            for i, name in enumerate(("n0", "n1", "n2"))}  # fmt: skip
    for one in made.values():
        awake(one.port, "open")
    record = Record(tmp_path / "bad.sqlite", bad)
    with pytest.raises(StoppedError, match="wave 1 of 3"):
        Rollout(bad, record, replace(HOW, waves=(30, 60, 100))).run(made)
    record.close()
    (tried,) = record.last()
    assert tried.state == WENT_BACK, tried.why
    assert {runs(one.port) for one in made.values()} == {__version__}

    path = bundle.write(good, tmp_path)
    words = ["fleet", "update", "--bundle", str(path), "--wave", "30%,100%", "--allow-unsigned"]
    words += ["--record", str(tmp_path / "good.sqlite"), *made]
    rollouts.kill_on_trial(words, made.values())
    record = Record(tmp_path / "good.sqlite", good)
    steps = Rollout(good, record, replace(HOW, waves=(30, 100))).run(made)
    record.close()
    assert {step.link: step.state for step in steps} == dict.fromkeys(made, CONFIRMED)
    for name, one in made.items():
        with Node(one.port, FAST_BAUD) as node:
            rollouts.must_have_gone_on(
                node, tmp_path / "archives" / name, GOOD, tried_another=name == tried.link
            )
    rollouts.must_be_told_confirmed(words)


@pytest.mark.campaign
def test_two_hundred_nodes(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    """Each is powered for its turn, eight at once: the others are in no state but their flash's."""
    good, bad = new_firmware.good_and_bad(tmp_path, monkeypatch, GOOD, BAD)
    flash = new_firmware.almost_sent(good, None)
    names = [f"n{i:03}" for i in range(200)]
    opened: dict[str, str] = {}

    def reach(name: str) -> Node:
        """Give a node its power when its turn comes, and take it from those that are done."""
        if name not in opened:
            i = names.index(name)
            opened[name] = nodes.up(
                name, flash_image=flash, chip_id=f"2400000{i:05x}", **QUICK
            ).port
            awake(opened[name], "open")
        return Node(opened[name], FAST_BAUD)

    def done(step: Any) -> None:
        if step.state in {CONFIRMED, HAD_IT}:
            virtual.down(step.link)

    record = Record(tmp_path / "bad.sqlite", bad)
    with pytest.raises(StoppedError, match="wave 1 of 3"):
        Rollout(bad, record, replace(HOW, open=reach)).run(names)
    record.close()
    steps = record.last()
    tried = {step.link for step in steps if step.state == WENT_BACK}
    assert 1 <= len(tried) <= 2
    assert {step.link for step in steps} <= {*waves_of(names, HOW.waves, digest(bad))[0]}
    assert {runs(opened[name]) for name in opened} == {__version__}

    record = Record(tmp_path / "good.sqlite", good)
    try:
        steps = Rollout(good, record, replace(HOW, open=reach), done).run(names)
    except TirtaError as error:
        pytest.fail(str(error))
    finally:
        record.close()
    assert [step.state for step in steps] == [CONFIRMED] * 200
    record_property("measured", f"200 nodes, bad bundle on {len(tried)}, good one on all")

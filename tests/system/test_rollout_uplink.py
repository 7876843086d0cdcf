# SPDX-License-Identifier: MIT
"""A roll-out over a real broker, to nodes that nobody visits: the same rules as at cables.

Every rule and every instant: tests/host/test_rollout.py; at cables: test_rollout_waves.py.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import brokers
import new_firmware
import pytest
import rollouts
import uplinks
from commands import TIRTA
from locked import FLEET
from nodes import Nodes
from patience import run

from tirta import __version__, config, virtual
from tirta.errors import TirtaError
from tirta.image import bundle
from tirta.image.bundle import Bundle
from tirta.install import update
from tirta.install.rollout import Rollout, StoppedError, WavePlan, opened, waves_of
from tirta.install.rollout_record import CONFIRMED, HAD_IT, WENT_BACK, Record, digest
from tirta.node import Node

pytest.importorskip("paho.mqtt.client", reason="tirta[receive] is not installed")
pytestmark = pytest.mark.skipif(not brokers.MOSQUITTO, reason="Mosquitto is not installed")
GOOD, BAD = "9.0.0", "9.1.0"
HOW = WavePlan(look_s=3, again_s=5, window_s=1200)


@pytest.fixture(name="port")
def broker_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("TIRTA_PASSPHRASE", "of this test")
    uplinks.office_has_the_key()
    with brokers.broker(tmp_path) as port:
        yield port


class Town:
    """Locked nodes behind a broker; nothing is asked at their ports. Each has nearly all of a
    bundle in its other slot.
    """

    def __init__(self, nodes: Nodes, folder: Path, port: int, has: Bundle) -> None:
        path = uplinks.config_file(folder, port)
        self.url = f"mqtt://127.0.0.1:{port}"
        self._nodes, self._has = nodes, has
        self._text, self._secrets = config.load(path)[0], config.secrets(path)

    def link(self, node: str) -> str:
        return f"{self.url}/{node}"

    def up(self, node: str) -> virtual.VirtualNode:
        """Give a node its power."""
        flash = new_firmware.almost_sent(self._has, FLEET, node, self._text, self._secrets)
        return self._nodes.up(node, flash_image=flash, chip_id=node, network=True)

    def reach(self, link: str) -> Node:
        """Open a node, which gets its power when it is asked for the first time."""
        node = link.rpartition("/")[2]
        if node not in {one["name"] for one in virtual.list_nodes()}:
            self.up(node)
        return opened(link)


def runs(link: str) -> str:
    with Node(link) as node:
        return str(update.slots(node)["version"])


@pytest.mark.campaign  # two minutes and more: its nodes live at the pace of a clock
def test_a_bad_bundle_stops_and_a_killed_run_goes_on(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    good, bad = new_firmware.good_and_bad(tmp_path, monkeypatch, GOOD, BAD)
    town = Town(nodes, tmp_path, port, good)
    names = [f"02fb6be3ee{i:02x}" for i in range(4)]
    links = [town.link(name) for name in names]
    made = [town.up(name) for name in names]
    record = Record(tmp_path / "bad.sqlite", bad)
    with pytest.raises(StoppedError, match="wave 1 of 3"):
        Rollout(bad, record, replace(HOW, waves=(25, 50, 100))).run(links)
    record.close()
    (tried,) = record.last()
    assert tried.state == WENT_BACK, tried.why
    assert {runs(link) for link in links} == {__version__}

    path, listed = bundle.write(good, tmp_path), tmp_path / "nodes.txt"
    listed.write_text("\n".join(names))
    words = ["fleet", "update", "--bundle", str(path), "--wave", "25%,100%", "--allow-unsigned"]
    words += ["--record", str(tmp_path / "good.sqlite"), "--broker", town.url, str(listed)]
    rollouts.kill_on_trial(words, made)
    done = run([*TIRTA, *words])
    assert done.returncode == 0, done.stderr
    record = Record(tmp_path / "good.sqlite", good)
    assert {step.link: step.state for step in record.last()} == dict.fromkeys(links, CONFIRMED)
    record.close()
    for name, link in zip(names, links, strict=True):
        with Node(link) as node:
            rollouts.must_have_gone_on(
                node, tmp_path / "archives" / name, GOOD, tried_another=link == tried.link
            )
    rollouts.must_be_told_confirmed(words)


@pytest.mark.campaign
def test_two_hundred_nodes(
    nodes: Nodes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    port: int,
    record_property: Any,
) -> None:
    """Each is powered for its turn, eight at once: the others are in no state but their flash's."""
    good, bad = new_firmware.good_and_bad(tmp_path, monkeypatch, GOOD, BAD)
    town = Town(nodes, tmp_path, port, good)
    links = [town.link(f"02fb6be3{i:04x}") for i in range(200)]

    def done(step: Any) -> None:
        if step.state in {CONFIRMED, HAD_IT}:
            virtual.down(step.link.rpartition("/")[2])

    record = Record(tmp_path / "bad.sqlite", bad)
    with pytest.raises(StoppedError, match="wave 1 of 3"):
        Rollout(bad, record, replace(HOW, open=town.reach)).run(links)
    record.close()
    steps = record.last()
    tried = {step.link for step in steps if step.state == WENT_BACK}
    assert 1 <= len(tried) <= 2
    assert {step.link for step in steps} <= {*waves_of(links, HOW.waves, digest(bad))[0]}
    assert {runs(step.link) for step in steps} == {__version__}

    record = Record(tmp_path / "good.sqlite", good)
    try:
        steps = Rollout(good, record, replace(HOW, open=town.reach), done).run(links)
    except TirtaError as error:
        pytest.fail(str(error))
    finally:
        record.close()
    assert [step.state for step in steps] == [CONFIRMED] * 200
    record_property("measured", f"200 nodes, bad bundle on {len(tried)}, good one on all")

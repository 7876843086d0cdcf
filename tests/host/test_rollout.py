# SPDX-License-Identifier: MIT
"""A roll-out in waves over nodes as FORMAT.md section 10.3 describes: it stops itself, owes who
cannot be reached, and goes on after any kill. Real nodes: tests/system/test_rollout_waves.py.
"""

import itertools
import random
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import fleets
import pytest

from tirta.cli import build_parser, main
from tirta.cli.catalogue import named
from tirta.errors import TirtaError
from tirta.image.build import MANIFEST
from tirta.image.bundle import Bundle
from tirta.install import rollout, rollout_list, rollout_record, update
from tirta.install.rollout import Rollout, StoppedError, WavePlan, waves_of
from tirta.install.rollout_record import (
    CONFIRMED,
    HAD_IT,
    OWED,
    REFUSED,
    SILENT,
    WENT_BACK,
    NodeStep,
    Record,
)
from tirta.link.failures import NoAnswerError
from tirta.node import Node

OLD, NEW = "0.3.0", "0.4.0"
GOOD, BAD, DEAD = "good", "bad", "dead"  # what a trial comes to


class Killed(BaseException):
    """`kill -9`."""


class ModelNode(AbstractContextManager["ModelNode"]):
    """What a node tells of its slots, and what an update does to it."""

    def __init__(self, name: str, trial: str = GOOD, away: int = 0) -> None:
        self.hello = SimpleNamespace(node=name)
        self.version, self.trying, self.begun = OLD, "", False
        self.comes_to, self.away = trial, away
        self.looks = self.trials = 0

    def reached(self) -> "ModelNode":
        if self.away:
            self.away -= 1
            raise TirtaError(f"There is no port {self.hello.node}.")
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def slots(self) -> dict[str, Any]:
        found = {"version": self.version, "trial": self.trying, "begun": self.begun,
                 "board": "virtual", "micropython": "1.28.0"}  # fmt: skip
        if self.trying:
            self.looks += 1
            if self.looks == 2:  # the third look sees it decided
                self.version = NEW if self.comes_to == GOOD else OLD
                self.trying = ""
        return found

    def take(self) -> None:
        """Start the trial."""
        self.trials += 1
        self.trying, self.begun, self.looks = NEW, False, 0
        if self.comes_to == DEAD:
            self.away = 1 << 30
            raise NoAnswerError("It says nothing.")


class Town:
    """Nodes, and the calls of a roll-out to them, each of which may be where it is killed."""

    def __init__(self, nodes: list[ModelNode], monkeypatch: pytest.MonkeyPatch) -> None:
        self.nodes = {node.hello.node: node for node in nodes}
        self.kill_at = 0
        self.calls = itertools.count(1)
        monkeypatch.setattr(update, "slots", lambda node: self.do(node.slots))
        monkeypatch.setattr(update, "send", self.send)
        monkeypatch.setattr(rollout_record, "SYNCHRONOUS", "OFF")  # here no power goes

    def do(self, what: Callable[[], Any]) -> Any:
        """Kill before, or after: what was done is done, and nobody knows."""
        if next(self.calls) == self.kill_at:
            raise Killed
        done = what()
        if next(self.calls) == self.kill_at:
            raise Killed
        return done

    def send(
        self, node: ModelNode, bundle: Bundle, *, progress: Any, trying: Callable[[], object]
    ) -> None:
        assert bundle.version == NEW
        self.do(lambda: setattr(node, "begun", True))
        progress(0, 1)
        self.do(trying)
        self.do(node.take)

    def roll(
        self,
        path: Path,
        bundle: Bundle,
        told: Callable[[NodeStep], object] = lambda _: None,
        **how: Any,
    ) -> list[NodeStep]:
        """One run, as a process of its own: it has only the file of the one before."""
        self.calls = itertools.count(1)
        options = {"at_once": 1, "look_s": 0, "again_s": 0, "window_s": 0, "decided_s": 60} | how
        with_open = WavePlan(open=lambda link: cast("Node", self.nodes[link].reached()), **options)
        record = Record(path, bundle)
        try:
            return Rollout(bundle, record, with_open, told).run(self.nodes)
        finally:
            record.close()

    def trials(self) -> list[int]:
        return [node.trials for node in self.nodes.values()]


def bundle_of(monkeypatch: pytest.MonkeyPatch) -> Bundle:
    monkeypatch.setattr(Bundle, "must_suit", lambda *_, **__: None)
    return Bundle({MANIFEST: b'{"board":"virtual","version":"0.4.0"}'})


@pytest.fixture(name="bundle")
def bundle_fixture(monkeypatch: pytest.MonkeyPatch) -> Bundle:
    return bundle_of(monkeypatch)


def states(steps: list[NodeStep]) -> dict[str, str]:
    return {step.link: step.state for step in steps}


@pytest.mark.parametrize("count", [1, 2, 7, 99, 200, 1000])
def test_waves_are_small_first_and_the_same_each_time(count: int) -> None:
    links = [f"node{i}" for i in range(count)]
    waves = waves_of(links, [1, 10, 100], "a")
    assert sorted(itertools.chain(*waves)) == sorted(links)
    assert len(waves[0]) == max(1, -(-count // 100))
    assert waves == waves_of(reversed(links), [1, 10, 100], "a")
    flat = list(itertools.chain(*waves_of([*links, "new"], [1, 10, 100], "a")))
    assert [link for link in flat if link != "new"] == list(itertools.chain(*waves))
    if count == 1000:  # spread: no stretch of the list is without one, or has most of them
        tenths = [sum(int(link[4:]) // 100 == i for link in waves[1]) for i in range(10)]
        assert min(tenths) > 1
        assert max(tenths) < 25


def test_all_have_it_in_the_end_and_each_is_on_record(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town([ModelNode(f"n{i}") for i in range(20)], monkeypatch)
    town.nodes["n3"].version = NEW
    town.nodes["n4"].away = 2
    steps = town.roll(tmp_path / "r.sqlite", bundle, window_s=60)
    assert {link for link, state in states(steps).items() if state == HAD_IT} == {"n3"}
    assert town.trials() == [int(i != 3) for i in range(20)]
    record = Record(tmp_path / "r.sqlite", bundle)
    for step in record.last():
        assert step.who.count("@") == 1
        assert step.at > 1_700_000_000
        assert (step.node, step.after) == (step.link, NEW)
        assert step.before == (NEW if step.link == "n3" else OLD)
    with pytest.raises(TirtaError, match="goes on"):
        Record(tmp_path / "r.sqlite", bundle)
    record.close()
    other = Bundle({MANIFEST: b'{"board":"virtual","version":"0.4.1"}'})
    with pytest.raises(TirtaError, match="another bundle"):
        Record(tmp_path / "r.sqlite", other)


@pytest.mark.parametrize(("fault", "state"), [(BAD, WENT_BACK), (DEAD, SILENT)])
def test_a_bad_bundle_stops_in_the_first_wave(
    fault: str, state: str, tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town([ModelNode(f"n{i}", fault) for i in range(300)], monkeypatch)
    with pytest.raises(StoppedError, match="in wave 1 of 3") as told:
        town.roll(tmp_path / "r.sqlite", bundle, decided_s=0.2 if fault == DEAD else 60)
    assert "--without" in told.value.hint
    assert sum(town.trials()) == 1
    with pytest.raises(StoppedError):  # and again: the failed one is not tried twice
        town.roll(tmp_path / "r.sqlite", bundle)
    assert sum(town.trials()) == 1
    assert state in {s.state for s in Record(tmp_path / "r.sqlite", bundle).last()}


def test_it_stops_when_one_in_a_hundred_fails_and_not_before(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = list(itertools.chain(*waves_of(
        [f"n{i}" for i in range(400)], [1, 10, 100], rollout_record.digest(bundle)
    )))  # fmt: skip
    for bad, stops in ((order[150:151], False), (order[150:152], True), (order[98:99], True)):
        nodes = [ModelNode(link, BAD if link in bad else GOOD) for link in order]
        town = Town(nodes, monkeypatch)
        path = tmp_path / f"{bad[0]}-{len(bad)}.sqlite"
        if not stops:
            assert sum(s == WENT_BACK for s in states(town.roll(path, bundle)).values()) == 1
            continue
        with pytest.raises(StoppedError):
            town.roll(path, bundle)
        assert sum(town.trials()) == order.index(bad[-1]) + 1


def test_a_node_that_was_mended_by_hand_counts_no_more(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town([ModelNode("n1", BAD), ModelNode("n2"), ModelNode("n3")], monkeypatch)
    with pytest.raises(StoppedError):
        town.roll(tmp_path / "r.sqlite", bundle, waves=[100])
    town.nodes["n1"].version = NEW
    assert set(states(town.roll(tmp_path / "r.sqlite", bundle)).values()) == {CONFIRMED}
    assert max(town.trials()) == 1


def test_a_wave_that_cannot_be_reached_opens_no_other(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town([ModelNode(f"n{i}", away=5) for i in range(200)], monkeypatch)
    with pytest.raises(StoppedError, match="only 0 of its 2 nodes"):
        town.roll(tmp_path / "r.sqlite", bundle)
    assert sum(town.trials()) == 0
    left = [node.away for node in town.nodes.values()]
    assert left.count(5) == 198
    told: list[NodeStep] = []
    town.roll(tmp_path / "r.sqlite", bundle, told.append, window_s=60)  # within it, they come back
    assert set(town.trials()) == {1}
    assert max(sum(s.state == OWED and s.link == x for s in told) for x in town.nodes) == 1


def test_owed_ones_are_asked_again_in_the_next_wave(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town([ModelNode(f"n{i}") for i in range(40)], monkeypatch)
    first = waves_of(town.nodes, [10, 100], rollout_record.digest(bundle))[0]
    town.nodes[first[0]].away = 1
    steps = town.roll(tmp_path / "r.sqlite", bundle, waves=[10, 100])
    assert set(states(steps).values()) == {CONFIRMED}


def test_what_does_not_suit_is_refused_and_not_tried(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town([ModelNode(f"n{i}") for i in range(10)], monkeypatch)

    def refuse(*_: object, **__: object) -> None:
        raise TirtaError("The bundle is for board x.", "Take another.")

    monkeypatch.setattr(Bundle, "must_suit", refuse)
    with pytest.raises(StoppedError, match="only 0 of its 1"):
        town.roll(tmp_path / "r.sqlite", bundle)
    assert sum(town.trials()) == 0
    (step,) = Record(tmp_path / "r.sqlite", bundle).last()
    assert (step.state, step.why) == (REFUSED, "The bundle is for board x. Take another.")


def test_it_goes_on_after_a_kill_at_any_instant(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No node is tried twice, none forgotten; a second kill anywhere changes nothing."""
    killed = 0
    for first in itertools.count(1):
        chance = random.Random(first)
        nodes = [ModelNode(f"n{i}", away=chance.choice([0, 0, 1])) for i in range(4)]
        town = Town(nodes, monkeypatch)
        path = tmp_path / f"{first}.sqlite"
        how: dict[str, Any] = {"waves": [50, 100], "window_s": 60}
        for town.kill_at in (first, chance.randrange(1, 40)):
            try:
                town.roll(path, bundle, **how)
            except Killed:
                killed += 1
        town.kill_at = 0
        steps = town.roll(path, bundle, **how)
        assert set(town.trials()) == {1}
        assert {step.link for step in steps} == set(town.nodes)
        assert {step.state for step in steps} <= {CONFIRMED, HAD_IT}
        assert all(node.version == NEW and not node.trying for node in nodes)
        if first > 45:
            break
    assert killed > 45


def test_a_record_that_cannot_be_written_ends_it(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town([ModelNode(f"n{i}") for i in range(4)], monkeypatch)

    def full(*_: object, **__: object) -> NodeStep:
        raise TirtaError("Cannot keep the record.", "Look at the disk.")

    monkeypatch.setattr(Record, "add", full)
    with pytest.raises(TirtaError, match="Cannot keep"):
        town.roll(tmp_path / "r.sqlite", bundle)
    assert sum(town.trials()) == 0
    (tmp_path / "no.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(TirtaError, match="Cannot keep"):
        Record(tmp_path / "no.sqlite", bundle)


def test_nodes_are_named_by_lists_folders_and_links(tmp_path: Path) -> None:
    fleets.write_city(tmp_path / "ambon", 3, 1, 1_800_000_000)
    of_list = tmp_path / "nodes.txt"
    of_list.write_text("/dev/ttyUSB0  # the well\n\n# none\n02aa00000001\n")
    links = rollout_list.links_of
    assert links([str(of_list), "n7"]) == ["/dev/ttyUSB0", "02aa00000001", "n7"]
    assert links([str(of_list)], "mqtt://b/") == ["/dev/ttyUSB0", "mqtt://b/02aa00000001"]
    for folder in (tmp_path, tmp_path / "ambon"):
        assert links([str(folder)], "mqtt://b") == [f"mqtt://b/0201{i:08x}" for i in range(3)]
        with pytest.raises(TirtaError, match="not how they are reached"):
            links([str(folder)])
    (tmp_path / "empty").mkdir()
    of_list.write_bytes(b"# \n")
    for word, wrong in (("empty", "No centre"), ("nodes.txt", "No node is named")):
        with pytest.raises(TirtaError, match=wrong):
            links([str(tmp_path / word)], "mqtt://b")
    assert rollout_list.percents_of("1%, 10,100%") == [1, 10, 100]
    for wrong in ("", "0", "10,1", "1,1", "101", "a", "-1", "nan"):
        with pytest.raises(ValueError, match=r"percents|number"):
            rollout_list.percents_of(wrong)


def test_fleet_is_a_command_beside_fleet_update(capsys: pytest.CaptureFixture[str]) -> None:
    parser, _ = build_parser(named(["fleet"]))
    both = "fleet update --bundle b.tirta --wave 1%,10%,100% nodes.txt n7"
    args = parser.parse_args(shlex.split(both))
    assert (args.wave, args.nodes, args.at_once) == ([1, 10, 100], ["nodes.txt", "n7"], 8)
    args = parser.parse_args(["fleet", "./update", "--only", "silent"])
    assert (args.source, args.only) == (Path("update"), "silent")
    assert main(["fleet", "update", "--bundle", "no.tirta", "n7"]) == 1
    assert "Cannot read the bundle no.tirta" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["fleet", "update", "--bundle", "b", "--wave", "10%,1%", "n7"])
    assert "percents that grow" in capsys.readouterr().err
    assert rollout.MOST_FAILED == 0.01

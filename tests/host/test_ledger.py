# SPDX-License-Identifier: MIT
"""Ranges, the ledger through detected, collecting, collected and lost, and what `tail` shows."""

import json
from pathlib import Path

from generated import given
from hypothesis import strategies as st
from peer import Peer, peer_fixture  # noqa: F401

from tirta import ranges
from tirta.archive import holes, ledger
from tirta.archive.evidence import Archive
from tirta.archive.holes import Hole
from tirta.node import Node
from tirta.pull.pull import pull

NUMBERS = st.sets(st.integers(0, 40))


@given(NUMBERS, NUMBERS)
def test_ranges_are_sets(some: set[int], others: set[int]) -> None:
    a, b = (ranges.merged((n, n) for n in each) for each in (some, others))

    def flat(found: list[ranges.Range]) -> list[int]:
        return [n for first, last in found for n in range(first, last + 1)]

    assert flat(a) == sorted(some)
    assert ranges.count(a) == len(some)
    assert ranges.merged(a + b) == ranges.merged((n, n) for n in some | others)
    assert flat(ranges.in_both(a, b)) == sorted(some & others)
    assert flat(ranges.without(a, b)) == sorted(some - others)


def states(found: ledger.Ledger) -> list[tuple[int, int, str, str]]:
    return [(h.first, h.last, h.state, h.reason) for h in found.entries]


def test_a_hole_goes_its_way_through_a_killed_pull(tmp_path: Path) -> None:
    epoch = Archive(tmp_path).epoch("n0de", 7)
    first = ledger.Ledger(epoch)
    first.detect([(0, 9)], 0, 100)
    assert states(first) == [(10, 99, "detected", "")]
    first.collect([(10, 49)])
    first.save()
    again = ledger.Ledger(epoch)  # the pull was killed here
    again.detect([(0, 29)], 0, 120)
    again.save()
    assert states(again) == [
        (10, 49, "collecting", ""), (50, 99, "detected", ""), (100, 119, "detected", ""),
    ]  # fmt: skip
    again.collect([(0, 119)])
    again.collect_ended(
        [(0, 59), (70, 119)], [Hole(60, 64, holes.DAMAGED), Hole(65, 69, holes.MISSING)]
    )
    again.save()
    assert set(states(ledger.Ledger(epoch))) == {
        (10, 49, "collected", ""), (50, 59, "collected", ""), (60, 64, "lost", ledger.UNREADABLE),
        (65, 69, "detected", ""), (70, 99, "collected", ""), (100, 119, "collected", ""),
    }  # fmt: skip


def test_a_pull_keeps_the_ledger_and_a_second_one_changes_nothing(
    peer: Peer, tmp_path: Path
) -> None:
    peer.log.add(2000)
    with Node(peer.port) as node:
        assert pull(node, tmp_path, 100, until=200).holes == []
        (path,) = tmp_path.rglob("ledger.json")
        found = json.loads(path.read_text())
        assert found["collected"][0][0] <= 100
        assert found["collected"][-1][1] >= 199
        assert {h["state"] for h in found["holes"]} == {"collected", "detected"}
        assert peer.pulled == 0  # not all of it is safe
        pull(node, tmp_path)
        assert peer.pulled == 2000
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        pull(node, tmp_path)
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert json.loads(path.read_text())["collected"] == [[0, 1999]]
    path.write_text("[half")
    with Node(peer.port) as node:
        pull(node, tmp_path)
    assert json.loads(path.read_text())["collected"] == [[0, 1999]]

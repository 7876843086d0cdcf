# SPDX-License-Identifier: MIT
"""Ranges by number and time, and two laptops at one node, with the firmware in lockstep."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from link_faults import differing, node_with_log, problem, stored
from lockstep import BEGAN_UNIX_S, Lockstep

from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.link.page_reader import read_pages
from tirta.link.serial_line import NO_UART
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.pull.wanted import Wanted

RECORDS = 3000


@pytest.fixture(name="node", scope="module")
def node_fixture() -> Iterator[Lockstep]:
    with node_with_log(RECORDS) as node:
        yield node


def at(seconds: float) -> datetime:
    """So long after the node began."""
    return datetime.fromtimestamp(BEGAN_UNIX_S + seconds, UTC)


def slots(folder: Path) -> list[int]:
    """Those of all records in an archive: seconds since the node began."""
    (epoch,) = Archive(folder).epochs()
    return [int(slot) for batch in decode_epoch(epoch).records for slot in batch.slot]


@pytest.mark.parametrize(
    ("begin", "end"), [(0, 1), (1000, 1500), (1234, 1234), (2500, 9000), (-900, 300)]
)
def test_a_range_of_times_has_every_record_of_it(
    node: Lockstep, tmp_path: Path, begin: int, end: int
) -> None:
    node.restart(1)
    with Node("lockstep", NO_UART) as one:
        since, until = Wanted(at(begin), at(end)).numbers(one)
        result = pull(one, tmp_path, since, until=until)
    assert result.holes == []
    found = slots(tmp_path)
    last = 3272  # of the records that the node had before: it left out some slots
    wanted = range(max(0, begin), min(end, last))
    assert set(found) >= {slot for slot in slots_of_all(node, tmp_path / "all") if slot in wanted}
    assert len(found) < RECORDS * 0.75, "more came than some pages before and behind"


def slots_of_all(node: Lockstep, folder: Path) -> list[int]:
    with Node("lockstep", NO_UART) as one:
        assert problem(node, folder, pull(one, folder)) == ""
    return slots(folder)


def test_a_time_and_a_number_mix(node: Lockstep) -> None:
    node.restart(1)
    with Node("lockstep", NO_UART) as one:
        assert Wanted(7, 9).numbers(one) == (7, 10)
        assert Wanted().numbers(one) == (0, None)
        since, until = Wanted(7, at(100)).numbers(one)
        assert since == 7
        assert until is not None
        assert until < RECORDS / 2
        assert Wanted(at(9000), None).numbers(one)[1] is None
        assert Wanted(0, at(90_000)).numbers(one) == (0, None)


def test_two_laptops_one_after_the_other(node: Lockstep, tmp_path: Path) -> None:
    node.restart(1)
    for turn in range(3):
        for name in ("a", "b"):
            with Node("lockstep", NO_UART) as one:
                before = sum(map(len, stored(tmp_path / name).values()))
                assert problem(node, tmp_path / name, pull(one, tmp_path / name)) == ""
                after = sum(map(len, stored(tmp_path / name).values()))
                assert after > before
                assert not turn or one.wire_bytes < 3000, "what is there was fetched again"
        node.sleep(70)
    numbers_once(tmp_path / "a")
    numbers_once(tmp_path / "b")


def test_two_laptops_interleaved(node: Lockstep, tmp_path: Path) -> None:
    """Each takes the cable from the other after some pages, until both have all."""
    node.restart(1)
    turns = 0
    whole = {"a": False, "b": False}
    while not all(whole.values()):
        for name in whole:
            left = 2 + turns % 3

            def pages_then_gone(*args: object, left: int = left) -> Iterator[tuple[int, bytes]]:
                for i, page in enumerate(read_pages(*args)):  # type: ignore[arg-type]
                    if i == left:
                        raise TirtaError("the cable is with the other laptop")
                    yield page

            with pytest.MonkeyPatch.context() as patch, Node("lockstep", NO_UART) as one:
                patch.setattr("tirta.pull.fetch.read_pages", pages_then_gone)
                try:
                    whole[name] = not pull(one, tmp_path / name).holes
                except TirtaError:
                    whole[name] = False
            turns += 1
            assert turns < 40
    for name in whole:
        with Node("lockstep", NO_UART) as one:
            assert problem(node, tmp_path / name, pull(one, tmp_path / name)) == ""
        numbers_once(tmp_path / name)
    a, b = stored(tmp_path / "a"), stored(tmp_path / "b")
    assert a.keys() == b.keys()
    assert not differing(a, b)  # b came last
    assert turns >= 4


def numbers_once(folder: Path) -> None:
    """Every record from 0 on, each once."""
    (epoch,) = Archive(folder).epochs()
    numbers = [int(n) for batch in decode_epoch(epoch).records for n in batch.number]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= RECORDS

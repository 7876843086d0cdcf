# SPDX-License-Identifier: MIT
"""The monitor's screen on a terminal of 80 by 24, with a real node behind it."""

import asyncio
import threading

import pytest
from nodes import FAST_BAUD, Nodes
from shown import words
from textual.widgets import DataTable

from tirta import virtual
from tirta.monitor.app import Monitor
from tirta.node import Node
from tirta.text.translation import translator
from tirta.virtual.demo_config import demo_text

SIZE = (80, 24)


async def until(monitor: Monitor, rounds: int) -> None:
    for _ in range(1200):
        if monitor.rounds >= rounds:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the node was not shown")


def test_everything_is_on_the_screen(nodes: Nodes) -> None:
    node = nodes.up("shown", app=True, config=demo_text("virtual"))
    monitor = Monitor(lambda: Node(node.port, FAST_BAUD), every_s=0.1)

    async def look() -> None:
        async with monitor.run_test(size=SIZE) as pilot:
            await until(monitor, 2)
            await pilot.pause()
            seen = words(monitor)
            for part in ("Inlet district 7", "OPEN", "Clock", "unset", "Records", "Heap", "p_inlet",
                         "temperature", "degC", "Quit", "Pause", "choose another"):  # fmt: skip
                assert part in seen, part
            table = monitor.query_one(DataTable)
            assert table.row_count == 8
            assert table.region.bottom <= SIZE[1] - 8, "no row of eight channels is hidden"
            await pilot.press("p")
            paused_at = monitor.rounds
            await asyncio.sleep(2)
            assert monitor.rounds <= paused_at + 1, "only what was asked already came"
            await pilot.press("p")
            await until(monitor, paused_at + 2)
            await pilot.press("q")

    asyncio.run(look())


def test_a_narrow_screen_hides_nothing(nodes: Nodes) -> None:
    node = nodes.up("shown", app=True, config=demo_text("virtual"))
    monitor = Monitor(lambda: Node(node.port, FAST_BAUD), every_s=0.1)

    async def look() -> None:
        async with monitor.run_test(size=(60, 20)) as pilot:
            await until(monitor, 2)
            await pilot.pause()
            seen = words(monitor)
            for part in (
                "OPEN",
                "Clock",
                "Records",
                "Log",
                "Lost",
                "damaged frames",
                "temperature",
            ):
                assert part in seen, part
            assert monitor.screen.max_scroll_y == 0
            table = monitor.query_one(DataTable)
            assert (table.max_scroll_x, table.max_scroll_y) == (0, 0)
            await pilot.press("q")

    asyncio.run(look())


def test_the_screen_speaks_the_persons_language(nodes: Nodes) -> None:
    node = nodes.up("shown", app=True, config=demo_text("virtual"))
    indonesian = translator("id")
    monitor = Monitor(lambda: Node(node.port, FAST_BAUD), every_s=0.1, say=indonesian)

    async def look() -> None:
        async with monitor.run_test(size=SIZE) as pilot:
            await until(monitor, 2)
            await pilot.pause()
            seen = words(monitor)
            for part in ("TERBUKA", "Jam", "belum diatur", "Catatan", "Memori", "Kanal", "Keluar",
                         "pilih kanal lain", "terakhir", "0 frame rusak"):  # fmt: skip
                assert part in seen, part
            for part in ("Clock", "Records", "Quit", "Pause", "Last", "choose", "unset", "bytes"):
                assert part not in seen, part
            await pilot.press("q")

    asyncio.run(look())


def test_nothing_outlives_the_screen(nodes: Nodes) -> None:
    """Quitting at any moment of a question leaves no thread that talks to a closed screen."""
    node = nodes.up("left", app=True, config=demo_text("virtual"))

    async def look(seconds: float) -> None:
        monitor = Monitor(lambda: Node(node.port, FAST_BAUD), every_s=0.01)
        async with monitor.run_test(size=SIZE) as pilot:
            await asyncio.sleep(seconds)
            await pilot.press("q")

    before = set(threading.enumerate())
    for tenth in range(8):
        asyncio.run(look(tenth / 10))
        assert set(threading.enumerate()) <= before
    with Node(node.port, FAST_BAUD) as again:
        assert again.status()["next_record"] >= 0


def test_an_answer_after_the_screen_is_gone(nodes: Nodes) -> None:
    """When the app ends, its parts go one by one, and the node may still answer."""
    node = nodes.up("late", app=True, config=demo_text("virtual"))
    monitor = Monitor(lambda: Node(node.port, FAST_BAUD), every_s=0.05)

    async def look() -> None:
        async with monitor.run_test(size=SIZE):
            await until(monitor, 1)
            await monitor.screen.remove_children()
            await asyncio.sleep(1)

    asyncio.run(look())


def test_an_error_of_ours_is_seen() -> None:
    """A thread that died must not leave a screen behind that looks as if all were well."""

    def broken() -> Node:
        raise ZeroDivisionError

    async def look() -> None:
        async with Monitor(broken).run_test(size=SIZE):
            await asyncio.sleep(5)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(look())


def test_a_node_that_goes_away_and_comes_back(nodes: Nodes) -> None:
    node = nodes.up("gone", app=True, config=demo_text("virtual"))
    monitor = Monitor(lambda: Node(node.port, FAST_BAUD), every_s=0.1)

    async def look() -> None:
        async with monitor.run_test(size=SIZE) as pilot:
            await until(monitor, 1)
            virtual.cut("gone")
            for _ in range(1200):
                await asyncio.sleep(0.05)
                if "Trying again" in words(monitor):
                    break
            else:
                raise AssertionError("nothing said that the node is gone")
            nodes.up("gone")
            await until(monitor, monitor.rounds + 1)
            await pilot.pause()
            assert "Trying again" not in words(monitor)

    asyncio.run(look())

# SPDX-License-Identifier: MIT
"""The monitor with a node that says anything: brackets are brackets, and no number ends it."""

import asyncio
import json

import pytest
from liar import NODE, LiarNode, Reply, shared
from shown import words

from tirta.keys import memory
from tirta.monitor.app import Monitor
from tirta.node import Node
from tirta_format import frame

MARKS = (
    "[/]", "[red]", "[/red]x", "[b", "x\\", "[@click=app.quit]x[/]", "[link=http://a]b", "[$x]",
)  # fmt: skip
MOST = 2**32 - 1
ROUNDS = 3


FIELDS = ("NAME", "FIRM", "CAUSE", "ALARM", "VALUE")


def liar(said: dict[str, str]) -> LiarNode:
    """A node with these texts in these fields, and the largest numbers there are."""
    node = LiarNode()
    node.log.add(30)

    def lie(kind: int, replies: list[Reply]) -> list[Reply]:
        what, payload = replies[0]
        if kind not in {frame.HELLO, frame.STATUS, frame.VALUES}:
            return replies
        told = json.loads(payload)
        if kind == frame.HELLO:
            told |= {"name": said["NAME"], "firmware": said["FIRM"]}
        elif kind == frame.STATUS:
            told |= {"cause": said["CAUSE"], "alarms": [said["ALARM"]]}
            told |= {"uptime_s": MOST, "lost": 2**64 - 1, "worst_late_ms": 2**64 - 1}
        else:
            told["values"][0][0] = said["VALUE"]
        return [(what, json.dumps(told).encode())]

    node.lie = lie
    return node


@pytest.mark.parametrize("first", [0, 3])
def test_what_a_node_says_is_shown_as_it_is(first: int) -> None:
    """Each mark stands in a field, and every field has one that would end the screen."""
    memory.remember(NODE, memory.OPEN, "test")
    said = {field: field + MARKS[(first + i) % len(MARKS)] for i, field in enumerate(FIELDS)}
    monitor = Monitor(lambda: Node("/dev/liar"), every_s=0.01)

    async def look() -> str:
        async with monitor.run_test(size=(110, 24)) as pilot:
            while monitor.rounds < ROUNDS:
                await asyncio.sleep(0.02)
                assert monitor.is_running
            await pilot.pause()
            seen = words(monitor)
            await pilot.press("q")
        return seen

    with shared(liar(said)) as clock:
        clock.endless = True
        seen = asyncio.run(look())
    for text in said.values():
        assert text in seen, text

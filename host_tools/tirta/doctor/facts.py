# SPDX-License-Identifier: MIT
"""What can be learned of a node in some seconds, without changing it.

The newest pages of its log come with it: they hold what the sensors said in the last hours, and the
boots and losses of that time.
"""

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tirta import config
from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.link import answers, port_names, repl
from tirta.link.answers import Hello, IndexEntry
from tirta.link.failures import NoAnswerError, PortBusyError
from tirta.link.mqtt_line import SCHEME
from tirta.link.repl import Banner
from tirta.link.serial_line import DEFAULT_BAUD, Line
from tirta.log.decode import Log
from tirta.node import Node
from tirta.node.recent_log import newest
from tirta.water import node_config
from tirta_format import calibration, updates
from tirta_format import config as format_config

PAGES = 6  # beside the newest: four days at a record a minute, two seconds on the line
WATCH_S = 1.5  # beyond one interval, to see the next record come
MOST_WATCHED_S = 12.0


@dataclass
class NodeFacts:
    """What was learned; a field stays empty where the port gave no answer to it."""

    port: str
    missing: bool = False  # there is no such device
    denied: bool = False  # this user may not open it
    busy: bool = False  # another program has it
    problem: TirtaError | None = None
    banner: Banner | None = None  # of a MicroPython prompt
    hello: Hello | None = None
    stranger: bool = False  # it is locked and no key is here: it says no more than who it is
    locked_out_s: int = 0  # after wrong keys, how long it takes no other
    status: dict[str, Any] = field(default_factory=dict)
    watched_s: float = 0.0  # how long the next record was waited for
    came: int = 0  # records meanwhile
    asked_unix: float = 0.0  # this computer's clock when the node told its own
    config: dict[str, Any] | None = None  # in force on the node
    board: Board | None = None
    index: list[IndexEntry] = field(default_factory=list)
    log: Log | None = None
    slots: dict[str, Any] = field(default_factory=dict)  # of the firmware
    loops_ma: dict[str, float] = field(default_factory=dict)  # of loops without a value, now
    expected_node: str | None = None
    expected_config: int | None = None  # its hash


def gather(
    port: str, baud: int = DEFAULT_BAUD, *, node: str | None = None, config: Path | None = None
) -> NodeFacts:
    """Ask what answers at a port. Raises TirtaError only where the expected config cannot be
    read.
    """
    facts = NodeFacts(port, expected_node=node, expected_config=_hash(config) if config else None)
    if not _can_open(facts):
        return facts
    try:
        with Node(port, baud) as asked:
            _ask(facts, asked)
    except NoAnswerError as error:
        facts.problem = error
        if port.startswith(SCHEME):
            return facts
        with contextlib.suppress(TirtaError), Line(port, baud) as line:
            facts.banner = repl.ask(line)
    except TirtaError as error:
        facts.problem = error
    return facts


def _hash(path: Path) -> int:
    text, _ = config.load(path)
    return int(format_config.config_hash(text))


def _can_open(facts: NodeFacts) -> bool:
    """Whether the port opens, if it is one; why not, otherwise."""
    if facts.port.startswith(SCHEME):
        return True
    if not port_names.exists(facts.port):
        facts.missing = True
        return False
    if not port_names.may_open(facts.port):
        facts.denied = True
        return False
    try:
        Line(facts.port).close()
    except TirtaError as error:
        facts.problem = error
        facts.busy = isinstance(error, PortBusyError)
        return False
    return True


def _ask(facts: NodeFacts, node: Node) -> None:
    facts.hello = node.hello
    told = node.status()
    if "alarms" not in told:
        facts.stranger = True
        facts.locked_out_s = int(told.get("locked_out_s", 0))
        return
    facts.status = answers.filled(node.must_be_whole(told))
    facts.asked_unix = time.time()
    with contextlib.suppress(TirtaError):
        facts.board = board_file.named(node.hello.board)
    text = node.config()
    with contextlib.suppress(ValueError):
        facts.config = node_config.parse(text)
    facts.index = node.index()
    facts.log = newest(node, facts.index, PAGES, text if facts.config else None)
    with contextlib.suppress(TirtaError):  # older firmware
        facts.slots = node.ask(updates.SLOTS)
    _measure(facts, node)
    _watch(facts, node)


def _measure(facts: NodeFacts, node: Node) -> None:
    """The currents of loops that have no value: a broken wire and a fault look alike in the log."""
    entries = {c["name"]: c for c in (facts.config or {}).get("channels", ())}
    told = node.values()["values"]
    for name, value, _ in told:
        entry = entries.get(name, {})
        if value is None and entry.get("sensor") == "current":
            with contextlib.suppress(TirtaError, KeyError, TypeError):
                probe = node.ask(calibration.PROBE, name.encode())
                facts.loops_ma[name] = float(probe["raw"]) / float(entry["shunt_mohm"])


def _watch(facts: NodeFacts, node: Node) -> None:
    """Wait for one more sample, where that does not take long."""
    began = time.monotonic()
    before = facts.status
    wait_s = float(before.get("interval_s", 0)) + WATCH_S
    if wait_s > MOST_WATCHED_S or facts.config is None:
        return
    while (past := time.monotonic() - began) < wait_s and facts.came == 0:
        time.sleep(min(0.3, wait_s - past))
        now = answers.filled(node.whole_status())
        facts.came = _sampled(now) - _sampled(before)
    facts.watched_s = time.monotonic() - began


def _sampled(status: dict[str, Any]) -> int:
    """Records so far, durable or waiting."""
    return int(status["next_record"]) + int(status["ring_used"])

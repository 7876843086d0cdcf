# SPDX-License-Identifier: MIT
"""Port, driver, and who answers."""

from collections.abc import Iterator

from tirta import __version__
from tirta.doctor.facts import NodeFacts
from tirta.doctor.finding import FAULT, NOTE, WARNING, Finding
from tirta.keys.memory import DowngradeError
from tirta.link.mqtt_line import SCHEME


def port(facts: NodeFacts) -> Iterator[Finding]:
    """Tell whether there is a port that this user can open."""
    if facts.missing:
        yield Finding(
            "port.missing", FAULT, f"There is no port {facts.port}.",
            "Plug the cable in and run `tirta ports`. If nothing new appears, try another cable"
            " (many only charge) or install the driver of the board's USB chip.",
        )  # fmt: skip
    elif facts.denied:
        yield Finding(
            "port.denied", FAULT, f"This user may not open {facts.port}.",
            "On Linux: `sudo usermod -a -G dialout $USER`, then log out and in again.",
        )  # fmt: skip
    elif facts.busy:
        yield Finding(
            "port.busy", FAULT, f"Another program uses {facts.port}.",
            "Close it: a terminal, an IDE, or another tirta.",
        )  # fmt: skip
    elif facts.problem and not facts.hello:
        yield from _silent(facts)


def _silent(facts: NodeFacts) -> Iterator[Finding]:
    assert facts.problem is not None  # noqa: S101  the caller looked
    if facts.port.startswith(SCHEME):
        yield Finding("network.silent", FAULT, facts.problem.what, facts.problem.hint)
        return
    if isinstance(facts.problem, DowngradeError):
        yield Finding("node.doubtful", FAULT, facts.problem.what, facts.problem.hint)
        return
    if facts.banner is not None:
        if facts.banner.node:
            yield Finding(
                "node.paused", FAULT,
                f"Node {facts.banner.node} is paused: somebody opened its prompt, with mpremote or"
                " `tirta unlock`. Nothing is sampled meanwhile.",
                f"{facts.banner.goes_on}; `mpremote connect {facts.port} reset` sends it back to"
                " work now.",
            )  # fmt: skip
            return
        version = f" {facts.banner.version}".rstrip()
        yield Finding(
            "board.prompt", FAULT,
            f"MicroPython{version} waits at its prompt on {facts.port}: nothing is sampled.",
            "It has no application of Tirta. Make a node of the board: `tirta flash`. If it has"
            f" Tirta's partitions already: `tirta deploy {facts.port} --board BOARD`.",
        )  # fmt: skip
        return
    yield Finding(
        "port.silent", FAULT, f"Nothing that Tirta knows answers on {facts.port}.",
        "Does the node have power? Is it the right port (`tirta ports` asks all)? Is the line's"
        " speed another one (--baud)?",
    )  # fmt: skip


def link(facts: NodeFacts) -> Iterator[Finding]:
    """Tell of a node that answered at first and then did not."""
    if facts.hello and facts.problem:
        yield Finding(
            "line.broken", FAULT, f"The node stopped answering: {facts.problem.what}",
            "Check plug and cable, then run the command again.",
        )  # fmt: skip


def access(facts: NodeFacts) -> Iterator[Finding]:
    """Tell of a locked node that nobody here has a key for."""
    if facts.hello and facts.stranger:
        wait = f" After wrong keys it waits {facts.locked_out_s} s." if facts.locked_out_s else ""
        yield Finding(
            "access.locked", WARNING,
            f"Node {facts.hello.node} is locked, and no key on this computer opens it: how it is"
            f" cannot be asked.{wait}",
            "Ask the office for a credential, then: `tirta keys import FILE`.",
        )  # fmt: skip


def identity(facts: NodeFacts) -> Iterator[Finding]:
    """Tell whether it is the right node, with firmware that fits this program."""
    hello = facts.hello
    if hello is None:
        return
    if facts.expected_node and hello.node != facts.expected_node:
        yield Finding(
            "node.other", FAULT,
            f"This is node {hello.node}, not {facts.expected_node}.",
            "Find the right chamber, or correct the list that names this node.",
        )  # fmt: skip
    if _release(hello.firmware) < _release(__version__):
        yield Finding(
            "firmware.old", WARNING,
            f"The node's firmware is {hello.firmware}, this program is {__version__}.",
            f"Update it: `tirta update {facts.port}`.",
        )  # fmt: skip
    elif _release(hello.firmware) > _release(__version__):
        yield Finding(
            "firmware.newer", WARNING,
            f"The node's firmware is {hello.firmware}, this program only {__version__}.",
            "Update this program: `pip install --upgrade tirta`.",
        )  # fmt: skip
    if hello.mode == "open":
        yield Finding(
            "mode.open", NOTE,
            "The node is in open mode: whoever has the cable can read and change everything.",
            f"That is meant for the bench. Before it goes out: `tirta lock {facts.port}`.",
        )  # fmt: skip


def _release(version: str) -> tuple[int, ...]:
    """Numbers to compare by; what is no number counts as nothing."""
    numbers = version.split("+", maxsplit=1)[0].split(".")
    return tuple(int(part) if part.isdecimal() else 0 for part in numbers)


RULES = (port, link, access, identity)

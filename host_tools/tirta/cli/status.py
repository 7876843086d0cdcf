# SPDX-License-Identifier: MIT
"""`tirta status`: how a node is."""

from argparse import ArgumentParser, Namespace
from datetime import timedelta
from typing import Any

from tirta.cli import say
from tirta.cli.command import Work, json_argument, port_argument
from tirta.link.answers import Hello
from tirta.node import Node
from tirta.node.discover import choose
from tirta.text import counted

SAID_ELSEWHERE = (  # by the node, and by Python of a length of time
    "unset", "holdover", "synchronised", "none", "unknown", "power on", "hard reset", "watchdog",
    "deep sleep", "soft reset", "brown-out", "{0} day, {1}", "{0} days, {1}",
)  # fmt: skip


def _arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    json_argument(parser)


def _status(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        status = node.status()
        timing = None
        if "uptime_s" in status:
            node.must_be_whole(status)
            timing = node.timing()
        hello = node.hello
    if args.json:
        say.document({**status, "timing": timing} if timing else status)
        return
    if timing is None:
        _public_status(status, hello)
        return
    uptime = timedelta(seconds=int(status["uptime_s"]))
    first, beyond = status["oldest_record"], status["next_record"]
    epoch, used = status["epoch"], f"{status['log_used']:.0%}"
    if status["mode"] == "open":
        say.say(
            "This node is OPEN: whoever has its cable can read and change everything. Lock it:"
            " tirta lock"
        )
    say.field("Node", f"{hello.node}  {hello.name}".rstrip())
    say.field("Board", f"{hello.board}, firmware {hello.firmware}, {status['mode']}")
    if first < beyond:
        say.field("Records", f"{first} to {beyond - 1} of epoch {epoch}, log {used} full")
    else:
        say.field("Records", f"none yet of epoch {epoch}, log {used} full")
    lost = counted(status["lost"], "record"), counted(status["overruns"], "overrun")
    say.field("Lost", ", ".join(map(say.translated, lost)))
    say.field("Clock", status["clock"])
    say.field("Up", f"{uptime} since {status['cause']}, boot {status['boot']}")
    say.field("Heap", f"{status['heap_free']} bytes free")
    if one_wire := status.get("one_wire"):
        silent, power_ons = one_wire[:2]
        say.field(
            "1-Wire", f"{silent} reads without an answer, {power_ons} of the power-on 85 degC"
        )
    if modbus := status.get("modbus"):
        answers, timeouts, exceptions, late, unsure = modbus[:5]
        say.field(
            "Modbus",
            f"{answers} answers, {timeouts} timeouts, {exceptions} exceptions; {late} came late,"
            f" {unsure} may be another register's (suspect)",
        )
    say.field("Alarms", ", ".join(status["alarms"]) or "none")
    _punctuality(timing)


def _public_status(status: dict[str, Any], hello: Hello) -> None:
    """What a locked node tells anyone."""
    say.field("Node", f"{hello.node}  {hello.name}".rstrip())
    say.field("Board", f"{hello.board}, firmware {hello.firmware}, {hello.mode}")
    if wait_s := status.get("locked_out_s"):
        say.field("Wait", f"{wait_s} s, after too many wrong keys")
    say.say("The rest needs a key: tirta keys import FILE")


def _punctuality(timing: dict[str, Any]) -> None:
    """Say how late samples came, how long other work lasted, and which channels missed samples."""
    groups = timing.get("groups", [])
    if not groups:
        return
    late_ms = max(group["worst_late_ms"] for group in groups)
    work_ms = max((worst for _, worst in timing["work"].values()), default=0) / 1000
    say.field("Timing", f"samples at most {late_ms} ms late, other work at most {work_ms:.1f} ms")
    for group in groups:
        missed, flash = group["overruns"], group["flash"]
        if missed or flash:
            names = ", ".join(group["channels"]) or "records"
            period_s = group["period_ms"] / 1000
            say.field(
                "Left out",
                f"{missed} samples of {names} (every {period_s:g} s), {flash} more under an erase",
            )


WORK: Work = {
    "status": (_arguments, _status),
}

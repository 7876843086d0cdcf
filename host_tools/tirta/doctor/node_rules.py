# SPDX-License-Identifier: MIT
"""Config, clock, flash, memory and alarms of a node, and what `log_rules` read in its log."""

import re
from collections.abc import Iterator

from tirta.config import flash_wear
from tirta.doctor import log_rules
from tirta.doctor.facts import NodeFacts
from tirta.doctor.finding import FAULT, NOTE, WARNING, Finding
from tirta.text import counted, duration
from tirta_format import updates, wear

LEAST_NETWORK_HEAP = 6_000  # a connection takes up to 12 KB, and most of the time two
LEAST_HEAP = 20_000  # a request and a commit need some thousand bytes, in one piece
_NOT_FOUND = "flash: the end of the log is not found"
CLOCK_OFF_S = 60
OLD_CLOCK_S = 30 * 86_400  # 20 ppm are a minute in a month
YEAR_S = 31_557_600
LATE_SHARE = 0.001
NOISY_FRAMES = 20
# What firmware says of a trial that was not confirmed: the config's hash, and why.
_GIVEN_UP = re.compile(r"config: ([0-9a-f]{8}) given up: (.*)")


def config(facts: NodeFacts) -> Iterator[Finding]:
    """Tell whether the node has a config, and the one that is expected."""
    if not facts.hello or not facts.status:
        return
    refused = [a for a in facts.status["alarms"] if a.startswith("config: ")]
    if facts.config is None and any("none yet" in alarm for alarm in refused):
        yield Finding(
            "config.none", FAULT, "The node has no config: it samples nothing.",
            f"Give it one: `tirta config apply {facts.port} FILE`.",
        )  # fmt: skip
    elif refused and (given_up := _GIVEN_UP.match(refused[0])) and facts.config is not None:
        yield _unconfirmed(facts, int(given_up[1], 16), given_up[2])
    elif refused:
        yield Finding(
            "config.refused", FAULT,
            f"The node cannot use its config ({refused[0][8:]}): it samples nothing.",
            f"Check the file with `tirta config check`, then apply it: `tirta config apply"
            f" {facts.port} FILE`.",
        )  # fmt: skip
    elif facts.expected_config not in {None, _hash_in_force(facts)}:
        yield Finding(
            "config.differs", WARNING, "The node runs with another config than the file given.",
            f"See what differs with `tirta config diff {facts.port} FILE`, then apply the right"
            " one.",
        )  # fmt: skip


def _unconfirmed(facts: NodeFacts, tried: int, why: str) -> Finding:
    """A trial ended without a laptop's word, and the node samples all the same."""
    again = f"`tirta config apply {facts.port} FILE`"
    if tried == _hash_in_force(facts):
        return Finding(
            "config.unconfirmed", WARNING,
            f"The node samples with its first config, and nobody confirmed it ({why}).",
            f"Look whether its sensors read well, then confirm it: {again}.",
        )  # fmt: skip
    return Finding(
        "config.given-up", WARNING,
        f"The node gave up a new config ({why}) and samples with the one before.",
        f"Correct the file if it needs it, then apply it again: {again}.",
    )  # fmt: skip


def _hash_in_force(facts: NodeFacts) -> int:
    told = facts.status["config"]
    return int(told, 16) if isinstance(told, str) else int(told)


def update(facts: NodeFacts) -> Iterator[Finding]:
    """Tell whether there is a firmware to go back to, on a node that had one."""
    slots = facts.slots
    if slots.get("trial"):
        yield Finding(
            "update.trial", NOTE, f"Firmware {slots['version']} runs on trial.",
            "The node decides by itself within some minutes; `tirta status` tells.",
        )  # fmt: skip
        return
    if slots and slots.get("begun", _was_updated(facts) and not slots.get("previous")):
        yield Finding(
            "update.unfinished", WARNING,
            "An update was begun and did not end: the node goes on with the firmware that it has.",
            f"Send it once more: `tirta update {facts.port}`. Until then nothing is there for"
            " `tirta rollback`.",
        )  # fmt: skip


def _was_updated(facts: NodeFacts) -> bool:
    """Tell whether the newest pages have an update: older firmware says no more of a cut one."""
    return facts.log is not None and any(e.kind == updates.RECORD for e in facts.log.events)


def clock(facts: NodeFacts) -> Iterator[Finding]:
    """Tell whether the node knows what time it is."""
    status = facts.status
    if not status:
        return
    if status["clock"] == "unset":
        severity = WARNING if status["uptime_s"] > OLD_CLOCK_S else NOTE
        yield Finding(
            "clock.unset", severity, "The node does not know the time.",
            f"Pull from it: `tirta pull {facts.port}` sets the clock, and dates the records of"
            " this boot backwards.",
        )  # fmt: skip
        return
    off_s = status["unix"] - facts.asked_unix
    if abs(off_s) > CLOCK_OFF_S:
        off = duration(abs(off_s))
        what = f"The node's clock is {off} behind this computer's."
        if off_s > 0:
            what = (
                f"The node's clock is {off} ahead of this computer's: what it records is dated in"
                " the future."
            )
        yield Finding(
            "clock.off", FAULT, what,
            "Is this computer's clock right? Then set the node's: `tirta clock"
            f" {facts.port}`.",
        )  # fmt: skip


def flash(facts: NodeFacts) -> Iterator[Finding]:
    """Tell of bad pages, refusals, and how long the flash will last."""
    status = facts.status
    if not status:
        return
    for alarm in status["alarms"]:
        if alarm.startswith(_NOT_FOUND):
            yield Finding(
                "log.not-found", FAULT,
                "The node cannot read its flash well enough to find the end of its log: it samples"
                " into memory, keeps nothing through a power cut, and tries again by itself.",
                "Leave it its power for an hour and look again. If it stays so, measure the supply,"
                " then replace the board; what the flash holds is not touched meanwhile.",
            )  # fmt: skip
        elif alarm.startswith("flash: "):
            yield Finding(
                "flash.refuses", FAULT, f"The flash refuses to be written: {alarm[7:]}.",
                "Pull now; then replace the board.",
            )  # fmt: skip
    if status["bad_pages"]:
        yield Finding(
            "flash.bad-pages", WARNING,
            f"{counted(status['bad_pages'], 'page')} of the flash could not be written since the"
            " start.",
            "The node goes around them. Plan to replace the board when there are more.",
        )  # fmt: skip
    first = _wears_first(facts)
    if first is not None and first[1] < flash_wear.LEAST_YEARS:
        ring, years = first
        yield Finding(
            "flash.wear", WARNING,
            f"At this pace the {ring} on the flash reaches {wear.CYCLES:,} erases in"
            f" {flash_wear.spoken(years)}.",
            "`tirta config check FILE` says which pace lasts: a longer interval, fewer channels, or"
            " another commit_seconds.",
        )  # fmt: skip


def _wears_first(facts: NodeFacts) -> tuple[str, float] | None:
    """The ring that wears out first, and in how many years: from its erases so far and its pace,
    the log's as its newest pages tell it, else as the config lets expect.
    """
    if facts.board is None or not facts.config or not facts.config.get("channels"):
        return None
    pages = dict(
        zip(("journal", "log"), wear.pages(facts.board.partition("log").size // 4096), strict=True)
    )
    erases = dict(zip(("journal", "log"), facts.status.get("erases", (0, 0)), strict=True))
    expected = flash_wear.of(facts.config, facts.board)
    years = {"journal": expected.journal, "log": _log_years(facts, pages["log"]) or expected.log}
    left = {
        ring: max(0.0, 1 - erases[ring] / pages[ring] / wear.CYCLES) * of_all
        for ring, of_all in years.items()
        if of_all is not None
    }
    return min(left.items(), key=lambda item: item[1])


def _log_years(facts: NodeFacts, pages: int) -> float | None:
    """Of a new log at the pace of the newest pages."""
    if facts.log is None or len(facts.index) < 3 or not facts.config:
        return None
    newest = facts.index[-1]
    before = facts.index[max(-len(facts.index), -6)]
    records = newest.first_record - before.first_record
    if records <= 0:
        return None
    page_s = records / (newest.page - before.page) * facts.config["interval_ms"] / 1000
    return float(wear.CYCLES * pages * page_s / YEAR_S)


def memory(facts: NodeFacts) -> Iterator[Finding]:
    """Tell of too little room in RAM, and samples that came late."""
    status = facts.status
    if not status:
        return
    if status["heap_free"] < LEAST_HEAP:
        yield Finding(
            "heap.low", WARNING, f"Only {status['heap_free']} bytes of memory are free.",
            "Use fewer channels or statistics.",
        )  # fmt: skip
    left = status.get("network_heap")
    if left is not None and left < LEAST_NETWORK_HEAP:
        yield Finding(
            "heap.network", WARNING,
            f"Only {left} bytes of memory are left for the network: the node cannot send.",
            "Restart it: cut its power for a moment. If it comes back, use fewer channels.",
        )  # fmt: skip
    sampled = int(status["next_record"]) + int(status["overruns"])
    if status["overruns"] > max(2, LATE_SHARE * sampled):
        yield Finding(
            "loop.late", WARNING,
            f"{counted(status['overruns'], 'sample')} could not be taken because the node was too"
            " busy.",
            "Choose longer periods or fewer channels; `tirta status` shows which ones are late.",
        )  # fmt: skip
    if status["dropped_frames"] > NOISY_FRAMES:
        yield Finding(
            "line.noisy", WARNING,
            f"{counted(status['dropped_frames'], 'frame')} from laptops arrived damaged.",
            "Use a shorter or better cable, away from pumps and their drives.",
        )  # fmt: skip
    if facts.watched_s and not facts.came:
        yield Finding(
            "sampling.stopped", FAULT,
            f"No new record came within {facts.watched_s:.0f} s, though one is due every"
            f" {status['interval_s']:g} s.",
            "Restart the node: switch it off and on. If it stays so, pull and replace the board.",
        )  # fmt: skip


def alarms(facts: NodeFacts) -> Iterator[Finding]:
    """Tell what the node itself raised."""
    for alarm in facts.status.get("alarms", ()):
        if not alarm.startswith(("config: ", "flash: ")):
            yield Finding(
                "alarm", WARNING, f"The node raised an alarm: {alarm}.",
                "Look at the values around it: `tirta monitor`, or pull and draw them.",
            )  # fmt: skip


RULES = (config, update, clock, log_rules.restarts, flash, memory, log_rules.losses, alarms)

# SPDX-License-Identifier: MIT
"""Config, clock, restarts, flash, memory and log of a node."""

from collections.abc import Iterator

from tirta.doctor.facts import Facts
from tirta.doctor.finding import FAULT, NOTE, WARNING, Finding
from tirta.text import duration
from tirta_format import meta

LEAST_HEAP = 20_000  # a request and a commit need some thousand bytes, in one piece
CLOCK_OFF_S = 60
OLD_CLOCK_S = 30 * 86_400  # 20 ppm are a minute in a month
CYCLES = 100_000  # erases that a sector is specified for
LEAST_YEARS = 5
YEAR_S = 31_557_600
LATE_SHARE = 0.001
MANY_CUTS = 3
SOON_S = 14 * 86_400  # before a laptop must come
LONG_S = 90 * 86_400
NOISY_FRAMES = 20
_SUPPLY = "Measure the supply under load: battery, cable, fuse. A weak one damages data and flash."
_HUNG = "Pull, and send the log and `tirta status --json` to whoever maintains the firmware."
_LOSSES = {
    meta.LOSS_RING: (
        "log.ring-full", "the flash did not keep up and the memory was full",
        "Look for findings of the flash; choose a longer interval or fewer channels.",
    ),
    meta.LOSS_FLASH: (
        "log.flash-lost", "pages of the flash were damaged",
        "Pull now, and replace the board when this repeats.",
    ),
    meta.LOSS_OVERWRITTEN: (
        "log.overwritten", "the log was full before a laptop came",
        "Pull more often, or choose a longer interval.",
    ),
}  # fmt: skip


def config(facts: Facts) -> Iterator[Finding]:
    """Whether the node has a config, and the one that is expected."""
    if not facts.hello or not facts.status:
        return
    refused = [a for a in facts.status["alarms"] if a.startswith("config: ")]
    if facts.config is None and any("none yet" in alarm for alarm in refused):
        yield Finding(
            "config.none", FAULT, "The node has no config: it samples nothing.",
            f"Give it one: `tirta config apply {facts.port} FILE`.",
        )  # fmt: skip
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


def _hash_in_force(facts: Facts) -> int:
    told = facts.status["config"]
    return int(told, 16) if isinstance(told, str) else int(told)


def clock(facts: Facts) -> Iterator[Finding]:
    """Whether the node knows what time it is."""
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
        yield Finding(
            "clock.off", FAULT,
            f"The node's clock differs from this computer's by {duration(abs(off_s))}.",
            "Is this computer's clock right? Then set the node's: `tirta clock"
            f" {facts.port}`.",
        )  # fmt: skip


def restarts(facts: Facts) -> Iterator[Finding]:
    """Why it started, as the newest pages of its log tell it."""
    if facts.log is None:
        return
    boots = [e.fields["cause"] for e in facts.log.events if e.kind == meta.BOOT]
    for cause, name, what, then in (
        (6, "power.brown-out", "the supply voltage broke down", _SUPPLY),
        (3, "restart.watchdog", "the program hung and its watchdog reset it", _HUNG),
    ):  # fmt: skip
        count = boots.count(cause)
        if count:
            yield Finding(name, FAULT, f"The node restarted {count} times because {what}.", then)
    cuts = [
        e for e in facts.log.events
        if e.kind == meta.LOSS and e.fields["reason"] == meta.LOSS_POWER
    ]  # fmt: skip
    others = sum(cause in {3, 6} for cause in boots)
    if len(cuts) - others >= MANY_CUTS:
        yield Finding(
            "power.cuts", WARNING,
            f"The power failed {len(cuts)} times in the newest pages of the log.",
            "Look at plug, fuse and battery. No acknowledged record is lost, but each cut takes"
            " up to one commit interval.",
        )  # fmt: skip


def flash(facts: Facts) -> Iterator[Finding]:
    """Bad pages, refusals, and how long the flash will last."""
    status = facts.status
    if not status:
        return
    for alarm in status["alarms"]:
        if alarm.startswith("flash: "):
            yield Finding(
                "flash.refuses", FAULT, f"The flash refuses to be written: {alarm[7:]}.",
                "Pull now; then replace the board.",
            )  # fmt: skip
    if status["bad_pages"]:
        yield Finding(
            "flash.bad-pages", WARNING,
            f"{status['bad_pages']} pages of the flash could not be written since the start.",
            "The node goes around them. Plan to replace the board when there are more.",
        )  # fmt: skip
    years = _years_left(facts)
    if years is not None and years < LEAST_YEARS:
        yield Finding(
            "flash.wear", WARNING,
            f"At this pace the log's flash reaches {CYCLES:,} erases in {years:.1f} years.",
            "Choose a longer interval or fewer channels.",
        )  # fmt: skip


def _years_left(facts: Facts) -> float | None:
    """From the erases so far and the pace of the newest pages."""
    if facts.board is None or facts.log is None or len(facts.index) < 3 or not facts.config:
        return None
    newest = facts.index[-1]
    before = facts.index[max(-len(facts.index), -6)]
    records = newest.first_record - before.first_record
    pages = facts.board.partition("log").size // 4096
    if records <= 0:
        return None
    page_s = records / (newest.page - before.page) * facts.config["interval_ms"] / 1000
    left = CYCLES - newest.page / pages
    return float(left * pages * page_s / YEAR_S)


def memory(facts: Facts) -> Iterator[Finding]:
    """Room in RAM, and samples that came late."""
    status = facts.status
    if not status:
        return
    if status["heap_free"] < LEAST_HEAP:
        yield Finding(
            "heap.low", WARNING, f"Only {status['heap_free']} bytes of memory are free.",
            "Use fewer channels or statistics.",
        )  # fmt: skip
    sampled = int(status["next_record"]) + int(status["overruns"])
    if status["overruns"] > max(2, LATE_SHARE * sampled):
        yield Finding(
            "loop.late", WARNING,
            f"{status['overruns']} samples were not taken because the node was too busy.",
            "Choose longer periods or fewer channels; `tirta status` shows which ones are late.",
        )  # fmt: skip
    if status["dropped_frames"] > NOISY_FRAMES:
        yield Finding(
            "line.noisy", WARNING,
            f"{status['dropped_frames']} frames from laptops arrived damaged.",
            "Use a shorter or better cable, away from pumps and their drives.",
        )  # fmt: skip
    if facts.watched_s and not facts.came:
        yield Finding(
            "sampling.stopped", FAULT,
            f"No new record came within {facts.watched_s:.0f} s, though one is due every"
            f" {status['interval_s']:g} s.",
            "Restart the node: switch it off and on. If it stays so, pull and replace the board.",
        )  # fmt: skip


def losses(facts: Facts) -> Iterator[Finding]:
    """What the log says is missing, and what is about to be."""
    if facts.log is None:
        return
    for reason, (name, why, then) in _LOSSES.items():
        lost = sum(
            e.fields["at_most"] for e in facts.log.events
            if e.kind == meta.LOSS and e.fields["reason"] == reason
        )  # fmt: skip
        if lost:
            yield Finding(name, FAULT, f"Up to {lost} records are lost because {why}.", then)
    damaged = [v for v in facts.log.verdicts if v.problems]
    if damaged:
        yield Finding(
            "log.damage", FAULT,
            f"{len(damaged)} of the newest {len(facts.log.verdicts)} pages of the log are damaged.",
            "Pull now: what can be read is kept. Replace the board when this repeats.",
        )  # fmt: skip
    yield from _waiting(facts)


def _waiting(facts: Facts) -> Iterator[Finding]:
    """Records that no laptop has."""
    if not facts.log or not facts.config:
        return
    checkpoints = [e.fields["pulled"] for e in facts.log.events if e.kind == meta.CHECKPOINT]
    pulled = max(checkpoints, default=0)
    interval_s = facts.config["interval_ms"] / 1000
    end, oldest = int(facts.status["next_record"]), int(facts.status["oldest_record"])
    waiting_s = (end - max(pulled, oldest)) * interval_s
    used = float(facts.status["log_used"])
    room_s = (end - oldest) * interval_s * (1 / used - 1) if used > 0 else float("inf")
    if pulled <= oldest and used > 0.5:
        left_s = room_s
    elif used > 0.5:
        left_s = room_s + (pulled - oldest) * interval_s
    else:
        left_s = float("inf")
    if left_s < SOON_S:
        yield Finding(
            "pull.urgent", FAULT,
            f"Records that no laptop has will be overwritten in {duration(left_s)}.",
            f"Pull now: `tirta pull {facts.port}`.",
        )  # fmt: skip
    elif waiting_s > LONG_S:
        yield Finding(
            "pull.long-ago", WARNING,
            f"No laptop has the records of the last {duration(waiting_s)}.",
            f"Pull: `tirta pull {facts.port}`.",
        )  # fmt: skip


def alarms(facts: Facts) -> Iterator[Finding]:
    """What the node itself raised."""
    for alarm in facts.status.get("alarms", ()):
        if not alarm.startswith(("config: ", "flash: ")):
            yield Finding(
                "alarm", WARNING, f"The node raised an alarm: {alarm}.",
                "Look at the values around it: `tirta monitor`, or pull and draw them.",
            )  # fmt: skip


RULES = (config, clock, restarts, flash, memory, losses, alarms)

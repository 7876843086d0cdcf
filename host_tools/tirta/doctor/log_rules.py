# SPDX-License-Identifier: MIT
"""What the newest pages of a node's log tell: why it started, what is lost, what soon will be."""

from collections.abc import Iterator

from tirta.doctor.facts import NodeFacts
from tirta.doctor.finding import FAULT, WARNING, Finding
from tirta.text import counted, duration
from tirta_format import meta

MANY_CUTS = 3
SOON_S = 14 * 86_400  # before a laptop must come
LONG_S = 90 * 86_400
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


def restarts(facts: NodeFacts) -> Iterator[Finding]:
    """Tell why it started, as the newest pages of its log tell it."""
    if facts.log is None:
        return
    boots = [e.fields["cause"] for e in facts.log.events if e.kind == meta.BOOT]
    for cause, name, what, then in (
        (6, "power.brown-out", "the supply voltage broke down", _SUPPLY),
        (3, "restart.watchdog", "the program hung and its watchdog reset it", _HUNG),
    ):  # fmt: skip
        count = boots.count(cause)
        if count:
            yield Finding(
                name, FAULT, f"The node restarted {counted(count, 'time')} because {what}.", then
            )
    cuts = [
        e for e in facts.log.events
        if e.kind == meta.LOSS and e.fields["reason"] == meta.LOSS_POWER
    ]  # fmt: skip
    others = sum(cause in {3, 6} for cause in boots)
    if len(cuts) - others >= MANY_CUTS:
        yield Finding(
            "power.cuts", WARNING,
            f"The power failed {counted(len(cuts), 'time')} in the newest pages of the log.",
            "Look at plug, fuse and battery. No acknowledged record is lost, but each cut takes"
            " up to one commit interval.",
        )  # fmt: skip


def losses(facts: NodeFacts) -> Iterator[Finding]:
    """Tell what the log says is missing, and what is about to be."""
    if facts.log is None:
        return
    for reason, (name, why, then) in _LOSSES.items():
        lost = sum(
            e.fields["at_most"] for e in facts.log.events
            if e.kind == meta.LOSS and e.fields["reason"] == reason
        )  # fmt: skip
        if lost:
            yield Finding(
                name, FAULT, f"Lost because {why}: at most {counted(lost, 'record')}.", then
            )
    torn = [
        e for e in facts.log.events
        if e.kind == meta.LOSS and e.fields["reason"] == meta.LOSS_TORN
    ]  # fmt: skip
    if torn:
        most = sum(e.fields["at_most"] for e in torn)
        yield Finding(
            "log.torn", WARNING,
            f"A start found the end of the log torn, by a power cut or by damage: at most"
            f" {counted(most, 'record')} lost.",
            "Pull: what is missing shows as holes. Replace the board when it repeats without power"
            " cuts.",
        )  # fmt: skip
    # A page from before the last config is whole: only its text is in a page that was not read. One
    # that tells itself where it was torn is no news.
    told = {e.page for e in torn}
    damaged = [v for v in facts.log.verdicts if v.damaged and v.page not in told]
    if damaged:
        yield Finding(
            "log.damage", FAULT,
            f"{len(damaged)} of the newest {len(facts.log.verdicts)} pages of the log are damaged.",
            "Pull now: what can be read is kept. Replace the board when this repeats.",
        )  # fmt: skip
    yield from _waiting(facts)


def _waiting(facts: NodeFacts) -> Iterator[Finding]:
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

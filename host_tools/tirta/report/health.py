# SPDX-License-Identifier: MIT
"""How a node is, from its records and events, as the engineer's page says it."""

from dataclasses import dataclass

import numpy as np

from tirta.district.meter_health import Fault, Trouble
from tirta.district.node_figures import NodeFigures
from tirta.district.reading import NodeEvent
from tirta.report.language import Language
from tirta.report.words import unit
from tirta.text import clean
from tirta_format import meta

DASH = "–"
_MOST_NOTES = 5


@dataclass(frozen=True)
class Health:
    """How a node is, in words."""

    title: str
    node: str
    share: str
    holes: str
    restarts: str
    clock: str
    doubted: str
    notes: list[str]
    signals: list[str]


def health(node: NodeFigures, words: Language) -> Health:
    """Judge how a node is, from its records and events."""
    data = node.data
    notes = []
    if data.undated:
        notes.append(
            words.plural(
                "%(num)s record without a time: the clock was not set then.",
                "%(num)s records without a time: the clock was not set then.",
                data.undated,
            )
        )
    if data.impossible:
        notes.append(
            words.plural(
                "%(num)s value with an impossible time is ignored.",
                "%(num)s values with an impossible time are ignored.",
                data.impossible,
            )
        )
    if data.ahead:
        notes.append(
            words.plural(
                "%(num)s value is dated in the future: this node's clock, or that of the computer"
                " that made this page, is wrong.",
                "%(num)s values are dated in the future: this node's clock, or that of the computer"
                " that made this page, is wrong.",
                data.ahead,
            )
        )
    if data.other_unit:
        notes.append(
            words.plural(
                "%(num)s value in another unit is left out of the figures.",
                "%(num)s values in another unit are left out of the figures.",
                data.other_unit,
            )
        )
    if data.misdated_m3:
        notes.append(
            words.text(
                "%(volume)s m³ were measured at no time that can be, and are in no figure.",
                volume=words.significant(data.misdated_m3),
            )
        )
    notes += [_sick(signal.channel, fault, words) for signal, fault in node.faults]
    told = [_event(e, words) for e in data.events if e.kind in {"loss", "alarm"}]
    notes += told[:_MOST_NOTES]
    if more := len(told[_MOST_NOTES:]):
        notes.append(words.plural("and %(num)s more event", "and %(num)s more events", more))
    doubted = sum(int(np.isin(s.flag, (3, 4)).sum()) for s in data.signals.values())
    longest = max((h.end_s - h.start_s for h in node.holes), default=0.0)
    holes = words.number(len(node.holes), 0)
    if longest:
        holes += " · " + words.text("longest %(time)s", time=words.duration(longest))
    clock = DASH if np.isnan(data.synchronised) else words.percent(data.synchronised, 0)
    return Health(
        node.title,
        data.node,
        words.percent(node.completeness),
        holes,
        words.number(node.count("boot"), 0),
        clock,
        words.number(doubted, 0),
        notes,
        [f"{data.node}/{name}" for name in data.signals],
    )


def _sick(channel: str, fault: Fault, words: Language) -> str:
    """What is wrong with a meter, since when, and that its flow is in no figure."""
    what = {
        Trouble.STUCK: words.text("it stands still"),
        Trouble.IMPOSSIBLE: words.text("more flow than it can pass"),
        Trouble.DOUBLED: words.text("each pulse counts twice: its contact bounces"),
        Trouble.REVERSED: words.text("more runs backwards than forwards"),
        Trouble.STEPPED: words.text(
            "%(times)s times its flow of before, by day and by night: its pulse weight or a valve"
            " was changed",
            times=words.significant(fault.value),
        ),
    }[fault.trouble]
    return words.text(
        "%(time)s: meter %(channel)s is not believed for %(length)s: %(what)s.",
        time=words.time(fault.start_s),
        channel=channel,
        length=words.duration(fault.end_s - fault.start_s),
        what=what,
    )


def _event(event: NodeEvent, words: Language) -> str:
    """A loss or an alarm, with its time where that is known."""
    text = _alarm(event, words) if event.kind == "alarm" else _loss(event, words)
    return text if event.time_s is None else f"{words.time(event.time_s)}: {text}"


def _alarm(event: NodeEvent, words: Language) -> str:
    name = event.fields.get("name")
    if name is None:
        return event.what
    if not event.fields.get("raised"):
        return words.text("Alarm %(name)s is over.", name=clean(name))
    if event.value is None:
        return words.text("Alarm %(name)s was raised.", name=clean(name))
    value = f"{words.significant(event.value)} {unit(event.unit)}".rstrip()
    return words.text(
        "Alarm %(name)s was raised: %(channel)s at %(value)s.",
        name=clean(name), channel=event.channel, value=value,
    )  # fmt: skip


def _loss(event: NodeEvent, words: Language) -> str:
    why = {
        meta.LOSS_POWER: words.text("a power cut"),
        meta.LOSS_UNATTENDED: words.text("nobody sampled"),
        meta.LOSS_RING: words.text("the memory was full"),
        meta.LOSS_FLASH: words.text("the flash failed"),
        meta.LOSS_OVERWRITTEN: words.text("overwritten before it was pulled"),
        meta.LOSS_TORN: words.text("the end of the log was torn or damaged"),
    }.get(event.fields.get("reason", 0))
    if why is None:
        return event.what
    most = event.fields.get("at_most")
    if not most and event.fields.get("reason") == meta.LOSS_TORN:
        return words.text("Records were lost, as told before: %(why)s.", why=why)
    if not most:
        return words.text("Records were lost, nobody knows how many: %(why)s.", why=why)
    return words.plural(
        "At most %(num)s record was lost: %(why)s.",
        "At most %(num)s records were lost: %(why)s.",
        most,
        why=why,
    )

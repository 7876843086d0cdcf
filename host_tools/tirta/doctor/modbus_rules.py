# SPDX-License-Identifier: MIT
"""Modbus slaves that are silent, those that answer without what is asked for, and late ones."""

from collections.abc import Iterator

from tirta.doctor.facts import NodeFacts
from tirta.doctor.finding import FAULT, WARNING, Finding
from tirta.doctor.sensor_rules import ChannelSamples, channels

ASKED_WITHIN_S = 70  # a silent slave: the pause of firmware/tirta_node/sensors/modbus.py, and 10 s

FEW = 5  # late answers that a start or a visit may cause
LATE_SHARE = 0.001


def slaves(facts: NodeFacts) -> Iterator[Finding]:
    """Yield one finding for a slave of which nothing comes, else one for each value that does
    not.
    """
    by_slave: dict[int, list[ChannelSamples]] = {}
    for channel in channels(facts):
        if channel.column.sensor == "modbus":
            by_slave.setdefault(channel.column.channel["slave"], []).append(channel)
    for slave, members in sorted(by_slave.items()):
        gone = [channel.name for channel in members if channel.gone]
        if len(gone) == len(members):
            yield Finding(
                "sensor.silent", FAULT,
                f"Modbus slave {slave} is silent: no value of {', '.join(gone)}.",
                "Check A and B, the address, baud rate and parity, and the device's supply. The"
                f" node asks a silent slave ever more rarely: wait {ASKED_WITHIN_S} s after a"
                " repair.",
                gone[0],
            )  # fmt: skip
            continue
        for name in gone:
            yield Finding(
                "sensor.register", FAULT,
                f"{name} has no value, though Modbus slave {slave} answers.",
                "Compare its register, table, type and order in the config with the device's"
                " manual.",
                name,
            )  # fmt: skip


def late(facts: NodeFacts) -> Iterator[Finding]:
    """Tell of answers that came when nobody waited for them, or that may be another register's."""
    counts = facts.status.get("modbus")
    if not counts:
        return
    answers, _, _, late, unsure = counts[:5]
    if late + unsure > max(FEW, LATE_SHARE * answers):
        yield Finding(
            "modbus.late", WARNING,
            f"Of {answers} Modbus answers {late} came late, and {unsure} may be another register's:"
            " these are suspect in the records, none is lost or taken for good.",
            "Set `timeout_ms` of [bus.modbus] above what the gateway or slave takes, and poll it"
            " less often.",
        )  # fmt: skip


RULES = (slaves, late)

# SPDX-License-Identifier: MIT
"""Sets the pulse counters of a config up. Called first of all at a start, before the log is looked
through: what comes from then on is in the first record. Nothing of it stays in RAM.
"""

from micropython import const

from tirta_format import kinds
from tirta_node.hal import inputs

QUICK_TURN = const(32000)  # at which a counter begins anew that is read every second or faster
TURN = const(30000)
QUICK_MS = const(1000)
_MOST_ML_S = const(2000000)  # 2 m3/s: a pipe of a metre at 2.5 m/s, no district has more
_MOST_HZ = const(6000)  # times a day in seconds it is below 2^29


def begin(config):
    """Every counter of a checked config; sensors.make takes them up."""
    for channel in config["channels"]:
        if channel["sensor"] == "pulse":
            channel["begun"] = counter(channel, channel.get("period_ms", config["interval_ms"]))


def counter(channel, period_ms):
    """The counter of a channel, at 0."""
    gpio = channel["pin"]
    if "settle_ms" in channel:
        return _contact(channel)
    if channel["counter"] < 0:
        return inputs.edges(gpio)
    where = channel["counter"], gpio, channel["filter_ns"]
    if "reverse" in channel or "max_hz" in channel:
        return inputs.unit(*where, turn=TURN, reverse=channel.get("reverse"))
    if period_ms < QUICK_MS:  # far fewer than half a turn come between two samples
        return inputs.unit(*where, turn=QUICK_TURN)
    return inputs.counter(*where)


def most_hz(channel):
    """Pulses a second that the meter of this channel cannot exceed."""
    if "max_hz" in channel:
        return channel["max_hz"]
    if "settle_ms" in channel:
        return max(1, kinds.SETTLED_HZ // channel["settle_ms"])
    return max(1, min(_MOST_ML_S // channel["ml"], _MOST_HZ))


def _contact(channel):
    from tirta_node.sensors.contact import Contact

    unit, gpio = channel["counter"], channel["pin"]
    level = inputs.level(gpio)
    if unit < 0:
        edges = inputs.every_edge(gpio)
    else:
        edges = inputs.unit(unit, gpio, channel["filter_ns"], turn=TURN)
    return Contact(edges, level, channel["settle_ms"])

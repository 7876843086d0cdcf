# SPDX-License-Identifier: MIT
"""What a record holds: its columns, made from the channels of a config (FORMAT.md section 8.1).

A *channel* is sampled every period; a *column* is one value of a record. Each channel has one, and
more where its config asks for statistics or for what the sensor read.
"""

MAX_COLUMNS = 32
MAX_NAME = 16
VALUE = "value"  # the last sample of a level, the sum of increments
RAW = "raw"
STATISTICS = ("mean", "min", "max", "last", "count", "std")
MOST_STATISTICS = 6
# Kinds of sensors of which a sample is an increment: a record holds the sum of its samples. (Here
# and not in kinds.py, which takes 5 KB of RAM that a start has not got.)
COUNTING = ("pulse",)


def columns(channels):
    """[(name, index of its channel, VALUE, RAW or a statistic)] in the order of the record."""
    found = []
    for i, channel in enumerate(channels):
        name = channel["name"]
        asked = list(channel.get("stats", ()))
        if channel["sensor"] in COUNTING or not asked:
            found.append((name, i, VALUE))
        else:
            found.append((name, i, asked.pop(0)))
        found += [(name + "_" + what, i, what) for what in asked]
        if channel.get("raw"):
            found.append((name + "_raw", i, RAW))
    return found


def period_ms(channel, interval_ms):
    """Milliseconds between two samples of a channel."""
    return channel.get("period_ms", interval_ms)


def samples_due(slot, period_ms, interval_ms):
    """How many samples belong to the record of this slot: 0 = the channel was not due."""
    return (slot + 1) * interval_ms // period_ms - slot * interval_ms // period_ms

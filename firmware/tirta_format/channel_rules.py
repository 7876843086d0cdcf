# SPDX-License-Identifier: MIT
"""What is wrong between the keys of a channel, and between channels: what a record has room and
time for. What is wrong with a key alone finds config.py.
"""

from tirta_format import columns, kinds
from tirta_format.kinds import LIMIT

MAX_SAMPLES = 16384  # of a channel with statistics in one record: their sums stay below 2^30
MAX_FLAT = 240  # samples that a flat line is looked for in
MAX_FLAT_SUM = 1000  # of all channels: each is a word of RAM


def check(config, wrong):
    """Add it to `wrong`, which has what is wrong with each key alone: channels with such keys are
    passed over.
    """
    channels, interval_ms = config["channels"], config.get("interval_ms", 60000)
    for i, channel in enumerate(channels):
        where = "channels[%d]" % i
        if not _is_wrong(where, wrong):
            _between(channel, where, wrong)
    if not _is_wrong("channels[", wrong) and isinstance(interval_ms, int):
        _columns(channels, interval_ms, wrong)


def _is_wrong(where, wrong):
    return any(place.startswith(where) for place, _ in wrong)


def _between(channel, where, wrong):
    _lists(channel, where, wrong)
    problem = kinds.check(channel)
    if problem:
        wrong.append((where + "." + problem[0], problem[1]))


def _columns(channels, interval_ms, wrong):
    """What no channel shows alone: the columns of a record, and what a record has time for."""
    owners = {}
    found = columns.columns(channels)
    for name, i, what in found:
        key = what if what == columns.RAW else "name" if what == columns.VALUE else "stats"
        where = "channels[%d].%s" % (i, key)
        if len(name) > columns.MAX_NAME:
            wrong.append((where, "makes a column %s of more than 16 letters" % name))
        elif name in owners:
            wrong.append((where, "makes a second column %s" % name))
        owners[name] = i
    if len(found) > columns.MAX_COLUMNS:
        where = "channels[%d]" % found[columns.MAX_COLUMNS][1]
        wrong.append((where, "makes more than 32 columns: RAM has no room for a longer record"))
    flat = 0
    for i, channel in enumerate(channels):
        where = "channels[%d]." % i
        period_ms = columns.period_ms(channel, interval_ms)
        least_ms = kinds.least_ms(channel)
        if period_ms < least_ms:
            key = where + "period_ms" if "period_ms" in channel else "interval_ms"
            wrong.append((key, "%s needs %d ms or more" % (channel["sensor"], least_ms)))
        most = channel.get("max_hz", kinds.PLAIN_HZ) * interval_ms // 1000
        if channel["sensor"] in columns.COUNTING and most > LIMIT // 2:
            key = "max_hz" if "max_hz" in channel else "sensor"
            what = "may be %d pulses in a record, which holds %d: shorten the interval"
            wrong.append((where + key, what % (most, LIMIT // 2)))
        if "stats" in channel and not interval_ms // MAX_SAMPLES < period_ms < interval_ms:
            what = "needs a period below the record's interval, and above 1/%d of it" % MAX_SAMPLES
            wrong.append((where + "stats", what))
        if "qc_spike" in channel and channel["sensor"] in columns.COUNTING:
            wrong.append((where + "qc_spike", "is not for counts: the last sample would wait"))
        elif "qc_spike" in channel and period_ms * 2 > interval_ms:
            what = "needs a period of half the record's interval or less: it judges a sample late"
            wrong.append((where + "qc_spike", what))
        flat += channel.get("qc_flat", (0, 0, 0))[2]
        if flat > MAX_FLAT_SUM:
            what = "looks back too far: with the channels before it more than %d samples"
            wrong.append((where + "qc_flat", what % MAX_FLAT_SUM))
            flat = 0


def _lists(channel, where, wrong):
    for key in ("qc_fail", "qc_suspect", "qc_spike", "qc_flat"):
        value = channel.get(key, ())
        for number in value:
            if isinstance(number, bool) or not isinstance(number, int) or abs(number) > LIMIT:
                wrong.append((where + "." + key, "must be whole numbers up to %d" % LIMIT))
                return
        if value and value[-2] > value[-1]:
            wrong.append((where + "." + key, "must not go down"))
    flat = channel.get("qc_flat")
    if flat and not 2 <= flat[1] <= flat[2] <= MAX_FLAT:
        wrong.append((where + ".qc_flat", "must be 2 to %d samples" % MAX_FLAT))
    asked = channel.get("stats", ())
    for i, what in enumerate(asked):
        if what not in columns.STATISTICS or what in asked[:i]:
            known = ", ".join(columns.STATISTICS)
            wrong.append((where + ".stats", "must be different ones of " + known))
            return

# SPDX-License-Identifier: MIT
"""Makes the alarms of a config. Called by `unload` at a start, for configs that name some."""

import struct
from binascii import crc32

from tirta_format import alarm_log, alarm_rules, columns, kinds
from tirta_node import unload
from tirta_node.alarms.alarms import Alarm, Alarms
from tirta_node.hal import chip, contacts

_VERSION = 2  # of what nights teach
NIGHTS = 21  # tag of the state: CRC-32 of the alarms, then what their nights taught


def begin(node):
    """The Alarms of a node whose sampler is made."""
    asked = node.config.pop("alarms")
    pin = node.config.get("alarm_pin")
    output = None if pin is None else contacts.output(pin)
    found = [_make(node, alarm) for alarm in asked]
    whose = crc32(repr([sorted(alarm.items()) for alarm in asked]).encode(), _VERSION)
    tag = NIGHTS, whose.to_bytes(4, "little")
    kept = unload.call("tirta_node.state.copies", "load", chip.partition("state")).get(NIGHTS, b"")
    if kept[:4] == tag[1]:
        _restore(found, memoryview(kept)[4:])
    made = Alarms(node, found, output, tag)
    if any(alarm.kind >= alarm_log.STUCK for alarm in found):
        from tirta_node.alarms import meter

        made.is_sick = meter.is_sick
    return made


def _make(node, alarm):
    for key, rule in alarm_rules.RULES.items():
        if rule[3] is not kinds.OMIT:
            alarm.setdefault(key, rule[3])
    channels, interval_ms = node.config["channels"], node.config["interval_ms"]
    places = {}
    for i, (name, channel, _) in enumerate(columns.columns(channels)):
        period_ms = columns.period_ms(channels[channel], interval_ms)
        places[name] = i, max(period_ms, interval_ms)  # ms between two values
    kind = alarm_log.KINDS.index(alarm["kind"])
    source = None
    if kind == alarm_log.TAMPER:
        source = contacts.contact(alarm["pin"])
    elif kind > alarm_log.TAMPER:
        counting = [c["name"] for c in channels if c["sensor"] in columns.COUNTING]
        flow, pressure = places[alarm["column"]], places.get(alarm.get("pressure"))
        args = flow, alarm["column"] in counting, pressure
        if kind == alarm_log.BURST:
            from tirta_node.alarms import burst, night_hours

            judge = burst.Burst(alarm["to_h"] - alarm["from_h"], alarm["limit"])
            source = night_hours.Hours(alarm, judge, *args)
        elif kind == alarm_log.NIGHT:
            from tirta_node.alarms import night

            source = night.Night(alarm, *args)
        else:
            from tirta_node.alarms import meter

            makers = meter.Stuck, meter.Doubled, meter.Reversed
            source = makers[kind - alarm_log.STUCK](alarm, *args)
    cell = places[alarm["column"]][0] if "column" in alarm else 0
    delay = 0 if kind == alarm_log.STUCK else alarm["delay_ms"] // interval_ms
    made = Alarm(alarm["name"], kind, cell, delay, source)
    made.limit = alarm.get("limit", 0)
    sign = -1 if kind == alarm_log.ABOVE else 1
    made.back = made.limit + sign * alarm["hysteresis"]
    return made


def _restore(found, kept):
    at = 0
    for alarm in found:
        if alarm_log.TAMPER < alarm.kind < alarm_log.STUCK:
            words = alarm.source.words
            n = 4 * len(words)
            if at + n <= len(kept):
                for i, word in enumerate(struct.unpack("<%di" % len(words), kept[at : at + n])):
                    words[i] = word
                alarm.source.on = alarm.on = bool(words[0])
            at += n

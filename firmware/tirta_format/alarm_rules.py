# SPDX-License-Identifier: MIT
"""The alarms of a config: their keys, and what is wrong with them. For configs that have any.

Rules as in kinds.py. Limits are in the column's value times scale; those of a `burst` and a `night`
are summed over an hour where the channel counts. `delay_ms` of a `stuck` is how long a meter may
stand still, a day when left out.
"""

from tirta_format import alarm_log, columns, kinds

MAX_ALARMS = 16
_MOST_MS = 86400000
_MOST_DAYS = 36525
_LIMIT = (int, -kinds.LIMIT, kinds.LIMIT, kinds.OMIT)
_TEXT = (str, 1, columns.MAX_NAME, kinds.OMIT)
RULES = {
    "column": _TEXT,  # of the record; not of a tamper alarm
    "delay_ms": (int, 0, _MOST_MS, 0),
    "from_h": (int, 0, 23, 0),  # the night, local time
    "holidays": (list, 2, 64, kinds.OMIT),  # of nights: first and last day in turn, from 2020 on
    "hysteresis": (int, 0, kinds.LIMIT, 0),
    "kind": (str, 1, 8, None),
    "least": _LIMIT,  # of `pressure`: below it, and for three hours after, flow is no demand
    "limit": _LIMIT,
    "limits": (list, 3, 3, kinds.OMIT),  # of a night on Saturdays, Sundays and holidays
    "name": (str, 1, columns.MAX_NAME, None),
    "pin": (int, 0, kinds.MAX_GPIO, kinds.OMIT),
    "pressure": _TEXT,
    "to_h": (int, 1, 24, 5),
    "utc_min": (int, -720, 840, 420),
}
_NEEDS = {"above": "limit", "below": "limit", "burst": "limit", "night": "limit", "tamper": "pin"}


def check(config, wrong):
    """Add what is wrong with the alarms to `wrong`; all else is right."""
    channels, interval_ms = config["channels"], config.get("interval_ms", 60000)
    known = {name: i for name, i, _ in columns.columns(channels)}
    names = []
    for i, alarm in enumerate(config["alarms"]):
        where = "alarms[%d]" % i
        if not isinstance(alarm, dict):
            wrong.append((where, "must be an object"))
            continue
        before = len(wrong)
        kinds.check_keys(alarm, RULES, where + ".", wrong)
        if len(wrong) > before:
            continue
        kind = alarm["kind"]
        if kind not in alarm_log.KINDS:
            wrong.append((where + ".kind", "must be one of " + ", ".join(alarm_log.KINDS)))
            continue
        if alarm["name"] in names:
            wrong.append((where + ".name", "is the name of another alarm"))
        names.append(alarm["name"])
        need = _NEEDS.get(kind)
        if need and need not in alarm:
            wrong.append((where + "." + need, "is missing"))
        if kind != "tamper" and alarm.get("column") not in known:
            wrong.append((where + ".column", "must be the name of a column of the record"))
        if alarm.get("from_h", 0) >= alarm.get("to_h", 5):
            wrong.append((where + ".to_h", "must be behind from_h"))
        if "pressure" in alarm and ("least" not in alarm or alarm["pressure"] not in known):
            wrong.append((where + ".pressure", "must be a column of the record, and needs least"))
        _check_lists(alarm, where, wrong)
        if kind in ("doubled", "reversed") and alarm.get("column") in known:
            _check_meter(alarm, channels[known[alarm["column"]]], where + ".kind", wrong)
        if kind in ("burst", "night") and interval_ms > 3600000 // 4:
            wrong.append((where + ".kind", "needs four records an hour or more"))


def _check_lists(alarm, where, wrong):
    days = alarm.get("holidays", ())
    if not all(type(day) is int and 0 <= day < _MOST_DAYS for day in days) or len(days) % 2:
        wrong.append((where + ".holidays", "must be pairs of days, counted from 2020"))
    elif any(days[i] > days[i + 1] for i in range(0, len(days), 2)):
        wrong.append((where + ".holidays", "must not end before they begin"))
    for limit in alarm.get("limits", ()):
        if type(limit) is not int or abs(limit) > kinds.LIMIT:
            wrong.append((where + ".limits", "must be whole numbers up to %d" % kinds.LIMIT))


def _check_meter(alarm, channel, where, wrong):
    counts = channel["sensor"] in columns.COUNTING and alarm["column"] == channel["name"]
    if alarm["kind"] == "doubled" and not counts:
        wrong.append((where, "is for counts of a pulse meter"))
    if alarm["kind"] == "reversed" and counts and "reverse" not in channel:
        wrong.append((where, "needs a meter that tells which way it runs"))

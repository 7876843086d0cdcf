# SPDX-License-Identifier: MIT
"""The config as a node keeps it (FORMAT.md section 8): JSON text, its hash, and its rules.

The laptop writes TOML for people and sends this; the node checks it again. The rules of each kind
of sensor are in kinds.py.
"""

import json

from tirta_format import columns, kinds
from tirta_format.kinds import LIMIT, OMIT, SENSORS

MAX_BYTES = 8000
_MOST_NESTED = 500  # brackets: no config that can be used has so many
MAX_CHANNELS = 32
MAX_INTERVAL_MS = 86400000

_TEXT = str
_INT = int

# Rules as in kinds.py.
NODE = {
    "alarm_pin": (_INT, 0, kinds.MAX_GPIO, OMIT),
    "alarms": (list, 1, 16, OMIT),
    "board": (_TEXT, 1, 32, None),
    "channels": (list, 1, MAX_CHANNELS, None),
    "clock": (_TEXT, 1, 16, OMIT),
    "commit_ms": (_INT, 1000, 3600000, 60000),
    "interval_ms": (_INT, kinds.LEAST_MS, MAX_INTERVAL_MS, 60000),
    "name": (_TEXT, 0, 32, ""),
    "version": (_INT, 1, 1, 1),
    "visit_s": (_INT, 5, 86400, 1800),
}
CHANNEL = {
    "name": (_TEXT, 1, columns.MAX_NAME, None),
    "period_ms": (_INT, kinds.LEAST_MS, MAX_INTERVAL_MS, OMIT),
    "qc_fail": (list, 2, 2, OMIT),  # gross range: least, most
    "qc_flat": (list, 3, 3, OMIT),  # tolerance, samples until suspect, samples until fail
    "qc_rate": (_INT, 0, LIMIT, OMIT),  # most that two samples may differ by
    "qc_spike": (list, 2, 2, OMIT),  # distance from the mean of both neighbours: suspect, fail
    "qc_suspect": (list, 2, 2, OMIT),
    "scale": (_INT, 1, 1000000, 1),
    "sensor": (_TEXT, 1, 16, None),
    "stats": (list, 1, columns.MOST_STATISTICS, OMIT),
    "unit": (_TEXT, 0, 16, ""),
}
# Texts as in kinds.py.
BUSES = {
    # of the board, where the uplink goes by it; out: the chip gives the clock
    "ethernet": (
        "address i 0 31;clock i 0 48;mdc i 0 48;mdio i 0 48;out i 0 1 0;phy t 1 16;power i 0 48 ?;"
    ),
    "i2c": "freq i 10000 400000 100000;scl i 0 48;sda i 0 48;",
    # parity: 0 none, 1 even, 2 odd; `de` drives the transceiver, where it does not do so itself
    "modbus": (
        "baud i 1200 115200 9600;de i 0 48 ?;parity i 0 2 0;retries i 0 5 2;rx i 0 48;"
        "stop i 1 2 1;timeout_ms i 20 5000 300;tx i 0 48;"
    ),
    "sdi12": "pin i 0 48;",
    # account: at the broker, the node's id when left out; kb_h: backfill an hour, 0: as it comes
    "uplink": (
        "account t 1 32 ?;broker t 1 64;kb_h i 0 65535 0;port i 1 65535 1883;"
        "push_s i 10 43200 3600;ssid t 1 32 ?;"
    ),
}
NODE.update(dict.fromkeys(BUSES, (dict, 0, 0, OMIT)))


def config_hash(text):
    """As tirta_format/state.py has it."""
    from tirta_format import state

    return state.config_hash(text)


def check(config):
    """What is wrong with a parsed config: a list of (where, what), empty when it can be used. A
    node, whose RAM has no room for all rules at once, asks for one part after the other
    (tirta_node/state/config_rules.py).
    """
    wrong = check_keys(config)
    if isinstance(config, dict) and isinstance(config.get("channels"), list):
        from tirta_format import channel_rules

        channel_rules.check(config, wrong)
    if not wrong:
        from tirta_format import wiring

        wiring.check(config, wrong)
    if not wrong and "alarms" in config:
        from tirta_format import alarm_rules

        alarm_rules.check(config, wrong)
    return wrong


def check_keys(config):
    """What is wrong with each key alone."""
    if not isinstance(config, dict):
        return [("", "must be an object")]
    wrong = []
    kinds.check_keys(config, NODE, "", wrong)
    channels = config.get("channels")
    if not isinstance(channels, list):
        return wrong
    for bus in sorted(BUSES):  # MicroPython keeps no order of a dict
        if isinstance(config.get(bus), dict):
            kinds.check_keys(config[bus], kinds.rules_in(BUSES[bus]), bus + ".", wrong)
    names = {}
    for i, channel in enumerate(channels):
        where = "channels[%d]" % i
        if not isinstance(channel, dict):
            wrong.append((where, "must be an object"))
            continue
        _check_channel(channel, where, wrong)
        name = channel.get("name")
        if isinstance(name, str) and name in names:
            wrong.append((where + ".name", "name %s is already used by %s" % (name, names[name])))
        elif isinstance(name, str):
            names[name] = where
    return wrong


def _check_channel(channel, where, wrong):
    kind = channel.get("sensor")
    if not isinstance(kind, str) or kind not in SENSORS:
        wrong.append((where + ".sensor", "must be one of " + ", ".join(sorted(SENSORS))))
        return
    rules = dict(CHANNEL)
    rules.update(kinds.rules(kind))
    kinds.check_keys(channel, rules, where + ".", wrong)


def parse(text):
    """The config in `text` (bytes), with defaults. Raises ValueError that says what is wrong."""
    return _parsed(text, check)


def parse_keys(text):
    """The same by the rules of `check_keys`."""
    return _parsed(text, check_keys)


def _parsed(text, check_with):
    if len(text) > MAX_BYTES:
        raise ValueError("config is longer than %d bytes" % MAX_BYTES)
    try:
        config = json.loads(text)
    except (RuntimeError, MemoryError):  # CPython's reader recurses; MicroPython's takes heap
        if text.count(b"[") + text.count(b"{") < _MOST_NESTED:
            raise  # there is no room for any
        raise ValueError("config is nested too deep")
    wrong = check_with(config)
    if wrong:
        raise ValueError("%s: %s" % wrong[0])
    _set_defaults(config, NODE)
    for name, rules in BUSES.items():
        if name in config:
            _set_defaults(config[name], kinds.rules_in(rules))
    for channel in config["channels"]:
        _set_defaults(channel, CHANNEL)
        _set_defaults(channel, kinds.rules(channel["sensor"]))
    return config


def _set_defaults(table, rules):
    for key, rule in rules.items():
        if rule[3] is not OMIT:
            table.setdefault(key, rule[3])

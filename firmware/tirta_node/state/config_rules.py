# SPDX-License-Identifier: MIT
"""The rules of a config, a part at a time: RAM has no room for all of them beside sensors.
Called by `unload`.
"""

from tirta_node import unload

_CONFIG = "tirta_format.config"


def parse(text):
    """The config in `text`, as tirta_format/config.py has it. Raises ValueError."""
    made = unload.call(_CONFIG, "parse_keys", text)
    wrong = _more(made)
    if wrong:
        raise ValueError("%s: %s" % wrong[0])
    return made


def check(config):
    """What is wrong with a config: (where, what) each."""
    return unload.call(_CONFIG, "check_keys", config) or _more(config)


def _more(config):
    wrong = []
    unload.call("tirta_format.channel_rules", "check", config, wrong)
    if not wrong:
        unload.call("tirta_format.wiring", "check", config, wrong)
    if not wrong and "alarms" in config:
        unload.call("tirta_format.alarm_rules", "check", config, wrong)
    return wrong

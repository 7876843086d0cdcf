# SPDX-License-Identifier: MIT
"""Which config a boot runs with. Called by `unload`, at every start: a name that is used here stays
in RAM, so what a trial needs is in `config_trial`.
"""

from micropython import const

from tirta_format import state
from tirta_node.hal import chip
from tirta_node.state import copies

_MODE, _UPDATE, _OUTCOME = const(2), const(10), const(12)  # of tirta_format.state
_TRIAL = const(16)  # the first of the three tags that `config_trial` knows
_CALIBRATIONS = const(20)


def _is_plain(channel):
    from tirta_format import kinds

    return channel["sensor"] in kinds.PLAIN


def _is_marked():
    from tirta_node.hal import mark

    return mark.is_set()


def begin(node):
    """The config of this boot, checked and with defaults, and how many `columns` it makes;
    `node.config_problem` says what is wrong, `node.locked` who may talk to the node, `node.proves`
    that a new application runs or ran. Without a usable config the node samples nothing.
    """
    flash = chip.partition("state")
    in_force, _, fields = copies.newest(flash)
    text = fields.get(state.CONFIG, b"")
    node.locked = fields.get(_MODE) == b"locked" or _is_marked()
    # Most starts tell of no update: no need to load all this once more beside the sensors.
    node.proves = _OUTCOME in fields or fields.get(_UPDATE, b"")[:1] == node.slot
    node.config_problem = copies.damage(flash, in_force)
    for tag in fields:
        if _TRIAL <= tag < _TRIAL + 3:
            from tirta_node.state import config_trial

            text = config_trial.choose(node, flash, fields)
            break
    if text:
        from tirta_format import config  # not beside a self-test, which needs the room

        try:
            made = config.parse(text)
        except ValueError as error:
            node.config_problem = str(error)
        else:
            if _CALIBRATIONS in fields or not all(_is_plain(c) for c in made["channels"]):
                from tirta_format import calibration

                calibration.overlay(made, fields)
            from tirta_format import columns

            made["columns"] = len(columns.columns(made["channels"]))
            return made
    elif not node.config_problem:
        node.config_problem = "none yet: tirta config apply"
    return {
        "channels": [], "columns": 1, "interval_ms": 60000, "commit_ms": 60000, "visit_s": 1800,
    }  # fmt: skip

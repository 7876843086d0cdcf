# SPDX-License-Identifier: MIT
"""The end of a config's trial. Apart from config_trial.py: it stays in RAM as long as a trial."""

from tirta_format import meta
from tirta_node.hal import one_shot
from tirta_node.line.console import RESTART


def watch(node):
    """Wait for a laptop to confirm. Not confirmed in time, the node leaves in order."""

    def over(timer):
        node.trial_over = True
        node.dispatcher.wish = RESTART
        node.stop_reason = meta.STOP_CONFIG

    one_shot.after(node.trial_s, over)

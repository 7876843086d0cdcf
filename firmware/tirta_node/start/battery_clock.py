# SPDX-License-Identifier: MIT
"""The clock with a battery that a config names: asked at a start, told when a laptop sets the time.
Called by `unload`.
"""

from tirta_format import meta
from tirta_node.hal import inputs
from tirta_node.sensors import ds3231


def ask(node):
    """It went on while the node had no power: where it knows the time, it is that."""
    unix_ms, uncertainty_ms = ds3231.read(_bus(node))
    if unix_ms:
        node.clock.set(unix_ms, meta.CLOCK_BATTERY, uncertainty_ms)


def tell(node):
    """Set it to the node's time. Whether it took it."""
    try:
        ds3231.write(_bus(node), node.clock.unix_ms())
    except OSError:
        return False
    return True


def _bus(node):
    wires = node.config["i2c"]
    return inputs.i2c(wires["scl"], wires["sda"], wires["freq"])

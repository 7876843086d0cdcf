# SPDX-License-Identifier: MIT
"""One file a kind of sensor. `build` makes the drivers that a config names.

Every driver has `prepare()`, `sample()`, `value`, `flag` and `counts` (True: its values are
increments, whose total the log keeps). A driver gets a counter, a converter or a bus, never a pin.
"""

from tirta_node.hal import inputs
from tirta_node.sensors.current import CurrentLoop
from tirta_node.sensors.ds18b20 import DS18B20
from tirta_node.sensors.pulse import PulseMeter
from tirta_node.sensors.voltage import Voltage


def build(channel):
    """The driver for one channel of a checked config."""
    kind = channel["sensor"]
    if kind == "pulse":
        counter = inputs.counter(channel["counter"], channel["pin"], channel["filter_ns"])
        return PulseMeter(counter)
    if kind == "ds18b20":
        return DS18B20(inputs.one_wire(channel["pin"]), channel["scale"])
    converter = inputs.converter(channel["pin"])
    if kind == "current":
        return CurrentLoop(converter, channel["shunt_mohm"], channel["low"], channel["high"])
    first = (channel["uv0"], channel["value0"])
    return Voltage(converter, first, (channel["uv1"], channel["value1"]))

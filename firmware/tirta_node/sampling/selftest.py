# SPDX-License-Identifier: MIT
"""What the sensors of a config read, once, before anything else is made. Called by `unload`, for it
loads every driver that the config names.
"""

import time

from tirta_format import staging
from tirta_format.record import MISSING, NOT_EVALUATED
from tirta_node import sensors
from tirta_node.sampling import assemble
from tirta_node.storage.ring import Ring

_EXTRAS = ("period_ms", "stats", "raw")  # of a channel, that a self-test does without
_STEP_MS = 20


def read(channels, config):
    """[[name, value or null, flag]]: what each sensor reads, through the parts that sample later.

    Counters are left alone: their pulses belong to the first record.
    """
    plain = []
    for channel in channels:
        if channel["sensor"] != "pulse":
            kept = [key for key in channel if key[:3] != "qc_" and key not in _EXTRAS]
            plain.append({key: channel[key] for key in kept})
    read = {}
    if plain:
        ring = Ring(len(plain), capacity=4)
        drivers, buses = sensors.build(plain, staging.TEST_MS, config)
        sampler = assemble.build(drivers, buses, plain, staging.TEST_MS, ring)
        left_ms = 1
        while not ring.count():
            left_ms = sampler.tick(sampler.cells, sampler.state, time.ticks_ms(), sampler.parts)
            time.sleep_ms(sampler.poll(max(0, min(left_ms, _STEP_MS))))
        for i, channel in enumerate(plain):
            flag = ring.flags[i]
            read[channel["name"]] = None if flag == MISSING else ring.values[i], flag
    names = [channel["name"] for channel in channels]
    return [[name] + list(read.get(name, (None, NOT_EVALUATED))) for name in names]

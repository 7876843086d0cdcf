# SPDX-License-Identifier: MIT
"""What the node says of itself: identity, status, the last values (FORMAT.md section 10)."""

import gc

from tirta_format import frame, meta
from tirta_format.record import MISSING
from tirta_node.hal import chip

MODE = "open"


def identity(node):
    """Who this is: for anybody who asks."""
    return {
        "tirta": frame.PROTOCOL,
        "node": chip.node_id(),
        "name": node.config.get("name", ""),
        "board": node.board,
        "firmware": node.version,
        "mode": MODE,
    }


def status(node):
    """How it is."""
    keeper, clock = node.keeper, node.clock
    log = keeper.log
    gc.collect()  # or heap_free would count what is only waiting to be collected
    return {
        "node": chip.node_id(),
        "mode": MODE,
        "epoch": log.epoch,
        "next_record": keeper.number(),
        "oldest_record": log.oldest_number(),
        "overruns": node.schedule.overruns,
        "worst_late_ms": node.schedule.worst_late_ms,
        "lost": keeper.lost(),
        "log_used": round(log.index.used() / log.index.count, 4),
        "bad_pages": keeper.bad_pages(),
        "ring_used": node.ring.count(),
        "clock": clock.quality(),
        "unix": clock.unix_ms() // 1000,
        "uptime_s": clock.uptime_ms() // 1000,
        "boot": log.boot,
        "cause": meta.CAUSES[chip.reset_cause()],
        "config": log.config_hash,
        "interval_s": node.schedule.interval_ms / 1000,
        "alarms": alarms(node),
        "heap_free": gc.mem_free(),
        "dropped_frames": node.console.dropped,
    }


def alarms(node):
    """What is wrong, as texts."""
    found = ["config: " + node.config_problem] if node.config_problem else []
    return found + (["flash: " + node.keeper.problem] if node.keeper.problem else [])


def values(node):
    """The last sample of every channel: [name, value or null, flag]."""
    rows = []
    for name, sensor in zip(node.names, node.sensors):
        value = None if sensor.flag == MISSING else sensor.value
        rows.append([name, value, sensor.flag])
    return {"number": node.keeper.number(), "values": rows}

# SPDX-License-Identifier: MIT
"""What the node says of itself: identity and status (FORMAT.md section 10). Called by `unload`."""

from tirta_format import frame, meta
from tirta_node.hal import chip
from tirta_node.sampling import sampler


def identity(node):
    """Who this is: for anybody who asks."""
    return {
        "tirta": frame.PROTOCOL,
        "node": chip.node_id(),
        "name": node.config.get("name", ""),
        "board": node.board,
        "firmware": node.version,
        "mode": mode(node),
    }


def mode(node):
    """`open`: whoever has the cable has the node; or `locked`."""
    return "open" if node.gate is None else "locked"


def status(node, heap_free):
    """How it is; `heap_free` before this was loaded."""
    keeper, clock = node.keeper, node.clock
    log = keeper.log
    found = {
        "node": chip.node_id(),
        "mode": mode(node),
        "epoch": log.epoch,
        "next_record": keeper.number(),
        "oldest_record": log.oldest_number(),
        "overruns": _timing(node, sampler.OVERRUNS) + _timing(node, sampler.FLASH),
        "flash_overruns": _timing(node, sampler.FLASH),
        "worst_late_ms": _timing(node, sampler.WORST),
        "lost": keeper.lost(),
        "log_used": round(_used(log.index) / log.index.count, 4),
        "bad_pages": log.ring.bad_pages + keeper.journal.ring.bad_pages,
        "erases": [keeper.journal.seq, log.seq],  # pages begun since the log began
        "ring_used": node.ring.count(),
        "clock": clock.quality(),
        "unix": clock.unix_ms() // 1000,
        "uptime_s": clock.uptime_ms() // 1000,
        "boot": log.boot,
        "cause": meta.CAUSES[chip.reset_cause()],
        "config": log.config_hash,
        "interval_s": node.config["interval_ms"] / 1000,
        "alarms": alarms(node),
        "heap_free": heap_free,
        "dropped_frames": node.console.dropped,
    }
    if getattr(node, "uplink", None) is not None:  # the rescue has none
        found["uplink"] = node.uplink.told()
        found["network_heap"] = node.uplink.network_free()
    for bus in node.sampler.buses if node.sampler else ():
        if hasattr(bus, "unsure"):
            counts = bus.answers, bus.timeouts, bus.exceptions, bus.late, bus.unsure
            found["modbus"] = counts
        elif hasattr(bus, "power_ons"):
            errors, power_ons = found.get("one_wire", (0, 0))
            found["one_wire"] = errors + bus.errors, power_ons + bus.power_ons
    return found


def _used(index):
    return len([seq for seq in index.seqs if seq])


def _timing(node, word):
    """The largest of all groups: where one deadline passed, those of slower ones may have, too."""
    return max([group.words[word] for group in node.sampler.groups]) if node.sampler else 0


def alarms(node):
    """What is wrong, as texts."""
    found = ["config: " + node.config_problem] if node.config_problem else []
    if not node.keeper.commit_ms:
        found.append("battery: below the voltage at which the node saves")
    if node.alarms is not None:
        found += node.alarms.names()
    if "uplink" in getattr(node, "config", ()):
        found.append("uplink: only a locked node has one, with channels, a sound state and room")
    return found + (["flash: " + node.keeper.problem] if node.keeper.problem else [])

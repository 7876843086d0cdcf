# SPDX-License-Identifier: MIT
"""Requests 0x20 to 0x27: how punctual the node samples (FORMAT.md section 10.2). Called by
`unload`.
"""

import json

from tirta_format import frame
from tirta_node.sampling import sampler

_GROUPS = 2  # in one answer: with 32 names of 16 letters it fits a frame
_WORK = ("encode", "commit", "erase", "gc", "link")


def handle(node, console, kind, sequence, payload):
    """Answer one request. Raises ValueError for a payload that makes no sense."""
    if 0x21 <= kind <= 0x23:
        from tirta_node.requests import calibrate

        calibrate.handle(node, console, kind, sequence, payload)
        return
    if kind != frame.TIMING:
        console.refuse(sequence, frame.BAD_REQUEST, "this firmware has no such request")
        return
    first = payload[0] if len(payload) else 0
    groups = node.sampler.groups if node.sampler else []
    answer = {
        "groups": [_group(node, group) for group in groups[first : first + _GROUPS]],
        "more": len(groups) > first + _GROUPS,
    }
    if not first:
        stopwatch = node.stopwatch
        answer["work"] = {
            name: [stopwatch.counts[i], stopwatch.worst_us[i]] for i, name in enumerate(_WORK)
        }
    console.answer(kind, sequence, json.dumps(answer).encode())


def _group(node, group):
    words = group.words
    return {
        "channels": [node.sampler.names[i] for i in group.channels],
        "period_ms": group.period_ms,
        "overruns": words[sampler.OVERRUNS],
        "flash": words[sampler.FLASH],
        "worst_late_ms": words[sampler.WORST],
        "late": list(words[sampler.BINS : sampler.BINS_END]),
    }

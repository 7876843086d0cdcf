# SPDX-License-Identifier: MIT
"""What the charts draw, as one JSON document: the same for every language.

Each line is a minimum and a maximum per bucket, packed into 16 or 8 bits (`downsample`, `large`);
times are Unix seconds; holes, bursts and times without supply are spans that are drawn as such.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tirta.district.feedback import BROWN_WATER, ServiceRequest
from tirta.district.node_figures import NodeFigures
from tirta.district.signal import Signal
from tirta.district.supply import holes
from tirta.district.survey import Survey
from tirta.district.zone_figures import ZoneFigures
from tirta.report.downsample import buckets, packed
from tirta.report.large import Scale

_WORST_COLUMNS = 720
_STEPS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200)
_MOST_HOLES = 200  # more than that are drawn as the empty buckets that they are
TURBIDITY = "turbidity"


def document(survey: Survey, requests: Iterable[ServiceRequest], scale: Scale) -> dict[str, Any]:
    """Return everything that the page's script needs, but for its words."""
    period = survey.period
    return {
        "zone": str(period.zone),
        "start": period.start_s,
        "end": period.end_s,
        "windows": [list(survey.district.window.bounds_s(day)) for day in period.days],
        "zones": {name: _zone(zone, survey, scale) for name, zone in survey.zones.items()},
        "signals": {
            f"{node}/{signal.channel}": _signal(signal, survey, found, scale)
            for node, found in survey.nodes.items()
            for signal in found.data.signals.values()
        },
        "turbidity": worst(survey),
        "requests": [
            [r.time_s, r.category] for r in requests if period.start_s <= r.time_s < period.end_s
        ],
        "brown": BROWN_WATER,
    }


def step_s(survey: Survey, columns: int) -> float:
    """Return the length of a bucket: a round one that gives at most so many columns."""
    length_s = survey.period.end_s - survey.period.start_s
    return next((s for s in _STEPS_S if length_s / s <= columns), _STEPS_S[-1])


def _line(signal: Signal, survey: Survey, columns: int, bits: int, *, mean: bool) -> dict[str, Any]:
    period = survey.period
    found = buckets(signal, period.start_s, period.end_s, step_s(survey, columns))
    lines = {"low": found.low, "high": found.high, **({"mean": found.mean} if mean else {})}
    return {"step": found.step_s} | {name: packed(v, bits) for name, v in lines.items()}


def _zone(zone: ZoneFigures, survey: Survey, scale: Scale) -> dict[str, Any]:
    period, use = survey.period, zone.zone.night_use
    if zone.net is None or not len(zone.net):
        return {}
    nights = [n for n in zone.nights if period.first <= n.day <= period.last]
    told = [r for r in zone.reported if period.first <= r.day <= period.last]
    return {
        "flow": _line(zone.net, survey, scale.flow_columns, scale.bits, mean=True),
        "nights": [
            [n.start_s + 1800, n.flow_lps, n.counts] for n in nights if not np.isnan(n.flow_lps)
        ],
        "reported": [[survey.district.window.bounds_s(r.day)[1], r.flow_lps] for r in told],
        "use": use.lps if use else None,
        "bursts": [[b.start_s, b.end_s or period.end_s] for b in zone.bursts],
        "outages": [[o.start_s, o.end_s] for o in zone.outages],
        "holes": _holes(zone.net, survey),
    }


def _signal(signal: Signal, survey: Survey, found: NodeFigures, scale: Scale) -> dict[str, Any]:
    judged = next((j for j in found.judged if j.signal.channel == signal.channel), None)
    limits = [] if judged is None else [v.limit for v in judged.verdicts]
    return {
        "name": signal.channel,
        "unit": signal.unit,
        "line": _line(signal, survey, scale.other_columns, scale.bits, mean=False),
        "limits": [[x.low, x.high] for x in limits if not x.relative_to][:1],
        "outside": [[e.start_s, e.end_s] for e in judged.verdicts[0].events] if judged else [],
        "holes": _holes(signal, survey),
    }


def _holes(signal: Signal, survey: Survey) -> list[list[float]]:
    period = survey.period
    found = holes(
        signal.cut(signal.between(period.start_s, period.end_s)), period.start_s, period.end_s
    )
    longest = sorted(found, key=lambda h: h.start_s - h.end_s)[:_MOST_HOLES]
    return [[h.start_s, h.end_s] for h in sorted(longest, key=lambda h: h.start_s)]


def worst(survey: Survey) -> dict[str, Any] | None:
    """Return the cloudiest water of the district, whichever node saw it, beside the deciding
    limit.
    """
    judged = [j for n in survey.nodes.values() for j in n.judged if j.parameter == TURBIDITY]
    if not judged:
        return None
    period = survey.period
    step = step_s(survey, _WORST_COLUMNS)
    highs = [buckets(j.signal, period.start_s, period.end_s, step).high for j in judged]
    stack = np.array([np.where(np.isnan(h), -np.inf, h) for h in highs]).max(axis=0)
    stack[np.isinf(stack)] = np.nan
    limit = judged[0].verdicts[0].limit
    return {"step": step, "high": packed(stack), "limit": limit.high, "unit": limit.unit}

# SPDX-License-Identifier: MIT
"""The network as a picture: nodes where they are, or as a tree where nobody said where.

Positions are in a box of WIDTH x HEIGHT; the page draws them as SVG, with a list beside it that
says the same in words.
"""

import math
from dataclasses import dataclass

import numpy as np

from tirta.district.node_figures import NodeFigures
from tirta.district.survey import Survey
from tirta.report.language import Language

WIDTH, HEIGHT, MARGIN = 640, 420, 48
LEAK, DRY, QUALITY, SILENT, GOOD = "leak", "dry", "quality", "silent", "good"
STATES = (LEAK, DRY, SILENT, QUALITY, GOOD)  # what needs somebody first
_RADIUS, _LEAST_RADIUS, _NUMBERED = 17.0, 4.0, 11.0  # of a dot; a smaller one has no number
_DRY_S = 1800  # as in the calendar: half an hour without water
_METRES_PER_DEGREE = 111_320.0
_WITHIN = 0.99  # less of the valid records within the limit than this is shown
_THERE = 0.9


@dataclass(frozen=True)
class Dot:
    """A node; `parent` is the number of the node that it takes its water from, 0 for none."""

    number: int
    node: str
    title: str
    zone: str
    state: str
    text: str
    depth: int
    x: float
    y: float
    parent: int


@dataclass(frozen=True)
class Picture:
    """The nodes on a map of their own: dots, lines between them, and a scale."""

    dots: list[Dot]
    lines: list[tuple[float, float, float, float]]
    scale_m: int  # of the bar; 0 in a tree
    scale_px: float
    radius: float  # of a dot
    numbered: bool  # whether there is room for numbers in the dots


def picture(survey: Survey, words: Language) -> Picture:
    """Return every node of the survey, parents before children."""
    order = _ordered(survey)
    places = [survey.nodes[node].place for node, *_ in order]
    known = all(p.lat is not None and p.lon is not None for p in places)
    spots, scale_m, scale_px = _map(places) if known else (_tree(order), 0, 0.0)
    numbers = {node: i for i, (node, *_) in enumerate(order, 1)}
    dots = []
    for (node, zone, depth, parent), (x, y) in zip(order, spots, strict=True):
        state, text = _state(survey, survey.nodes[node], zone, words)
        dots.append(
            Dot(
                numbers[node],
                node,
                survey.nodes[node].title,
                zone,
                state,
                text,
                depth,
                x,
                y,
                numbers.get(parent, 0),
            )
        )
    lines = [(dots[d.parent - 1].x, dots[d.parent - 1].y, d.x, d.y) for d in dots if d.parent]
    radius = _radius(spots)
    return Picture(dots, lines, scale_m, scale_px, radius, radius >= _NUMBERED)


def _radius(spots: list[tuple[float, float]]) -> float:
    """Half the way to the nearest neighbour, of nine in ten nodes: their dots do not overlap."""
    if len(spots) < 2:
        return _RADIUS
    at = np.array(spots)
    apart = np.hypot(*(at[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    near = float(np.percentile(apart.min(axis=1), 10))
    return min(_RADIUS, max(_LEAST_RADIUS, near / 2))


def _ordered(survey: Survey) -> list[tuple[str, str, int, str]]:
    """(node, zone, depth, node it is fed by), in the order of the tree; strangers last."""
    found: list[tuple[str, str, int, str]] = []
    placed: set[str] = set()

    def walk(zone_id: str | None, depth: int, parent: str) -> None:
        for zone in survey.district.children(zone_id):
            head = ""
            inlets = [m.partition("/")[0] for m in zone.inlets]
            beside = [n.id for n in survey.district.node if n.zone == zone.id]
            for node in dict.fromkeys([*inlets, *beside]):
                if node not in placed:
                    placed.add(node)
                    found.append((node, zone.id, depth, head or parent))
                    head = head or node
            walk(zone.id, depth + 1, head or parent)

    walk(None, 0, "")
    found += [(node, "", 0, "") for node in survey.nodes if node not in placed]
    return found


def _map(places: list) -> tuple[list[tuple[float, float]], int, float]:  # type: ignore[type-arg]
    middle = math.radians(sum(p.lat for p in places) / len(places))
    east = [p.lon * _METRES_PER_DEGREE * math.cos(middle) for p in places]
    north = [p.lat * _METRES_PER_DEGREE for p in places]
    wide = max(max(east) - min(east), 1.0)
    high = max(max(north) - min(north), 1.0)
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    left = (WIDTH - wide * scale) / 2
    top = (HEIGHT - high * scale) / 2
    spots = [
        (left + (e - min(east)) * scale, top + (max(north) - n) * scale)
        for e, n in zip(east, north, strict=True)
    ]
    bar = 10 ** math.floor(math.log10(120 / scale))
    bar *= 5 if bar * 5 * scale <= 140 else 2 if bar * 2 * scale <= 140 else 1
    return spots, round(bar), bar * scale


def _tree(order: list[tuple[str, str, int, str]]) -> list[tuple[float, float]]:
    deepest = max((depth for _, _, depth, _ in order), default=0)
    step_x = (WIDTH - 2 * MARGIN) / max(deepest, 1)
    if len(order) == 1:
        return [(WIDTH / 2, HEIGHT / 2)]
    step_y = (HEIGHT - 2 * MARGIN) / (len(order) - 1)
    return [
        (MARGIN + depth * step_x if deepest else WIDTH / 2, MARGIN + i * step_y)
        for i, (_, _, depth, _) in enumerate(order)
    ]


def _state(survey: Survey, node: NodeFigures, zone_id: str, words: Language) -> tuple[str, str]:
    zone = survey.zones.get(zone_id)
    inlets = {s.node for s in zone.inlets} if zone else set()
    if zone and node.data.node in inlets and any(b.end_s is None for b in zone.bursts):
        return LEAK, words.text("a new leak is suspected")
    dry_s = sum(o.end_s - o.start_s for o in zone.outages) if zone else 0.0
    if dry_s >= _DRY_S:
        return DRY, words.text("no water for %(time)s", time=words.duration(dry_s))
    if node.completeness < _THERE:
        share = words.percent(node.completeness, 0)
        return SILENT, words.text("only %(share)s of the data is there", share=share)
    low = [j for j in node.judged if j.verdicts[0].valid and j.verdicts[0].share < _WITHIN]
    if low:
        return QUALITY, words.text("water was outside a limit at times")
    if zone and node.data.node in inlets and zone.bursts:
        return QUALITY, words.text("a leak had been suspected")
    return GOOD, words.text("in order")

# SPDX-License-Identifier: MIT
"""A picture of what a node measured: flow, pressure and quality over one time axis.

One panel a unit. Nothing is drawn where nothing was measured; values that the node itself doubts
carry a mark. Where the ledger tells of holes, a strip on top says which of them were filled later,
and which never.
"""

from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tirta.archive import ledger
from tirta.archive.evidence import Archive, Epoch
from tirta.archive.ledger import Ledger
from tirta.errors import TirtaError
from tirta.exports import series
from tirta.exports.series import Measured, Series
from tirta.files import atomic
from tirta.tables.landing import land
from tirta.tables.layout import Shelf

# Okabe and Ito's colours, which colour-blind people can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_DOUBT = "#B00020"
_MEAN_S = 900
_STYLES = ("-", "--", ":", "-.")  # once the colours are used up
_HOLES = {
    ledger.COLLECTED: ("#009E73", "missed once, came later"),
    ledger.DETECTED: ("#E69F00", "not here yet"),
    ledger.COLLECTING: ("#E69F00", "not here yet"),
    ledger.LOST: ("#B00020", "lost"),
}  # colour and what to say of a hole, by its state
_TITLES = {"ph": "pH", "redox": "Redox potential"}  # others as their quantity is called
_SIGNS = {"uS/cm": "µS/cm", "degC": "°C", "pH": ""}


def plot(archive: Path, out: Path | None = None, node: str | None = None) -> Path:
    """Draw the newest epoch of a node into a PNG, from its tables, which are brought up to date;
    return the file. Raises TirtaError where there is nothing to draw, or no such node.
    """
    epoch = _choose(Archive(archive), node)
    land(epoch, archive)
    measured = series.of_epoch(Shelf(archive, epoch.node, epoch.number))
    if not measured.series:
        raise TirtaError(
            f"The archive has no readable record of node {epoch.node}.", "First `tirta pull`."
        )
    path = out or archive / f"{epoch.node}.png"
    figure = _figure(epoch, measured)
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file)
    return path


def _choose(archive: Archive, node: str | None) -> Epoch:
    epochs = archive.must_have_epochs()
    nodes = sorted({epoch.node for epoch in epochs})
    if node is None and len(nodes) > 1:
        raise TirtaError(
            f"The archive has {len(nodes)} nodes: {', '.join(nodes)}.", "Say which: --node NODE"
        )
    wanted = node or nodes[0]
    if wanted not in nodes:
        raise TirtaError(f"The archive has no node {wanted}.", f"It has: {', '.join(nodes)}.")
    mine = [epoch for epoch in epochs if epoch.node == wanted]
    return max(mine, key=_newest)


def _newest(epoch: Epoch) -> float:
    """When its last page came; 0 where none is left."""
    return max((p.changed_ns / 1e9 for p in epoch.pages().values()), default=0.0)


def _figure(epoch: Epoch, measured: Measured) -> Figure:
    panels = series.panels(measured.series)
    spans = _spans(Ledger(epoch), measured.series[0])
    heights = [0.12] * bool(spans) + _heights(panels)
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 1.2 + 1.5 * len(panels)), dpi=120, layout="constrained")
        found = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)
        strip, axes = found[: bool(spans), 0], found[bool(spans) :, 0]
        for ax, ((quantity, unit), members) in zip(axes, panels.items(), strict=True):
            _panel(ax, quantity, unit, members)
        for ax in strip:
            _strip(ax, spans)
        _time_axis(axes[-1], measured.series[0])
        figure.align_ylabels(axes)
        figure.suptitle(_title(epoch, measured), x=0.01, ha="left", fontsize=11)
    return figure


def _spans(found: Ledger, one: Series) -> list[tuple[str, float, float]]:
    """Return the states of holes, and on the axis of time where they begin and end."""
    spans = [(entry.state, one.span(entry.first, entry.last)) for entry in found.entries]
    per = 86400 if one.dated else 3600
    return [(state, at[0] / per, at[1] / per) for state, at in spans if at]


def _strip(ax: Axes, spans: list[tuple[str, float, float]]) -> None:
    """Draw a bar for each hole, and its state above."""
    told: dict[str, list[tuple[float, float]]] = {}
    for state, begin, end in spans:
        told.setdefault(state, []).append((begin, end - begin))
    for state, bars in told.items():
        colour, words = _HOLES[state]
        ax.broken_barh(bars, (0, 1), facecolors=colour, label=words)
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    ax.tick_params(bottom=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    _legend(ax)


def _legend(ax: Axes) -> None:
    ax.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=8,
        borderaxespad=0,
    )  # fmt: skip


def _heights(panels: dict[tuple[str, str], list[Series]]) -> list[float]:
    return [1.9 if quantity in {"flow", "pressure"} else 1.0 for quantity, _ in panels]


def _panel(ax: Axes, quantity: str, unit: str, members: list[Series]) -> None:
    for i, one in enumerate(members):
        colour = _COLOURS[i % len(_COLOURS)]
        style = _STYLES[i // len(_COLOURS) % len(_STYLES)]
        x = dates.date2num(_times(one)) if one.dated else one.x / 3600
        if one.sensor == "pulse":
            ax.plot(x, one.y, color=colour, lw=0.4, alpha=0.35, label=f"{one.channel}, each minute")
            ax.plot(
                x, series.mean_of(one, _MEAN_S), style, color=colour, lw=1.1, label="15-minute mean"
            )
            ax.set_ylim(bottom=0)
        else:
            ax.plot(x, one.y, style, color=colour, lw=0.8, label=one.channel)
        if one.doubtful.any():
            marks = one.doubtful
            ax.plot(x[marks], one.y[marks], "x", color=_DOUBT, ms=4, label="suspect or failed")
    sign = "m of water" if (quantity, unit) == ("pressure", "m") else _SIGNS.get(unit, unit)
    title = _TITLES.get(quantity, quantity.capitalize())
    if quantity == "other":
        title = members[0].channel if len(members) == 1 else f"{len(members)} channels"
    ax.set_ylabel(f"{title}\n{sign}" if sign else title)
    ax.yaxis.set_major_locator(ticker.MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.grid(color="#dddddd", lw=0.5)
    ax.margins(x=0.005)
    if len(ax.get_lines()) > 1:
        _legend(ax)


def _times(one: Series) -> list[datetime]:
    return [datetime.fromtimestamp(s, UTC) for s in one.x]


def _time_axis(ax: Axes, one: Series) -> None:
    if one.dated:
        locator = dates.AutoDateLocator(tz=UTC, maxticks=10)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=UTC))
        ax.set_xlabel("UTC")
    else:
        ax.set_xlabel("Hours since the node started (its clock was never set)")


def _title(epoch: Epoch, measured: Measured) -> str:
    node = f"{measured.name} · node {epoch.node}" if measured.name else f"Node {epoch.node}"
    records, drawn = measured.records, measured.series
    count = f"{records:,} record" + "s" * (records != 1)
    if not drawn[0].dated:
        return f"{node} · {count}"
    first, last = (datetime.fromtimestamp(drawn[0].x[i], UTC) for i in (0, -1))
    span = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    return f"{node} · {span} · {count}"

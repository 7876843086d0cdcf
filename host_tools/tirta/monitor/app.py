# SPDX-License-Identifier: MIT
"""The screen: it shows what the asker learned, and hears the keys."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from rich.markup import escape
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static

from tirta.errors import TirtaError
from tirta.monitor import draw
from tirta.monitor.asker import Asker
from tirta.monitor.snapshot import Snapshot, Value, Watch
from tirta.node import Node
from tirta.text import counted, duration
from tirta_format.record import FAIL, GOOD, MISSING, SUSPECT

SPARK = 22  # characters, more where the terminal is wider
MOST_SPARK = 80
OTHERS = 56  # characters that the other columns take
CHART_LINES, MOST_CHART = 4, 16
LEAST_CHART = 20
SCALE = 12  # characters beside the chart, for its ends
EVERY_S = 1.0
TAKE_S = 0.05  # between two looks for what the asker learned
LAST_ANSWER_S = 2.0  # that quitting waits for it: the port is free afterwards
_COLOURS = {GOOD: "green", SUSPECT: "yellow", FAIL: "red", MISSING: "red"}


class Monitor(App[None]):
    """`connect` opens the node; it is called again when the line was lost."""

    TITLE = "Tirta monitor"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #who { height: 1; background: $primary; color: $text; }
    #how { height: 4; padding: 0 1; }
    #channels { height: auto; min-height: 4; max-height: 50%; }
    #chart { height: 1fr; min-height: 6; padding: 0 1; color: $accent; }
    #alarms { height: auto; max-height: 3; padding: 0 1; color: $error; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("p", "pause", "Pause"),
        Binding("s", "slower", "Slower"),
        Binding("f", "faster", "Faster"),
    ]

    def __init__(self, connect: Callable[[], Node], every_s: float = EVERY_S) -> None:
        super().__init__()
        self.rounds = 0  # answers that were shown
        self._asker = Asker(connect, every_s)
        self._watch: Watch | None = None
        self._last: Snapshot | None = None
        self._spark = SPARK

    def compose(self) -> ComposeResult:
        yield Static(id="who")
        yield Static(id="how")
        yield DataTable(id="channels", cursor_type="row")
        yield Static(id="chart")
        yield Static(id="alarms")
        yield Footer()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        self._spark = min(MOST_SPARK, max(SPARK, self.size.width - OTHERS))
        for title, width in (("Channel", 16), ("Value", 10), ("Unit", 7), ("Flag", 9)):
            table.add_column(title, width=width, key=title)
        table.add_column("Last hours", width=self._spark, key="Last hours")
        table.focus()
        self.query_one("#who", Static).update(" Asking the node …")
        self.set_interval(TAKE_S, self._take)
        self._asker.start()

    async def on_unmount(self) -> None:
        self._asker.stop()
        await asyncio.to_thread(self._asker.join, LAST_ANSWER_S)

    def _take(self) -> None:
        """Show everything that came."""
        while self._whole() and (found := self._asker.take()) is not None:
            if isinstance(found, TirtaError):
                self._lost(found)
            else:
                self._show(*found)

    def _whole(self) -> bool:
        """Whether all parts are on the screen: when the app ends they go first, one by one."""
        return len(self.query("#who, #how, #channels, #chart, #alarms")) == 5

    def _lost(self, error: TirtaError) -> None:
        self.query_one("#alarms", Static).update(
            f"✗ {escape(error.what)} {escape(error.hint)} Trying again …"
        )

    def _show(self, watch: Watch, now: Snapshot) -> None:
        self._watch, self._last = watch, now
        self.rounds += 1
        hello = now.hello
        mode = "[reverse] OPEN: not protected [/]" if hello.mode == "open" else hello.mode
        name = escape(hello.name or hello.node)
        self.query_one("#who", Static).update(
            f" [b]{name}[/]  {escape(hello.node)}  {escape(hello.board)}"
            f"  firmware {escape(hello.firmware)}  {mode}"
        )
        self.query_one("#how", Static).update("\n".join(_how(now)))
        self._fill(now.values, watch)
        alarms = now.status.get("alarms") or []
        told = "\n".join(f"✗ {escape(str(alarm))}" for alarm in alarms[:3])
        self.query_one("#alarms", Static).update(told)
        self._draw()

    def _fill(self, values: list[Value], watch: Watch) -> None:
        table = self.query_one(DataTable)
        rows = {value.name: _row(value, watch, self._spark) for value in values}
        if [key.value for key in table.rows] != list(rows):
            table.clear()
            for name, cells in rows.items():
                table.add_row(*cells, key=name)
            return
        for name, cells in rows.items():
            for column, cell in zip(list(table.columns), cells, strict=True):
                table.update_cell(name, column, cell)

    def on_data_table_row_highlighted(self) -> None:
        self._draw()

    def _draw(self) -> None:
        """The chosen channel, larger."""
        if not self._whole():
            return
        table, place = self.query_one(DataTable), self.query_one("#chart", Static)
        if self._watch is None or self._last is None or not table.row_count:
            place.update("")
            return
        name = str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)
        past = list(self._watch.history.get(name, ()))
        known = [v for v in past if v == v]  # noqa: PLR0124  no NaN
        value = next(v for v in self._last.values if v.name == name)
        hours = duration(len(past) * self._watch.step_s(name))
        title = f"[b]{escape(name)}[/] {escape(value.unit)}, the last {hours}"
        title += " · ↑↓ choose another channel"
        if not known:
            place.update(title)
            return
        width = max(LEAST_CHART, place.size.width - SCALE)
        height = min(MOST_CHART, max(CHART_LINES, place.size.height - 2))
        lines = draw.chart(past, width, height)
        high, low = (draw.number(v, value.decimals) for v in (max(known), min(known)))
        lines[0] += f" {high}"
        lines[-1] += f" {low}"
        place.update("\n".join([title, *lines]))

    def on_resize(self) -> None:
        self._draw()

    def action_pause(self) -> None:
        self._asker.paused = not self._asker.paused
        self.sub_title = "paused" if self._asker.paused else ""
        if self._asker.paused:
            self.query_one("#alarms", Static).update("Paused: p goes on")

    def action_slower(self) -> None:
        self._asker.every_s = min(60.0, self._asker.every_s * 2)

    def action_faster(self) -> None:
        self._asker.every_s = max(0.5, self._asker.every_s / 2)


def _row(value: Value, watch: Watch, width: int) -> tuple[str, ...]:
    colour = _COLOURS.get(value.flag, "white")
    flag = draw.FLAGS.get(value.flag, str(value.flag))
    past = list(watch.history.get(value.name, ()))
    return (
        escape(value.name),
        f"{draw.number(value.value, value.decimals):>9}",
        escape(value.unit),
        f"[{colour}]{flag}[/]",
        draw.spark(past, width),
    )


def _how(now: Snapshot) -> list[str]:
    """Four lines that answer: is it all right?"""
    status = now.status
    clock = status["clock"]
    if status.get("unix"):
        at = datetime.fromtimestamp(status["unix"], UTC).astimezone()
        clock = f"{at:%Y-%m-%d %H:%M:%S %Z}, {clock}"
    up = timedelta(seconds=int(status["uptime_s"]))
    used = float(status["log_used"])
    clock_line = f"Clock    {clock:38} Up {up}, {status['cause']}"
    records = f"Records  {status['next_record']:<10} of epoch {status['epoch']:<16}"
    records += f" Log {draw.bar(used, 12)} {used:.0%}"
    lost = (
        f"Lost     {counted(status['lost'], 'record')}, {counted(status['overruns'], 'overrun')},"
    )
    lost += f" worst {status.get('worst_late_ms', 0)} ms late"
    line = f"Line     {status.get('dropped_frames', 0)} damaged frames, answer in"
    line += f" {now.answer_s * 1000:.0f} ms        Heap {status['heap_free']} bytes free"
    return [clock_line, records, lost, line]

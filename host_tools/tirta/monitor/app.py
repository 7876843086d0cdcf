# SPDX-License-Identifier: MIT
"""The screen: it shows what the asker learned, and hears the keys.

All of it is `Text`, none is markup: in what a node says brackets are brackets.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable, Footer, Static

from tirta.errors import TirtaError
from tirta.monitor import draw
from tirta.monitor.asker import Asker
from tirta.monitor.snapshot import Snapshot, Value, Watch
from tirta.node import Node
from tirta.text import counted, duration
from tirta_format.record import FAIL, GOOD, MISSING, SUSPECT

SPARK = 4  # characters, more where the terminal is wider than 60
MOST_SPARK = 80
OTHERS = 56  # characters that the other columns take
WIDE = 76  # characters, for two fields on a line
CHART_LINES, MOST_CHART = 3, 16
LEAST_CHART = 20
SCALE = 12  # characters beside the chart, for its ends
EVERY_S = 1.0
TAKE_S = 0.05  # between two looks for what the asker learned
LAST_ANSWER_S = 2.0  # that quitting waits for it: the port is free afterwards
SAID_ELSEWHERE = (  # on the screen: titles, keys and flags
    "Channel", "Value", "Unit", "Flag", "Last hours", "Quit", "Pause", "Slower", "Faster",
    "good", "unchecked", "suspect", "bad", "no value",
    "{0} seconds", "{0} minutes", "{0} hours", "{0} days",
)  # fmt: skip
_KEYS = (("q", "quit", "Quit"), ("p", "pause", "Pause"), ("s", "slower", "Slower"),
         ("f", "faster", "Faster"))  # fmt: skip
_NAMES = 9  # columns before a field
_HALF = 48  # where the second field of a line begins
Say = Callable[[str], str]
_COLOURS = {GOOD: "green", SUSPECT: "yellow", FAIL: "red", MISSING: "red"}


class Monitor(App[None]):
    """`connect` opens the node, and again when the line was lost; `say` speaks a language."""

    TITLE = "Tirta monitor"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #who { height: 1; background: $primary; color: $text; }
    #how { height: 4; padding: 0 1; }
    #channels { height: auto; min-height: 4; max-height: 50%; }
    #chart { height: 1fr; min-height: 4; padding: 0 1; color: $accent; }
    #alarms { height: auto; max-height: 3; padding: 0 1; color: $error; text-style: bold; }
    """

    def __init__(
        self, connect: Callable[[], Node], every_s: float = EVERY_S, say: Say = str
    ) -> None:
        super().__init__()
        self._say = say
        for key, action, title in _KEYS:
            self.bind(key, action, description=say(title))
        self.rounds = 0  # answers that were shown
        self._asker = Asker(connect, every_s)
        self._watch: Watch | None = None
        self._last: Snapshot | None = None
        self._spark = SPARK

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Static(id="who")
        yield Static(id="how")
        yield DataTable(id="channels", cursor_type="row")
        yield Static(id="chart")
        yield Static(id="alarms")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to ask the node."""
        table = self.query_one(DataTable)
        self._spark = min(MOST_SPARK, max(SPARK, self.size.width - OTHERS))
        for title, width in (("Channel", 16), ("Value", 10), ("Unit", 7), ("Flag", 9)):
            table.add_column(self._say(title), width=width, key=title)
        table.add_column(self._say("Last hours"), width=self._spark, key="Last hours")
        table.focus()
        self.query_one("#who", Static).update(Text(f" {self._say('Asking the node …')}"))
        self.set_interval(TAKE_S, self._take)
        self._asker.start()

    async def on_unmount(self) -> None:
        """Wait until nothing is asked any more."""
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
        what, hint = self._say(error.what), self._say(error.hint)
        told = f"✗ {self._say('Trying again …')} {what} {hint}"
        self.query_one("#alarms", Static).update(Text(told))

    def _show(self, watch: Watch, now: Snapshot) -> None:
        self._watch, self._last = watch, now
        self.rounds += 1
        hello = now.hello
        mode: str | tuple[str, str] = self._say(hello.mode)
        if hello.mode == "open":
            mode = f" {self._say('OPEN: not protected')} ", "reverse"
        wide = self.size.width >= WIDE
        kind = f"  {hello.board}  firmware {hello.firmware}" if wide else ""
        name = hello.name or hello.node, "bold"
        self.query_one("#who", Static).update(
            Text.assemble(" ", name, f"  {hello.node}{kind}  ", mode)
        )
        self.query_one("#how", Static).update(Text("\n".join(_how(now, self._say, wide=wide))))
        self._fill(now.values, watch)
        alarms = now.status.get("alarms") or []
        told = "\n".join(f"✗ {self._say(alarm)}" for alarm in alarms[:3])
        self.query_one("#alarms", Static).update(Text(told))
        self._draw()

    def _fill(self, values: list[Value], watch: Watch) -> None:
        table = self.query_one(DataTable)
        rows = {value.name: _row(value, watch, self._spark, self._say) for value in values}
        if [key.value for key in table.rows] != list(rows):
            table.clear()
            for name, cells in rows.items():
                table.add_row(*cells, key=name)
            return
        for name, cells in rows.items():
            for column, cell in zip(list(table.columns), cells, strict=True):
                table.update_cell(name, column, cell)

    def on_data_table_row_highlighted(self) -> None:
        """Show the channel that was chosen."""
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
        last = self._say(f"the last {hours}")
        choose = self._say("choose another channel")
        title = Text.assemble((name, "bold"), f" {value.unit}, {last} · ↑↓ {choose}")
        if not known:
            place.update(title)
            return
        width = max(LEAST_CHART, place.size.width - SCALE)
        height = min(MOST_CHART, max(CHART_LINES, place.size.height - 2))
        lines = draw.chart(past, width, height)
        high, low = (draw.number(v, value.decimals) for v in (max(known), min(known)))
        lines[0] += f" {high}"
        lines[-1] += f" {low}"
        place.update(Text("\n").join([title, *map(Text, lines)]))

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    def action_pause(self) -> None:
        """Stop asking, or go on."""
        self._asker.paused = not self._asker.paused
        self.sub_title = "paused" if self._asker.paused else ""
        if self._asker.paused:
            self.query_one("#alarms", Static).update(Text(self._say("Paused: p goes on")))

    def action_slower(self) -> None:
        """Ask half as often."""
        self._asker.every_s = min(60.0, self._asker.every_s * 2)

    def action_faster(self) -> None:
        """Ask twice as often."""
        self._asker.every_s = max(0.5, self._asker.every_s / 2)


def _row(value: Value, watch: Watch, width: int, say: Say) -> tuple[Text, ...]:
    colour = _COLOURS.get(value.flag, "white")
    flag = draw.FLAGS.get(value.flag, str(value.flag))
    past = list(watch.history.get(value.name, ()))
    return (
        Text(value.name),
        Text(f"{draw.number(value.value, value.decimals):>9}"),
        Text(value.unit),
        Text(say(flag), colour),
        Text(draw.spark(past, width)),
    )


def _how(now: Snapshot, say: Say, *, wide: bool) -> list[str]:
    """Four lines that answer: is it all right? On a narrow terminal each says one thing."""
    status = now.status
    clock = say(status["clock"])
    if status.get("unix"):
        at = datetime.fromtimestamp(status["unix"], UTC).astimezone()
        clock = f"{at:%Y-%m-%d %H:%M:%S %Z}, {clock}"
    up = say(duration(status["uptime_s"]))
    used = float(status["log_used"])
    lost = counted(status["lost"], "record"), counted(status["overruns"], "overrun")
    late = say(f"worst {status.get('worst_late_ms', 0)} ms late")
    damaged = counted(status.get("dropped_frames", 0), "damaged frame")
    answer = say(f"answer in {now.answer_s * 1000:.0f} ms")
    epoch = say(f"of epoch {status['epoch']}")
    line = f"{say(damaged)}, {answer}"
    log = f"{draw.bar(used, 12)} {used:.0%}"
    if not wide:
        return [
            _line(say("Clock"), clock),
            _line(say("Records"), f"{status['next_record']}  {say('Log')} {log}"),
            _line(say("Lost"), f"{', '.join(map(say, lost))}"),
            _line(say("Line"), line),
        ]
    return [
        _line(say("Clock"), clock, say("Up"), f"{up}, {say(status['cause'])}"),
        _line(say("Records"), f"{status['next_record']:<10} {epoch}", say("Log"), log),
        _line(say("Lost"), f"{', '.join(map(say, lost))}, {late}"),
        _line(say("Line"), line, say("Heap"), say(f"{status['heap_free']} bytes free")),
    ]


def _line(name: str, text: str, name2: str = "", text2: str = "") -> str:
    """One or two fields, each under those of the other lines."""
    return f"{f'{name:{_NAMES - 1}} {text}':{_HALF - 1}} {name2} {text2}".rstrip()

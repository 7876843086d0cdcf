# SPDX-License-Identifier: MIT
"""A bar on standard error while something takes its time; nothing where nobody watches."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from tirta import patience

Progress = Callable[[int, int], None]  # is told how much is done, and how much there is in all


@contextlib.contextmanager
def bars(titles: list[str]) -> Iterator[list[Progress]]:
    """Give a function for each title that moves its bar: bytes done, bytes in all."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as p:
        yield [_moving(p, p.add_task(title, total=None)) for title in titles]


def _moving(shown: Bars, task: TaskID) -> Progress:
    def move(done: int, total: int) -> None:
        shown.update(task, completed=done, total=total)
        if not shown.disable:
            patience.seen()

    return move


@contextlib.contextmanager
def bar(title: str) -> Iterator[Progress]:
    """Give one bar."""
    with bars([title]) as updates:
        yield updates[0]


@contextlib.contextmanager
def line() -> Iterator[Callable[[str], None]]:
    """Give a function that replaces one line of text."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda text: status.update(Text(text))

# SPDX-License-Identifier: MIT
"""A bar on standard error while something takes its time; nothing where nobody watches."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from tirta import patience

Update = Callable[[int, int], None]  # done, all


@contextlib.contextmanager
def bars(titles: list[str]) -> Iterator[list[Update]]:
    """Give a function for each title that moves its bar: bytes done, bytes in all."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as p:
        yield [_moving(p, p.add_task(title, total=None)) for title in titles]


def _moving(shown: Progress, task: TaskID) -> Update:
    def move(done: int, total: int) -> None:
        shown.update(task, completed=done, total=total)
        if not shown.disable:
            patience.seen()

    return move


@contextlib.contextmanager
def bar(title: str) -> Iterator[Update]:
    """One bar."""
    with bars([title]) as updates:
        yield updates[0]


@contextlib.contextmanager
def line() -> Iterator[Callable[[str], None]]:
    """A function that replaces one line of text."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield status.update

# SPDX-License-Identifier: MIT
"""A bar on standard error while something takes its time; nothing where nobody watches."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

Update = Callable[[int, int], None]  # done, all


@contextlib.contextmanager
def bar(title: str) -> Iterator[Update]:
    """Give a function that moves the bar: bytes done, bytes in all."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as p:
        task = p.add_task(title, total=None)
        yield lambda done, total: p.update(task, completed=done, total=total)

# SPDX-License-Identifier: MIT
"""The thread that talks to the node, so that a slow line never holds a key.

It knows nothing of the screen: what it learns goes into a queue, from which the screen takes it.
Whichever of the two ends first, the other has nothing to stumble over.
"""

import queue
import threading
from collections.abc import Callable

from tirta.errors import TirtaError
from tirta.monitor.snapshot import Snapshot, Watch
from tirta.node import Node

AGAIN_S = 2.0  # until a line that was lost is tried again
Answered = tuple[Watch, Snapshot]


class Asker:
    """`connect` opens the node; it is called again when the line was lost."""

    def __init__(self, connect: Callable[[], Node], every_s: float) -> None:
        self.every_s = every_s
        self.paused = False
        self._connect = connect
        self._over = threading.Event()
        self._came: queue.SimpleQueue[Answered | Exception] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more: the question that is under way is the last."""
        self._over.set()

    def join(self, timeout_s: float) -> None:
        """Wait until the node is closed, or as long as that."""
        self._thread.join(timeout_s)

    def take(self) -> Answered | TirtaError | None:
        """Return what came next, or why nothing comes; None where nothing is new.

        Raises what the thread ended with, where that was an error of ours.
        """
        try:
            found = self._came.get_nowait()
        except queue.Empty:
            return None
        if isinstance(found, Exception) and not isinstance(found, TirtaError):
            raise found
        return found

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                try:
                    self._ask()
                except TirtaError as error:
                    self._came.put(error)
                    self._over.wait(AGAIN_S)
        except Exception as error:  # noqa: BLE001  whoever takes it raises it
            self._came.put(error)

    def _ask(self) -> None:
        """Look again and again, until it is over. Raises TirtaError when the line is lost."""
        with self._connect() as node:
            watch = Watch(node)
            watch.begin()
            while not self._over.is_set():
                if not self.paused:
                    self._came.put((watch, watch.look()))
                self._over.wait(self.every_s)

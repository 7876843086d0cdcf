# SPDX-License-Identifier: MIT
"""The board's process: its pipes, its interrupt, its end.

Both pipes outlive the process, so unread input stays for the next run, as the port's ring does over
a soft reset. The ring holds 259 bytes; what comes when it is full is lost and counted.
"""

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

from tirta.virtual.interpreter import INTERRUPT, command

RING = 259
_PIPE_BYTES = 4096  # what the board may write ahead of the line
_SIGINT_BIT = 1 << (signal.SIGINT - 1)


class Process:
    """The MicroPython that is a board, as a child process."""

    def __init__(
        self, folder: Path, uart1: int, devices: bool, heap_less: int, network: bool = False
    ) -> None:
        self._folder = folder
        self._uart1 = uart1
        self._child: subprocess.Popen[bytes] | None = None
        self._command = command(devices, heap_less, network)
        self._stdin, self._feed = os.pipe()
        self.output, self._stdout = os.pipe()
        fcntl.fcntl(self._stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(self._stdin, True)
        os.set_blocking(self.output, False)
        os.set_blocking(self._feed, False)
        self.exit_fd = -1
        self.dropped = 0

    @property
    def running(self) -> bool:
        """Whether there is one."""
        return self._child is not None

    def start(self) -> None:
        """Start it. One must not run yet."""
        with (self._folder / "board.log").open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=self._stdin,
                stdout=self._stdout,
                stderr=log,
                start_new_session=True,
                pass_fds=(self._uart1,),
                env={
                    "TZ": "UTC",
                    "PATH": os.environ.get("PATH", ""),
                    "UART1": str(self._uart1),
                },
            )
        self.exit_fd = os.pidfd_open(self._child.pid)

    def kill(self) -> int:
        """Kill it at once, and return how it ended: 0, an exit code, or minus a signal."""
        if self._child is None:
            return 0
        self._child.kill()
        return self.reap()

    def reap(self) -> int:
        """Wait for one that has ended, and return how it ended."""
        if self._child is None:
            return 0
        code = self._child.wait()
        os.close(self.exit_fd)
        self.exit_fd = -1
        self._child = None
        return code

    def read(self) -> bytes:
        """Read what it has written; empty when there is nothing."""
        try:
            return os.read(self.output, _PIPE_BYTES)
        except BlockingIOError:
            return b""

    def unread(self) -> int:
        """Count the bytes that it has not read yet."""
        count = fcntl.ioctl(self._stdin, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", count)[0])

    def feed(self, data: bytes) -> None:
        """Bring bytes to its ring, which takes what fits."""
        room = max(0, RING - self.unread())
        if data[:room]:
            os.write(self._feed, data[:room])
        self.dropped += max(0, len(data) - room)

    def drain(self) -> bytes:
        """Take the unread input back."""
        count = self.unread()
        return os.read(self._stdin, count) if count else b""

    def interrupt(self) -> bool:
        """Interrupt it as Ctrl-C does; return False when the program does not want that now.

        The port interrupts when `micropython.kbd_intr(3)` holds; here that is a caught SIGINT.
        """
        if self._child is None:
            return False
        with self._held(self._child):
            caught = self._catches(self._child.pid)
            if caught:
                self._child.send_signal(INTERRUPT)
        return caught

    @staticmethod
    @contextlib.contextmanager
    def _held(child: subprocess.Popen[bytes]) -> Iterator[None]:
        """Let it do nothing meanwhile: else the interrupt came behind the `kbd_intr(-1)` that it
        came before.
        """
        child.send_signal(signal.SIGSTOP)
        with contextlib.suppress(ChildProcessError):  # it has ended
            os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        try:
            yield
        finally:
            child.send_signal(signal.SIGCONT)

    @staticmethod
    def _catches(pid: int) -> bool:
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except OSError:
            return False  # it has ended
        caught = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
        return any(int(mask, 16) & _SIGINT_BIT for mask in caught)

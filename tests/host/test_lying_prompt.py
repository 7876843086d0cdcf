# SPDX-License-Identifier: MIT
"""A MicroPython prompt that is none: whatever answers there is one message, and ends."""

import os
import pty
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from generated import given
from hypothesis import strategies as st
from lies import obeyed

from tirta.cli import main
from tirta.errors import TirtaError
from tirta.install import raw_repl
from tirta.install.board_check import must_fit
from tirta.install.raw_repl import BoardRepl
from tirta.link import repl
from tirta.link.failures import NoAnswerError
from tirta.link.serial_line import Line
from tirta.node import discover

RAW = b"raw REPL; CTRL-B to exit\r\n>"
LITERALS = [
    b"b''" + b"-" * 7000 + b"1", b"b''" + b".a" * 3900, b"b''" + b"(" * 7000, b"b'\\d'",
    b"b'" + b"\\xff" * 7 + b"'", b"b'Ti\\xff\\xff\\xff\\xff\\x01'", b"b'' 'x'", b"b'\xff'", b"b'",
]  # fmt: skip


class Prompt(Line):
    """Answers what is typed with `said`."""

    def __init__(self, said: bytes) -> None:
        self.said = said

    def write(self, data: bytes) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        said, self.said = self.said, b""
        return said


def seen(literal: bytes) -> repl.Banner | None:
    """What is made of a prompt of a node of ours that says this of its visit."""
    line = b"\ntirta True 240ac4e29526 " + literal + b"\r\n>>> "
    banner = b"MicroPython v1.27.0 on 2025; board\r\n>>> "

    class Twice(Prompt):
        def read(self, timeout_s: float) -> bytes:
            said, self.said = self.said, line
            return said

    return repl.ask(Twice(banner), 0.01)


@pytest.mark.parametrize("literal", LITERALS, ids=range(len(LITERALS)))
def test_what_a_prompt_says_of_a_visit(literal: bytes) -> None:
    """A literal that is none, too deep or too long tells nothing of a node."""
    found = seen(literal)
    assert found is not None
    assert 0 <= found.visit_s < 1 << 32
    assert not obeyed(repr(found))


@given(st.binary(max_size=60), st.integers(0, 2**32 - 1))
def test_what_a_prompt_says_is_a_visit_or_none(junk: bytes, seconds: int) -> None:
    assert seen(repr(junk).encode()) is not None
    told = b"Ti" + seconds.to_bytes(4, "little") + b"\0"
    found = seen(repr(told).encode())
    assert found is not None
    assert (found.node, found.visit_s) == ("240ac4e29526", seconds)


@contextmanager
def board(printed: Callable[[], bytes]) -> Iterator[str]:
    """A port behind which a raw REPL prints this for whatever code it is sent."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)  # or a write that nobody reads would never end
    stop = threading.Event()

    def serve() -> None:
        code = b""
        while not stop.is_set():
            if not select.select([master], [], [], 0.05)[0]:
                continue
            code += os.read(master, 4096)
            if code.endswith(b"\x05A\x01"):
                said, code = b"R\0", b""
            elif code.endswith(b"\r\x01"):
                said, code = RAW, b""
            elif code == b"\x04":
                said, code = b"OK\r\nMPY: soft reboot\r\n" + RAW, b""
            elif code.endswith(b"\x04"):
                out = b"" if b"def _hash" in code or b"def _facts" in code else printed()
                said, code = b"OK" + out + b"\x04\x04>", b""
            else:
                continue
            while said and not stop.is_set():
                if select.select([], [master], [], 0.05)[1]:
                    with suppress(BlockingIOError):
                        said = said[os.write(master, said[:4096]) :]

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        server.join()
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    "printed",
    [b"", b"7", b"None", b"(" * 500, b"-" * 90_000 + b"1", b"((1,), 2, '\\x1b[2J', 3, [])",
     b"((1, 27), 'x', 'ESP32', 4, [])", b"{}", b"\xff\xfe", b"((1,),1,'with ESP32',4,[(1,2)])"],
    ids=range(10),
)  # fmt: skip
def test_a_board_that_is_none_is_one_message(printed: bytes) -> None:
    from tirta.boards import board_file  # noqa: PLC0415

    with board(lambda: printed) as port, BoardRepl(port) as asked:
        with pytest.raises(TirtaError) as error:
            must_fit(asked, board_file.load("esp32_devkitc"), {"app.mpy": b"M\x06\0\x1f"})
        assert not obeyed(str(error.value))


def test_a_board_that_prints_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_repl, "_MOST_BYTES", 20_000)
    with (
        board(lambda: b"x" * 3_000_000) as port,
        BoardRepl(port) as asked,
        pytest.raises(TirtaError, match="does not behave like MicroPython's prompt"),
    ):
        asked.run("print()")


def test_a_port_that_goes_while_it_is_asked_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tirta ports` opens a silent one twice."""
    found = [{"name": n, "port": f"/dev/{n}", "board": "virtual", "baud": 115200, "power": "on"}
             for n in ("here", "gone")]  # fmt: skip
    monkeypatch.setattr("tirta.virtual.list_nodes", lambda: found)
    monkeypatch.setattr(discover, "comports", list)

    def silent(port: str, baud: int) -> None:
        raise NoAnswerError(f"No node answers on {port}.")

    monkeypatch.setattr(discover, "Node", silent)

    def opened(port: str, baud: int) -> Prompt:
        if port.endswith("gone"):
            raise TirtaError("There is no port.")
        return Prompt(b"MicroPython v1.27.0 on 2025; board\r\n>>> ")

    monkeypatch.setattr(discover, "Line", opened)
    monkeypatch.setattr(Prompt, "close", lambda _: None)
    assert main(["ports"]) == 0
    told = capsys.readouterr().out
    assert "busy" in told
    assert "MicroPython v1.27.0" in told

# SPDX-License-Identifier: MIT
"""What a board's process writes, taken apart: bytes for the line, and events for the supervisor.

The board wraps raw bytes and events in *envelopes* (0xFF, kind, length, content;
boards/virtual/_wire.py). Everything else is text that the interpreter printed itself: the port
would have turned its \\n into \\r\\n. The text also tells whether the REPL is raw, which decides
what a soft reset does.
"""

from collections.abc import Iterator

_MARK = 0xFF
_RAW = 1
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n"
_FRIENDLY_BANNER = b'Type "help()" for more information.\r\n'
_TAIL = max(len(_RAW_BANNER), len(_FRIENDLY_BANNER))


class Output:
    """What a board's process writes: bytes for the line, and events between them."""

    def __init__(self) -> None:
        self.raw_repl = False
        self._pending = b""
        self._tail = b""
        self._hidden: bytes | None = None

    def restart(self) -> None:
        """Begin with a new process: what the old one left half-written is gone."""
        self._pending = b""
        self._tail = b""
        self._hidden = None

    def hide_until_raw(self) -> None:
        """Hide the way from the friendly REPL back to the raw one, which the chip does not go."""
        self._hidden = b""

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Split it into ("line", bytes) and ("event", text), in order."""
        data = self._pending + data
        at = 0
        while at < len(data):
            mark = data.find(_MARK, at)
            text = data[at : mark if mark >= 0 else len(data)]
            if text and (shown := self._text(text)):
                yield "line", shown
            if mark < 0:
                at = len(data)
                break
            at = mark
            if len(data) < mark + 3 or len(data) < mark + 3 + data[mark + 2]:
                break
            content = data[mark + 3 : mark + 3 + data[mark + 2]]
            at = mark + 3 + len(content)
            yield ("line" if data[mark + 1] == _RAW else "event"), content
        self._pending = data[at:]

    def _text(self, text: bytes) -> bytes:
        cooked = text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if text.startswith(b"\n") and self._tail.endswith(b"\r"):
            cooked = cooked[1:]
        seen = self._tail + cooked
        raw, friendly = seen.rfind(_RAW_BANNER), seen.rfind(_FRIENDLY_BANNER)
        if raw != friendly:
            self.raw_repl = raw > friendly
        self._tail = seen[-_TAIL + 1 :] if raw == friendly else cooked[-_TAIL + 1 :]
        if self._hidden is None:
            return cooked
        self._hidden += cooked
        start = self._hidden.find(_RAW_BANNER)
        if start < 0:
            return b""
        shown, self._hidden = self._hidden[start:], None
        return shown

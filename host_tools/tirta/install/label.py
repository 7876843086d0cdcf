# SPDX-License-Identifier: MIT
"""The label that goes onto a node's box: who it is, as text, as a QR code, and as a picture.

The QR code holds one line, `tirta:NODE;board=…;firmware=…;name=…`: a phone shows it, and a scanner
types it into a list.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import segno

from tirta.files import atomic

_SIZE_MM = (62, 29)  # the commonest roll of label printers
_DPI = 300
_MM = 25.4


@dataclass(frozen=True)
class Label:
    """What stands on it."""

    node: str
    board: str
    firmware: str
    name: str = ""

    @property
    def payload(self) -> str:
        """What the QR code says."""
        parts = [f"tirta:{self.node}", f"board={quote(self.board)}", f"firmware={self.firmware}"]
        if self.name:
            parts.append(f"name={quote(self.name)}")
        return ";".join(parts)

    def lines(self) -> list[str]:
        """Return what a person reads."""
        shown = [self.name] if self.name else []
        return [*shown, f"Tirta {self.node}", self.board, f"firmware {self.firmware}"]

    def text(self) -> str:
        """Draw it for a terminal: the QR code in half blocks, the lines below it."""
        rows = [[bool(cell) for cell in row] for row in _code(self).matrix_iter(border=2)]
        if len(rows) % 2:
            rows.append([False] * len(rows[0]))
        blocks = {(True, True): " ", (True, False): "▄", (False, True): "▀", (False, False): "█"}
        drawn = [
            "".join(blocks[pair] for pair in zip(upper, lower, strict=True))
            for upper, lower in zip(rows[::2], rows[1::2], strict=True)
        ]
        return "\n".join([*drawn, *self.lines()])

    def save(self, path: Path) -> Path:
        """Write the picture, 62 x 29 mm at 300 dpi."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        width, height = _SIZE_MM
        figure = Figure(figsize=(width / _MM, height / _MM), dpi=_DPI)
        FigureCanvasAgg(figure)
        square = figure.add_axes((0.0, 0.0, height / width, 1.0))
        square.imshow(
            [list(row) for row in _code(self).matrix_iter(border=3)],
            cmap="gray_r",
            interpolation="none",
        )
        square.axis("off")
        for i, line in enumerate(self.lines()):
            weight = "bold" if i == 0 else "normal"
            figure.text(height / width, 0.82 - 0.2 * i, line, fontsize=7, weight=weight, va="top")
        with atomic.replacing(path) as temporary:
            figure.savefig(temporary, format="png")
        return path


def _code(label: Label) -> segno.QRCode:
    return segno.make_qr(label.payload, error="m")

# SPDX-License-Identifier: MIT
"""The label's picture holds the QR code of its text, module by module."""

from pathlib import Path

import matplotlib.image
import segno

from tirta.install.label import Label

LABEL = Label("02fb6be3ee96", "esp32_devkitc", "0.1.0", "Inlet district 7")


def test_the_picture_shows_the_code_and_its_text_names_the_node(tmp_path: Path) -> None:
    assert LABEL.payload == (
        "tirta:02fb6be3ee96;board=esp32_devkitc;firmware=0.1.0;name=Inlet%20district%207"
    )
    code = [list(row) for row in segno.make_qr(LABEL.payload, error="m").matrix_iter(border=3)]
    picture = matplotlib.image.imread(LABEL.save(tmp_path / "deep" / "label.png"))
    height, width = picture.shape[:2]
    assert abs(width / height - 62 / 29) < 0.01
    step = height / len(code)
    for y, row in enumerate(code):
        for x, dark in enumerate(row):
            shade = picture[int((y + 0.5) * step), int((x + 0.5) * step), :3].mean()
            assert (shade < 0.5) == bool(dark), (x, y)
    assert {"Inlet district 7", "Tirta 02fb6be3ee96", "esp32_devkitc"} <= set(LABEL.lines())


def test_the_terminal_shows_the_same_code() -> None:
    code = [list(row) for row in segno.make_qr(LABEL.payload, error="m").matrix_iter(border=2)]
    shown = LABEL.text().splitlines()
    halves = {" ": (1, 1), "▄": (1, 0), "▀": (0, 1), "█": (0, 0)}
    for y in range(len(code) // 2):
        upper, lower = zip(*(halves[mark] for mark in shown[y]), strict=True)
        assert [int(bool(cell)) for cell in code[2 * y]] == list(upper)
        assert [int(bool(cell)) for cell in code[2 * y + 1]] == list(lower)
    assert shown[-3:] == ["Tirta 02fb6be3ee96", "esp32_devkitc", "firmware 0.1.0"]

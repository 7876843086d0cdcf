# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing of the laptop's decoder against the reader written from FORMAT.md.

    fuzz_decode.py FOLDER -max_total_time=600      (libFuzzer's options; FOLDER keeps the corpus)

The input is the body of a page: chunks whose CRCs are set right here, so that what the fuzzer
changes reaches the decoders. Both must end within a second a page and give out the same records.
atheris is installed by `make fuzz` only, into build/fuzz.
"""

import sys
import time
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / folder) for folder in ("host_tools", "firmware", "tests/support", "tests/both")
]
with atheris.instrument_imports(include=["tirta", "tirta_format", "format_reader", "format_runs"]):
    import format_reader
    from packed_pages import config_text, packed_page

    from tirta.log.decode import decode
    from tirta_format import page, page_chunks

BOUND_S = 1.0
CHANNELS = 4
PAGE, _ = packed_page([], CHANNELS)
PAGE_CRC = page.header(PAGE).crc


def body_of(data: bytes) -> bytes:
    """Chunks of [kind, u16 length, payload], until the page is full or the data ends."""
    out = bytearray()
    at = 0
    while at + 3 <= len(data):
        kind = data[at] % 7
        n = min(int.from_bytes(data[at + 1 : at + 3], "little"), len(data) - at - 3)
        chunk = bytearray(2) + data[at + 3 : at + 3 + n] + bytearray(4)
        if page.HEADER_SIZE + len(out) + len(chunk) > page.SIZE:
            break
        page.finish_chunk(chunk, kind, n, PAGE_CRC)
        out += chunk
        at += 3 + n
    return bytes(out)


def one(data: bytes) -> None:
    """One page."""
    whole = (PAGE[: page.HEADER_SIZE] + body_of(data)).ljust(page.SIZE, b"\xff")
    start = time.monotonic()
    log = decode([(1, whole)], None, [config_text(CHANNELS)])
    took = time.monotonic() - start
    assert took < BOUND_S, f"{took:.1f} s for a page"
    assert len(log.verdicts) == 1
    found = [
        (
            int(number),
            int(slot),
            [v if f != 9 else None for v, f in zip(values, flags, strict=True)],
        )
        for batch in log.records
        for number, slot, values, flags in zip(
            batch.number, batch.slot, batch.values.tolist(), batch.flags.tolist(), strict=True
        )
    ]
    for record, other in zip(found, format_reader.read_log(whole).records, strict=True):
        assert record == (other.number, other.slot, list(other.values))


def seed(folder: Path) -> None:
    """A page of the node's, as the fuzzer's input, to begin with."""
    rows = [[0, [i, 70000 - i * i, i // 9, -i], [1, 1, 9 if i == 30 else 1, 1]] for i in range(90)]
    data, _ = packed_page(rows, CHANNELS, most=20, placed=0.5)
    chunks = page_chunks.chunks(data, PAGE_CRC)
    parts = [bytes([kind]) + n.to_bytes(2, "little") + data[at : at + n] for kind, at, n in chunks]
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(len(parts)):
        (folder / f"seed{i}").write_bytes(b"".join(parts[: i + 1]))


def main() -> None:
    """Seed the corpus and run libFuzzer."""
    seed(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

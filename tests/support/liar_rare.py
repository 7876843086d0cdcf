# SPDX-License-Identifier: MIT
"""What `LiarNode` answers to what is asked rarely: keys, updates, another rate, who it is."""

import json
from functools import cache
from pathlib import Path
from zlib import crc32

from tirta.boards import board_file
from tirta.image import build, bundle, littlefs
from tirta_format import frame, updates

BLOCK = littlefs.BLOCK
_STALE = (3, 7)  # blocks of the other slot that are not the bundle's yet


@cache
def small_bundle() -> bundle.Bundle:
    """An application that is small and none, of a version that is newer."""
    board = board_file.load("virtual")
    root = Path(build.APP_ROOT).with_suffix(".mpy").name
    app = {root: b"M\x06\x00\x1f" + bytes(range(256)) * 9}
    app[build.MANIFEST] = build._manifest(app, board)
    return bundle.Bundle(app)


@cache
def slot_image() -> bytes:
    """What it makes of a slot."""
    size = board_file.load("virtual").partition("app_a").size
    return littlefs.lfs_image(small_bundle().app, size, littlefs.OLD_SLOT_BLOCK)


class RareAnswers:
    """A part of `LiarNode`."""

    rates = False  # whether it takes another rate of the line

    def _answer_10(self, payload: bytes) -> bytes | tuple[int, bytes]:
        return payload if self.rates else (frame.REFUSAL, bytes((frame.NOT_NOW,)) + b"no")

    def _answer_1c(self, _: bytes) -> bytes:
        return b""  # it is the same key again: nobody here has another

    def _answer_1e(self, _: bytes) -> bytes:
        return b""

    def _answer_1f(self, _: bytes) -> bytes:
        return b""

    def _answer_28(self, _: bytes) -> bytes:
        told = {
            "running": "a", "version": "0.1.0", "board": "virtual", "micropython": "1.27.0",
            "mpy": 0, "other": "b", "blocks": len(slot_image()) // BLOCK, "trial": "", "boots": 0,
            "previous": "0.0.9",
        }  # fmt: skip
        return json.dumps(told).encode()

    def _answer_29(self, _: bytes) -> bytes:
        return b""

    def _answer_2a(self, payload: bytes) -> bytes:
        first = int.from_bytes(payload[:2], "little")
        image = slot_image()
        found = b""
        for block in range(first, min(first + payload[2], len(image) // BLOCK)):
            have = crc32(image[block * BLOCK : (block + 1) * BLOCK]) ^ (block in _STALE)
            found += have.to_bytes(4, "little")
        return found

    def _answer_2b(self, _: bytes) -> bytes:
        return b""

    def _answer_2c(self, _: bytes) -> bytes:
        return b""

    def _answer_2d(self, payload: bytes) -> bytes:
        version = small_bundle().version
        return json.dumps({"from": "0.1.0", "to": version}).encode()

    def _answer_2e(self, _: bytes) -> bytes:
        return json.dumps({"from": "0.1.0", "to": "0.0.9"}).encode()

    def _answer_35(self, _: bytes) -> bytes:
        return b"{}"


KINDS = {updates.SLOTS, updates.BEGIN, updates.HASHES, updates.ERASE, updates.WRITE, updates.TRY}

# SPDX-License-Identifier: MIT
"""One epoch of a node whose evidence is in a pack."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tirta.archive.epoch import Epoch, StoredPage, header_of
from tirta.archive.pack import Pack
from tirta_format import config as format_config


@dataclass(frozen=True)
class PackedPage(StoredPage):
    """A page in a pack; `path` is where it would lie in a folder."""

    epoch: "PackedEpoch | None" = field(default=None, compare=False, repr=False)

    def read(self) -> bytes:
        """Read the known bytes. Raises TirtaError."""
        found = self.epoch.read(self.sequence) if self.epoch else None
        return found or b""


@dataclass(frozen=True)
class PackedEpoch(Epoch):
    """Reads and writes the pack; what waits to be confirmed lies in the folder always."""

    pack: Pack

    def pages(
        self, folder: Path | None = None, known: Iterable[StoredPage] = ()
    ) -> dict[int, StoredPage]:
        """Look what is stored, by sequence, ascending. Raises TirtaError."""
        if folder is not None:
            return super().pages(folder, known)
        rows = self.pack.pages(self.node, self.number)
        return {row.page: self.stored_page(*row) for row in rows}

    def stored_page(self, sequence: int, size: int, header_crc: int, changed_ns: int) -> StoredPage:
        """Return a page of this epoch that was seen so."""
        return PackedPage(self.path(sequence), sequence, size, header_crc, changed_ns, self)

    def read(self, sequence: int) -> bytes | None:
        """Return what is known of a page, None where nothing is. Raises TirtaError."""
        return self.pack.page(self.node, self.number, sequence) or None

    def store(self, sequence: int, data: bytes) -> None:
        """Put a page, or more of one, into the pack: whole or not at all."""
        if self.make_way(sequence, data):
            head = header_of(data)
            crc = 0 if head is None else head.crc
            self.pack.store(self.node, self.number, sequence, crc, data)

    def make_way(self, sequence: int, data: bytes) -> bool:
        """Set aside what is there and is not the beginning of these bytes of a page; return whether
        they may lie there: not where they, or more of it, do already.
        """
        there = self.pack.page(self.node, self.number, sequence)
        if there and there.startswith(data):
            return False
        if there and not data.startswith(there):
            self.pack.set_aside(self.node, self.number, sequence)
        return True

    def set_aside(self, sequence: int) -> Path:
        """Move a page out of the way, and keep it."""
        self.pack.set_aside(self.node, self.number, sequence)
        return self.pack.path

    def note(self, name: str) -> bytes | None:
        """Return what is noted beside the pages; None where nothing can be read."""
        return self.pack.note(self.node, self.number, name)

    def keep_note(self, name: str, content: bytes) -> None:
        """Note something beside the pages. Raises TirtaError."""
        self.pack.keep_note(self.node, self.number, name, content)

    def store_config(
        self, config_hash: int, text: bytes, parsed: dict[str, Any] | None = None
    ) -> None:
        """Keep a config, and what was made of it. Raises TirtaError."""
        told = json.dumps(parsed, separators=(",", ":")) if parsed else ""
        row = self.node, self.number, config_hash, text, told
        self.pack.change("INSERT OR REPLACE INTO configs VALUES (?, ?, ?, ?, ?)", [row])

    def parsed_configs(self) -> dict[int, tuple[bytes, str]]:
        """Return (text, JSON of what was made of it) by hash; the latter is empty where nobody
        told.
        """
        sql = "SELECT hash, text, parsed FROM configs WHERE node = ? AND epoch = ?"
        rows = self.pack.rows(sql, (self.node, self.number))
        return {config_hash: (bytes(text), told) for config_hash, text, told in rows}

    def has_config(self, config_hash: int) -> bool:
        """Return whether the text of a config is kept, and undamaged."""
        return any(format_config.config_hash(text) == config_hash for text in self.configs())

    def configs(self) -> list[bytes]:
        """Read the texts that `store_config` kept."""
        sql = "SELECT text FROM configs WHERE node = ? AND epoch = ? ORDER BY hash"
        return [bytes(text) for (text,) in self.pack.rows(sql, (self.node, self.number))]

    def confirmed(self, only: Iterable[int] | None = None) -> list[tuple[int, int, str]]:
        """Return (page, bytes, their SHA-256) of what the node confirmed, 0 bytes where it refused
        to; of these pages, or of all.
        """
        sql = "SELECT page, size, sha256 FROM confirmed WHERE node = ? AND epoch = ?"
        if only is None:
            return self.pack.rows(sql, (self.node, self.number))
        one = f"{sql} AND page = ?"
        return [row for page in only for row in self.pack.rows(one, (self.node, self.number, page))]

    def confirm(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Keep the same."""
        whole = ((self.node, self.number, *row) for row in rows)
        self.pack.change("INSERT OR REPLACE INTO confirmed VALUES (?, ?, ?, ?, ?)", whole)

    def known(self) -> dict[int, str]:
        """Return what decoding each page told, as `remember` was given it."""
        sql = "SELECT page, known FROM pages WHERE node = ? AND epoch = ? AND known <> ''"
        return dict(self.pack.rows(sql, (self.node, self.number)))

    def remember(self, known: Mapping[int, str]) -> None:
        """Keep what decoding pages told."""
        sql = "UPDATE pages SET known = ? WHERE node = ? AND epoch = ? AND page = ?"
        self.pack.change(sql, ((t, self.node, self.number, page) for page, t in known.items()))

# SPDX-License-Identifier: MIT
"""What an archive has of one node's epoch: log pages as they came, NODE/EPOCH/pages/SEQUENCE.page.

The pages are the evidence: everything else is derived from them again at any time. A page that was
still being written when it was pulled is shorter than 4096 bytes: its length is what is known of
it, and the next pull goes on there. Tables that other programs read lie beside it (tirta.tables).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tirta.errors import TirtaError
from tirta.files import atomic
from tirta_format import config as format_config
from tirta_format import page as format_page

_PAGE = "*.page"


@dataclass(frozen=True)
class StoredPage:
    """A page on the disk; `size` bytes of it are known. `changed_ns` is when its file changed."""

    path: Path
    sequence: int
    size: int
    header_crc: int
    changed_ns: int

    @property
    def complete(self) -> bool:
        """Whether all of the page is known."""
        return self.size == format_page.SIZE

    def read(self) -> bytes:
        """Read the known bytes. Raises TirtaError."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise TirtaError(
                f"Cannot read {self.path}: {error.strerror}.", "Check the disk and its rights."
            ) from error


@dataclass(frozen=True)
class Epoch:
    """One epoch of one node: the records in it are numbered from 0."""

    node: str
    number: int
    folder: Path

    def pages(
        self, folder: Path | None = None, known: Iterable[StoredPage] = ()
    ) -> dict[int, StoredPage]:
        """Look what is stored, by sequence, ascending; elsewhere than in pages/, if `folder` says
        so. Files that are no page of ours are left out; a file that is as one of `known` is not
        opened.
        """
        found = {}
        as_before = {page.path: page for page in known}
        for path in sorted((folder or self.folder / "pages").glob(_PAGE)):
            if not path.is_file():
                continue
            told, page = path.stat(), as_before.get(path)
            size = min(told.st_size, format_page.SIZE)
            if page is None or (page.size, page.changed_ns) != (size, told.st_mtime_ns):
                with path.open("rb") as file:
                    head = header_of(file.read(format_page.HEADER_SIZE))
                if head is None or head.epoch != self.number:
                    continue
                page = StoredPage(path, head.seq, size, head.crc, told.st_mtime_ns)
            found[page.sequence] = page
        return dict(sorted(found.items()))

    def path(self, sequence: int) -> Path:
        """Return where a page lies, or would."""
        return self.folder / "pages" / f"{sequence:010d}.page"

    def read(self, sequence: int) -> bytes | None:
        """Return what is known of a page, None where nothing is. Raises OSError."""
        try:
            return self.path(sequence).read_bytes()
        except FileNotFoundError:
            return None

    def stored_page(self, sequence: int, size: int, header_crc: int, changed_ns: int) -> StoredPage:
        """Return a page of this epoch that was seen so."""
        return StoredPage(self.path(sequence), sequence, size, header_crc, changed_ns)

    def note(self, name: str) -> bytes | None:
        """Return what a file beside the pages says; None where it cannot be read."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def keep_note(self, name: str, content: bytes) -> None:
        """Write that file, whole or not at all. Raises TirtaError."""
        atomic.write(self.folder / name, content)

    def store(self, sequence: int, data: bytes) -> None:
        """Put a page, or more of one, into the archive: whole or not at all.

        What is there and is not the beginning of it is evidence, too: it is set aside. Where more
        of the same page is there already, it stays.
        """
        if self.make_way(sequence, data):
            atomic.write(self.path(sequence), data)

    def make_way(self, sequence: int, data: bytes) -> bool:
        """Set aside what is there and is not the beginning of these bytes of a page; return whether
        they may lie there: not where they, or more of it, do already.
        """
        path = self.path(sequence)
        if path.exists():
            there = path.read_bytes() if path.is_file() else None
            if there is not None and there.startswith(data):
                return False
            if there is None or not data.startswith(there):
                self.set_aside(sequence)
        return True

    def set_aside(self, sequence: int) -> Path:
        """Move a page out of the way, and keep it: aside/SEQUENCE-N.page."""
        source, folder = self.path(sequence), self.folder / "aside"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            count = len(list(folder.glob(f"{source.stem}-*")))
            target = folder / f"{source.stem}-{count + 1}.page"
            source.rename(target)
        except OSError as error:
            raise atomic.cannot_write(folder, error) from error
        return target

    def store_config(self, config_hash: int, text: bytes) -> None:
        """Keep a config: a pull that begins late may not bring the page that it was logged in."""
        atomic.write(self._config(config_hash), text)

    def has_config(self, config_hash: int) -> bool:
        """Return whether the text of a config is kept, and undamaged."""
        try:
            text = self._config(config_hash).read_bytes()
        except OSError:
            return False
        return bool(format_config.config_hash(text) == config_hash)

    def keep_configs(self, texts: Mapping[int, bytes]) -> bool:
        """Store those that are not kept yet, by their hash; return whether there were any."""
        new = [config_hash for config_hash in texts if not self.has_config(config_hash)]
        for config_hash in new:
            self.store_config(config_hash, texts[config_hash])
        return bool(new)

    def configs(self) -> list[bytes]:
        """Read the texts that `store_config` kept."""
        paths = sorted((self.folder / "configs").glob("*.json"))
        return [path.read_bytes() for path in paths if path.is_file()]

    def tidy(self) -> None:
        """Remove what a killed pull left half-written."""
        for path in self.folder.glob(f"*/.*{atomic.TEMPORARY}*"):
            path.unlink(missing_ok=True)

    def _config(self, config_hash: int) -> Path:
        return self.folder / "configs" / f"{config_hash:08x}.json"


def header_of(data: bytes) -> Any:
    """Return the header that a page begins with, or None."""
    return format_page.header(data[: format_page.HEADER_SIZE].ljust(40, b"\0"))

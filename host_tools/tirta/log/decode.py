# SPDX-License-Identifier: MIT
"""Pages to records (FORMAT.md sections 2 to 6).

Words: a *verdict* says what a page was good for;
an *event* is a meta record that a person may want to know. Nothing here trusts a page: what does
not check is left out and told in its verdict.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tirta.archive.evidence import Epoch
from tirta.log import meta_fields
from tirta.log.dating import Anchor
from tirta.log.page_records import Chunk, PageNumbers, PageRecords
from tirta.log.records import Records
from tirta.water import node_config
from tirta_format import columns, meta, page_chunks
from tirta_format import config as format_config
from tirta_format import page as format_page

FAST_PAGES = 20  # fewer are decoded sooner than numba is loaded


@dataclass
class Verdict:
    """What a page was good for; `problems` is empty when all of it was. `first_record` and
    `config_hash` are those of its header.
    """

    page: int
    first_record: int = 0
    records: int = 0
    problems: list[str] = field(default_factory=list)
    foreign: bool = False  # one problem is that nobody has the config's text: no damage
    config_hash: int = 0

    @property
    def damaged(self) -> bool:
        """Whether the page itself is at fault."""
        return len(self.problems) > self.foreign


@dataclass(frozen=True)
class Event:
    """A meta record: when in which boot, and what. `boot` is None where damage hides it."""

    page: int
    boot: int | None
    uptime_ms: int
    kind: int
    fields: dict[str, Any]


@dataclass
class Log:
    """Everything that the pages of one node's epoch say; `records` are those of a page each."""

    node: str = ""
    epoch: int = 0
    records: list[Records] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    anchors: dict[int, list[Anchor]] = field(default_factory=dict)
    page_anchors: dict[int, Anchor] = field(default_factory=dict)
    configs: dict[int, dict[str, Any]] = field(default_factory=dict)
    config_texts: dict[int, bytes] = field(default_factory=dict)


def decode_epoch(epoch: Epoch) -> Log:
    """Decode all stored pages of one node's epoch."""
    pages = ((p.sequence, p.read()) for p in epoch.pages().values())
    return decode(pages, Log(epoch.node, epoch.number), epoch.configs())


def decode(
    pages: Iterable[tuple[int, bytes]],
    log: Log | None = None,
    configs: Iterable[bytes] = (),
    *,
    parsed: Mapping[int, dict[str, Any]] | None = None,
    many: bool = False,
    numbers_only: bool = False,
) -> Log:
    """Decode pages (sequence, known bytes) in ascending order; `configs` are texts known besides,
    `parsed`, by hash, what was made of texts before.
    `many` says that more will follow, so that it pays to load numba. With `numbers_only` nothing is
    unpacked: records have numbers, and zeros for the rest.
    """
    log = log or Log()
    whole = [_Page.of(seq, data.ljust(format_page.SIZE, b"\xff")) for seq, data in pages]
    known = parsed or {}
    # Configs first: the text that a page's hash names may have been logged again in a later page.
    texts = _ConfigTexts()
    for text in configs:
        for at in range(0, len(text), meta.CONFIG_PART):
            texts.take(meta.config(0, format_config.config_hash(text), text, at))
    for page in whole:
        for kind, at, n in page.chunks:
            if kind == format_page.META and n and page.data[at] == meta.CONFIG:
                texts.take(page.data[at : at + n])
    log.config_texts = texts.whole()
    log.configs = {
        **_parsed({h: t for h, t in log.config_texts.items() if h not in known}),
        **known,
    }
    fast = None if many or len(whole) >= FAST_PAGES else False
    wide = {h: len(columns.columns(told["channels"])) for h, told in log.configs.items()}
    for page in whole:
        _PageDecoder(log, page, wide, fast, PageNumbers if numbers_only else PageRecords).run()
    return log


class _Page(NamedTuple):
    """A page, its header, and what lies in it; nothing where its header is not to be trusted."""

    sequence: int
    data: bytes
    head: Any
    chunks: list[Chunk]

    @classmethod
    def of(cls, sequence: int, data: bytes) -> "_Page":
        head = format_page.header(data)
        return cls(sequence, data, head, list(page_chunks.chunks(data, head.crc)) if head else [])


class _ConfigTexts:
    """Config texts put together from their parts."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[int, bytes]] = {}
        self._lengths: dict[int, int] = {}

    def take(self, payload: bytes) -> None:
        try:
            _, _, fields = meta.parse(payload)
        except ValueError:
            return
        if fields["length"] <= format_config.MAX_BYTES:
            self._lengths[fields["hash"]] = fields["length"]
            self._parts.setdefault(fields["hash"], {})[fields["offset"]] = fields["part"]

    def whole(self) -> dict[int, bytes]:
        found = {}
        for wanted, parts in self._parts.items():
            text = b"".join(parts[at] for at in sorted(parts))
            if len(text) == self._lengths[wanted] and format_config.config_hash(text) == wanted:
                found[wanted] = text
        return found


def _parsed(texts: dict[int, bytes]) -> dict[int, dict[str, Any]]:
    found = {}
    for config_hash, text in texts.items():
        with contextlib.suppress(ValueError):
            found[config_hash] = node_config.parse(text)
    return found


class _PageDecoder:
    def __init__(
        self,
        log: Log,
        page: _Page,
        wide: dict[int, int],  # how many columns, by config
        fast: bool | None,
        reader: type[PageRecords],
    ) -> None:
        self.log = log
        self.page = page
        self.wide = wide
        self.fast = fast
        self.reader = reader
        self.verdict = Verdict(page.sequence)

    def run(self) -> None:
        self.log.verdicts.append(self.verdict)
        head = self.page.head
        if head is None:
            self.verdict.problems.append("no header to trust")
            return
        self.verdict.first_record = head.number
        self.verdict.config_hash = head.config_hash
        if head.unix_ms:
            self.log.page_anchors[head.boot] = Anchor.of_page(head)
        config = self.log.configs.get(head.config_hash)
        records = self.reader(head, config or {}, self.fast)
        self._chunks(head, records)
        if config is None or self.wide[head.config_hash] != head.channels:
            self.verdict.foreign = config is None
            self.verdict.problems.append(f"config {head.config_hash:08x} is not in the log")
        elif records.count:
            self.log.records.append(records.joined())
        self.verdict.records = records.count

    def _chunks(self, head: Any, records: PageRecords) -> None:
        boot: int | None = head.boot  # of the meta records
        data, chunks = self.page.data, self.page.chunks
        together = records.take_together(data, chunks)
        for kind, at, n in chunks:
            payload = data[at : at + n]
            if kind == page_chunks.DAMAGED:
                self.verdict.problems.append(f"bytes {at} to {at + n - 1} are damaged")
                records.lose()
                boot = None
            elif kind == format_page.META:
                boot = self._meta(payload, boot)
            elif together and records.knows(kind):
                boot = records.boot
            elif records.knows(kind) and not records.can_read(kind):
                self.verdict.problems.append(f"the records at byte {at} have lost their place")
            elif records.knows(kind):
                try:
                    records.take(kind, payload)
                    boot = records.boot
                except ValueError as error:
                    self.verdict.problems.append(f"the chunk at byte {at} is malformed: {error}")
                    boot = None

    def _meta(self, payload: bytes, boot: int | None) -> int | None:
        try:
            kind, uptime_ms, fields = meta_fields.parse(payload)
        except ValueError as error:
            self.verdict.problems.append(f"a meta record is malformed: {error}")
            return boot
        if kind == meta.BOOT:
            boot = fields["boot"]
        if kind == meta.ANCHOR and boot is not None:
            anchor = Anchor(
                uptime_ms, fields["unix_ms"], fields["uncertainty_ms"], fields["source"]
            )
            self.log.anchors.setdefault(boot, []).append(anchor)
        if kind != meta.CONFIG:
            self.log.events.append(Event(self.verdict.page, boot, uptime_ms, kind, fields))
        return boot

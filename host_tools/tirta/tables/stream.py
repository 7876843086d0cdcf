# SPDX-License-Identifier: MIT
"""Pages that came since the last batch, of any number of nodes, into a lake: one commit a table.

What a batch takes is planned and written down before, as pages and sizes; each commit carries the
batch's number, as Delta Lake keeps one for each writer. A batch that was cut off anywhere is done
again from its plan: a table that has its number already is left alone. Only records that the lake
has not are appended. Where an older record gets another time, from an anchor that came late, or
another value, all of its node's rows are replaced.
"""

import contextlib
import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import TableNotFoundError

from tirta.archive.contents import packed
from tirta.archive.evidence import Archive
from tirta.archive.pack import WHOLE_NODE, Pack
from tirta.archive.packed_epoch import PackedEpoch
from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.log import known_pages
from tirta.log.dating import Dating
from tirta.log.decode import Log, decode
from tirta.log.records import Records
from tirta.ranges import Range, in_both, merged, without
from tirta.tables import channels, events, lake, layout
from tirta.tables.condition import Condition
from tirta.tables.facts import hex_of
from tirta.tables.many_nodes import ManyNodes
from tirta.tables.stream_state import StreamState
from tirta.water import columns, lab_calibrations, quantities
from tirta.water.columns import Column

_ALL = 1 << 20  # bytes
_LAKE = "lake"  # under which the snapshot is noted
_SMALL_TABLES = 200
MOST_PAGES = 10_000  # of a batch
MOST_VALUES = 2_200_000  # and then no further node: some 1 GB
Page = tuple[int, int]  # sequence, and how many bytes of it
BatchPlan = dict[tuple[str, int], list[Page]]


@dataclass
class _Batch:
    """What one batch brings."""

    rows: ManyNodes
    again: ManyNodes  # rows in place of others
    replaced: list[str] = field(default_factory=list)  # predicates: of what
    events: list[pa.Table] = field(default_factory=list)
    channels: list[pa.Table] = field(default_factory=list)
    states: list[tuple[PackedEpoch, StreamState, "_Configs", dict[int, str]]] = field(
        default_factory=list
    )


class Stream:
    """Writes an archive's new pages into a lake; `part` names which of several that do so, `takes`
    says of which nodes.
    """

    def __init__(
        self, root: Path, lake: Path, part: str, takes: Callable[[str], bool] = lambda _: True
    ) -> None:
        self._archive = Archive(root)
        if self._archive.pack is None:
            raise ValueError(root)
        self._pack = self._archive.pack
        self._lake = lake
        self._city = root.resolve().name
        self._writer = f"{self._pack.name}-{part}"
        self._takes = takes

    def land(self) -> int:
        """Commit all that waits, batch by batch; return how many values. Raises TirtaError."""
        done = 0
        hint = "What came is safe. The next batch goes on, and doubles nothing."
        with lake.writing(self._lake, hint):
            while found := self._planned():
                done += self._do(*found)
        return done

    def bring(self, _changed: object = ()) -> Iterator[TirtaError]:
        """Do the same, and tell what could not be; a batch takes all that waits."""
        try:
            self.land()
        except TirtaError as error:
            yield error

    def finish(self, parts: str) -> None:
        """Do what writers began that were part of another number than `parts` (N of I/N). Raises
        TirtaError.
        """
        sql = "SELECT writer FROM batches WHERE plan <> ''"
        for (writer,) in self._pack.rows(sql):
            if writer.rpartition("/")[2] != parts:
                other = Stream(self._archive.root, self._lake, writer.rpartition("-")[2], _nobody)
                other.land()

    def condition(self, node: str, epoch: int) -> Condition:
        """Return what a node's newest pages in the lake say of it."""
        state = StreamState.of(self._archive.epoch(node, epoch))
        return Condition(state.firmware, state.battery_v, tuple(state.raised))

    def _planned(self) -> tuple[int, BatchPlan] | None:
        """The plan that was not done, else a new one; None where nothing waits."""
        with self._pack.together():
            sql = "SELECT version, plan FROM batches WHERE writer = ?"
            found = self._pack.rows(sql, [self._writer])
            version, text = found[0] if found else (0, "")
            if text:
                return version, _plan_of(text)
            plan = self._wanted()
            if not plan:
                return None
            self._must_agree(version)
            row = self._writer, version + 1, _text_of(plan)
            self._pack.change("INSERT OR REPLACE INTO batches VALUES (?, ?, ?)", [row])
            taken = [(*key, page) for key, pages in plan.items() for page, _ in pages]
            self._pack.change(
                "DELETE FROM changes WHERE node = ? AND epoch = ? AND page = ?", taken
            )
            return version + 1, plan

    def _must_agree(self, version: int) -> None:
        """Raise TirtaError where the lake has batches that nobody here knows of, or has not those
        that were committed.
        """
        hint = (
            f"Stop `tirta receive`, run `tirta lake mend {self._lake} {self._archive.root}`, and"
            " start it again: nothing is lost of either."
        )
        for name in (layout.CHANNELS, layout.EVENTS, layout.RECORDS):
            with contextlib.suppress(TableNotFoundError):
                table = DeltaTable(self._lake / name)
                if (table.transaction_version(self._writer) or 0) > version:
                    raise TirtaError(
                        f"The lake {self._lake} has more of {self._city} than its archive knows"
                        " of: the archive is an older copy.",
                        hint,
                    )
        if is_older(self._pack, self._lake):
            raise TirtaError(
                f"The lake {self._lake} has less of {self._city} than was written into it: it is"
                " an older copy.",
                hint,
            )

    def _wanted(self) -> BatchPlan:
        """Pages that changed, of this writer's nodes: none of a node that another's plan has."""
        others = {
            key
            for (text,) in self._pack.rows(
                "SELECT plan FROM batches WHERE writer <> ? AND plan <> ''", [self._writer]
            )
            for key in _plan_of(text)
        }
        plan: BatchPlan = {}
        count = 0
        for node, epoch, page, size in self._pack.each(
            "SELECT node, epoch, page, size FROM changes JOIN pages USING (node, epoch, page)"
            " ORDER BY node, epoch, page"
        ):
            if self._takes(node) and (node, epoch) not in others:
                if count >= MOST_PAGES and (node, epoch) not in plan:
                    break
                plan.setdefault((node, epoch), []).append((page, size))
                count += 1
        return plan

    def _do(self, version: int, plan: BatchPlan) -> int:
        batch = _Batch(ManyNodes(self._city), ManyNodes(self._city))
        waiting = dict(plan)
        with _no_search_for_cycles():
            while waiting and batch.rows.count + batch.again.count < MOST_VALUES:
                key = next(iter(waiting))
                epoch = PackedEpoch(*key, self._archive.root / key[0] / str(key[1]), self._pack)
                self._take(batch, epoch, waiting.pop(key))
        if waiting:
            self._put_back(plan, waiting)
        self._replace(batch)
        rows = batch.rows.table() if batch.rows.count else None
        for name, made, by in (
            (layout.CHANNELS, batch.channels, ["city"]),
            (layout.EVENTS, batch.events, ["city"]),
            (layout.RECORDS, [rows] if rows is not None else [], ["city", "month"]),
        ):
            if made:
                self._append(name, pa.concat_tables(made), by, version)
        with self._pack.together():
            for epoch, state, configs, known in batch.states:
                state.save(epoch)
                configs.save()
                epoch.remember(known)
            done = "UPDATE batches SET plan = '' WHERE writer = ?"
            self._pack.change(done, [(self._writer,)])
            remember(self._pack, self._lake)
        return batch.rows.count + batch.again.count

    def _put_back(self, plan: BatchPlan, waiting: BatchPlan) -> None:
        """Leave nodes to the next batch."""
        done = {key: pages for key, pages in plan.items() if key not in waiting}
        rows = [(*key, page) for key, pages in waiting.items() for page, _ in pages]
        with self._pack.together():
            sql = "UPDATE batches SET plan = ? WHERE writer = ?"
            self._pack.change(sql, [(_text_of(done), self._writer)])
            self._pack.change("INSERT OR IGNORE INTO changes VALUES (?, ?, ?)", rows)

    def _take(self, batch: _Batch, epoch: PackedEpoch, pages: list[Page]) -> None:
        """Decode the pages of one node's epoch, and add what is new."""
        state = StreamState.of(epoch)
        before = state.dates(state.dating())
        configs = _Configs(epoch)
        log, data = _decoded(epoch, configs, dict.fromkeys(state.unread, _ALL) | dict(pages))
        state.learn(log)
        calibrations = lab_calibrations.read(self._archive.root / epoch.node)
        applied = [[one.channel, one.from_ms, list(one.coefficients)] for one in calibrations]
        dating = state.dating()
        main, have, records, bytes_of = batch.rows, state.have, log.records, data
        if have and (state.dates(dating) != before or applied != state.calibrated):
            every = {row.page: _ALL for row in self._pack.pages(epoch.node, epoch.number)}
            whole, bytes_of = _decoded(epoch, configs, every | dict(pages))
            state.learn(whole)
            dating = state.dating()
            records, main, have = whole.records, batch.again, []
            here = [one for found in records for one in found.ranges()]
            state.beyond = without(state.beyond, here)
            batch.replaced.append(_those(epoch, state.beyond, "NOT "))
        state.calibrated = applied
        names: dict[int, list[Column]] = {}
        for found in records:
            fresh = _without(found, have)
            if len(fresh):
                into = main
                if in_both(fresh.ranges(), state.beyond):
                    state.beyond = without(state.beyond, fresh.ranges())
                    batch.replaced.append(_those(epoch, fresh.ranges()))
                    into = batch.again
                name = f"{fresh.page}:{sha256(bytes_of[fresh.page]).hexdigest()[:16]}"
                if fresh.config_hash not in names:
                    names[fresh.config_hash] = columns.of(fresh.config)
                mine = names[fresh.config_hash]
                into.add(epoch.node, epoch.number, dating.of(fresh), mine, name, calibrations)
                have = merged([*have, *fresh.ranges()])
                state.date(fresh)
                self._battery(state, fresh, mine, calibrations)
        state.have = merged([*state.have, *have])
        self._events(batch, epoch, state, log, dating)
        self._channels(batch, epoch, state, log)
        foreign = {one.page for one in log.verdicts if one.foreign}
        state.unread = sorted((set(state.unread) - data.keys()) | foreign)
        batch.states.append((epoch, state, configs, _remembered(epoch, log, data)))

    def _battery(
        self,
        state: StreamState,
        found: Records,
        names: list[Column],
        known: list[lab_calibrations.Calibration],
    ) -> None:
        """The newest voltage of the battery, where a channel has it."""
        for at, one in enumerate(names):
            if one.what == "value" and quantities.of(one) == "battery":
                good = np.flatnonzero(np.isin(found.flags[:, at], (1, 2)))
                if len(good) and int(found.number[good[-1]]) > state.battery_number:
                    last = good[-1:]
                    state.battery_number = int(found.number[last[0]])
                    value = lab_calibrations.apply(
                        found.values[last, at], one, np.zeros(1, np.int64), known
                    )
                    state.battery_v = float(value[0])

    def _events(
        self, batch: _Batch, epoch: PackedEpoch, state: StreamState, log: Log, dating: Dating
    ) -> None:
        verdicts = {one.page: log.configs.get(one.config_hash) for one in log.verdicts}
        rows = events.rows(log.events, verdicts)
        state.judge(log, [row["place"] for row in rows])
        fresh = [row for row in rows if row["place"] >= state.events.get(row["page"], 0)]
        for row in fresh:
            state.events[row["page"]] = row["place"] + 1
        if fresh:
            table = events.to_table(epoch.number, fresh, dating)
            _gather(batch.events, lake.keyed(table, self._keys(epoch)))

    def _channels(self, batch: _Batch, epoch: PackedEpoch, state: StreamState, log: Log) -> None:
        used = {hex_of(one.config_hash) for one in log.records} - set(state.configs)
        if used:
            found = {h: config for h, config in log.configs.items() if hex_of(h) in used}
            table = channels.of_configs(epoch.number, found)
            _gather(batch.channels, lake.keyed(table, self._keys(epoch)))
            state.configs += sorted(used)

    def _keys(self, epoch: PackedEpoch) -> dict[str, str]:
        return {"city": self._city, "node": epoch.node, "inputs": ""}

    def _replace(self, batch: _Batch) -> None:
        """Put the rows of nodes that were dated anew in place of what there was."""
        path = self._lake / layout.RECORDS
        if not batch.replaced or not layout.is_lake(self._lake):
            return
        since = DeltaTable(path).version()
        rows = batch.again.table() if batch.again.count else None
        where = [f"city = {lake.text(self._city)}", f"({' OR '.join(batch.replaced)})"]
        lake.overwrite(path, rows, where, ["city", "month"])
        _flush(path, since)

    def _append(self, name: str, rows: pa.Table, by: list[str], version: int) -> None:
        path = self._lake / name
        try:
            table = DeltaTable(path)
            since = table.version()
            if (table.transaction_version(self._writer) or 0) >= version:
                return
        except TableNotFoundError:
            atomic.make_folder(path)
            since = -1
        numbered = CommitProperties(app_transactions=[Transaction(self._writer, version)])
        write_deltalake(path, rows, mode="append", partition_by=by, commit_properties=numbered)
        _flush(path, since)


def _gather(tables: list[pa.Table], one: pa.Table) -> None:
    """Add a small table to others, which are joined where there are many: each costs some 20 KB."""
    tables.append(one)
    if len(tables) > _SMALL_TABLES:
        tables[:] = [pa.concat_tables(tables).combine_chunks()]


def remember(pack: Pack, where: Path) -> None:
    """Note beside the evidence which snapshot of the lake it agrees with. Raises TirtaError."""
    pack.keep_note("", WHOLE_NODE, _LAKE, json.dumps(_snapshot(where)).encode())


def is_older(pack: Pack, where: Path) -> bool:
    """Return whether the lake is another than the one that was written, or an older copy."""
    noted = pack.note("", WHOLE_NODE, _LAKE)
    if noted is None:
        return False
    (named, version), (there, now) = json.loads(noted), _snapshot(where)
    return bool(named and (named != there or now < version))


def _snapshot(where: Path) -> tuple[str, int]:
    """What names the table of records for ever, and its newest version."""
    try:
        table = DeltaTable(where / layout.RECORDS)
    except TableNotFoundError:
        return "", -1
    return str(table.metadata().id), table.version()


def _those(epoch: PackedEpoch, numbers: list[Range], no: str = "") -> str:
    """A predicate: rows of a node's epoch that have these numbers, or `NOT ` have them."""
    parts = [f"node = '{epoch.node}'", f"epoch = {epoch.number}"]
    if numbers:
        these = " OR ".join(f"number BETWEEN {first} AND {last}" for first, last in numbers)
        parts.append(f"{no}({these})")
    return f"({' AND '.join(parts)})"


def _nobody(_node: str) -> bool:
    return False


@contextlib.contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """A batch keeps many objects, none of them in a cycle: to search them all again and again takes
    a seventh of its time.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _text_of(plan: BatchPlan) -> str:
    return json.dumps([[*key, pages] for key, pages in plan.items()])


def _plan_of(text: str) -> BatchPlan:
    return {
        (node, epoch): [(page, size) for page, size in pages]
        for node, epoch, pages in json.loads(text)
    }


class _Configs:
    """The configs of a node's epoch, read and parsed once."""

    def __init__(self, epoch: PackedEpoch) -> None:
        self._epoch = epoch
        self._kept = epoch.parsed_configs()
        self.parsed = {h: json.loads(told) for h, (_, told) in self._kept.items() if told}
        self._fresh: dict[int, bytes] = {}

    @property
    def unparsed(self) -> list[bytes]:
        """The texts that no batch had."""
        return [text for text, told in self._kept.values() if not told]

    def learn(self, log: Log) -> None:
        """Take what pages brought."""
        self._fresh |= {h: t for h, t in log.config_texts.items() if h not in self.parsed}
        self.parsed |= log.configs

    def save(self) -> None:
        """Keep those that are new. Raises TirtaError."""
        for config_hash, text in self._fresh.items():
            self._epoch.store_config(config_hash, text, self.parsed.get(config_hash))


def _decoded(
    epoch: PackedEpoch, configs: _Configs, wanted: dict[int, int]
) -> tuple[Log, dict[int, bytes]]:
    """Decode pages, each up to so many bytes."""
    data = {page: (epoch.read(page) or b"")[: wanted[page]] for page in sorted(wanted)}
    log = Log(epoch.node, epoch.number)
    decode(data.items(), log, configs.unparsed, parsed=configs.parsed, many=True)
    configs.learn(log)
    return log, data


def _without(found: Records, have: list[tuple[int, int]]) -> Records:
    """The records whose numbers are not in the lake, each number once."""
    new = np.ones(len(found), bool)
    for first, last in have:
        new &= (found.number < first) | (found.number > last)
    if len(found) > 1 and (np.diff(found.number) <= 0).any():
        once = np.zeros(len(found), bool)
        once[np.unique(found.number, return_index=True)[1]] = True
        new &= once
    return found if new.all() else found.take(new)


def _remembered(epoch: PackedEpoch, log: Log, data: dict[int, bytes]) -> dict[int, str]:
    """What is known of these pages, so that an account need not open them again."""
    stored = {
        row.page: epoch.stored_page(*row)
        for row in epoch.pack.pages(epoch.node, epoch.number, data)
        if row.size == len(data[row.page])
    }
    log.verdicts = [one for one in log.verdicts if one.page in stored]
    return {page: packed(one) for page, one in known_pages.of_log(log, stored).items()}


def _flush(path: Path, since: int) -> None:
    """Wait until the commits behind version `since` are on the disk: Delta Lake does not."""
    folders = {path, path / "_delta_log"}
    for version in _versions(path, since):
        atomic.flush(version)
        for line in version.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            if "add" in told:
                file = path / unquote(told["add"]["path"])
                if file.is_file():  # else another writer has compacted it meanwhile
                    atomic.flush(file)
                folders |= {*file.parents} - {*path.parents}
    for folder in folders:
        if folder.is_dir():
            atomic.flush(folder)


def _versions(path: Path, since: int) -> Iterator[Path]:
    at = since + 1
    while (found := path / "_delta_log" / f"{at:020d}.json").is_file():
        yield found
        at += 1

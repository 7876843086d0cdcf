# SPDX-License-Identifier: MIT
"""Judges what flash_faults.py reports: the cells of the flash against all that was sampled,
acknowledged and pulled, before the fault and behind it.

It reads images with `format_reader`, never with the product. A record is *owned* by the sample for
which its (epoch, number) was acknowledged. Pages are *hurt* in which the fault changed cells that
the node had not named, or flipped them at rest: their records may be lost, and no others.
"""

from collections import Counter
from typing import Any

import format_reader
from fault_truth import Base, Cells, Key, held_by, ranges_hurt, said, shown
from format_reader import Log
from oracle import Event, Sample, totals
from page_cache import Pages

ERASES = 3  # of an attempt at most
# So many pages of five passed over and not erased stay behind, older than what comes: the others
# come round, and what tells of losses and boots goes with them in its turn.
STAY = 2
WORN = 1  # for good: then it stays each time that the others come round
LOSSES = {"lost", "unsaid", "boots"}
PASSED = 3  # pages that a trial may cost beside: four hours until the third
# What the node reports of itself, and must not.
TOLD = ("crash", "trouble", "false", "mute")
# What no fault excuses but reads that are misled in the same way for a whole start.
NEVER = {"crash", "erases", "invented", "altered", "twice"}
# What shows when a number is given twice: cells of the newest page were hit, and it tells no end.
ALIKE = {"altered", "twice"}
TOLD_NO_END = ALIKE | {"false"}


class FaultOracle:
    """Follows flash_faults.py event by event. A fault is a lie that hit, or bits that flipped: a
    trial has several. `found`: how many trials broke a rule; `beyond`: how
    many did of the classes that the node does not bear (firmware/DESIGN.md), and a rule that these
    may break; `examples` of both: trial, base, plan, what.
    """

    COUNTS = ("trials", "hit", "borne", "restarted", "hurt", "erases")

    def __init__(self) -> None:
        self._pages = Pages()
        self._runs: dict[int, dict[int, Sample]] = {}
        self._bases: dict[int, Base] = {}
        self.found: Counter[str] = Counter()
        self.beyond: Counter[str] = Counter()
        self.examples: dict[str, list[tuple[int, str, str, Any]]] = {}
        self.counts: Counter[str] = Counter()
        self.most_erases = 0
        self.minutes = 0

    def take(self, event: Event, image: bytes) -> list[str]:
        """One event; the rules that this trial broke."""
        if "from" in event:
            samples = self._runs.setdefault(event["run"], {})
            samples.update(enumerate(event["samples"], event["from"]))
            return []
        cells = Cells(self._pages, image)
        if "begins" in event:
            self._begin(event, cells)
            return []
        base = self._bases[event["base"]]
        verdict = Verdict(base, event, cells)
        broken = verdict.broken
        self.counts["trials"] += 1
        faults = event["faults"] + bool(event["flips"])
        self.counts["hit"] += faults
        self.counts["borne"] += faults * event["borne"]
        self.counts["restarted"] += event["starts"] > 1
        self.counts["hurt"] += bool(event["hurt"])
        self.counts["erases"] += event["erases"]
        self.most_erases = max(self.most_erases, event["most_erases"])
        self.minutes = max(self.minutes, event["minutes"])
        for rule, what in broken.items():
            told = event["trial"], f"{base.name}, {base.regime}", event["plan"], what
            self.examples.setdefault(rule, []).append(told)
        for rule in broken:
            is_excused = event["blind"] or (rule in ALIKE and verdict.end_is_hurt())
            stay = WORN if event["lasts"] else STAY
            is_beyond = event["echoed"] or (rule in LOSSES and event["passed"] >= stay)
            is_beyond = is_beyond or (rule in TOLD_NO_END and verdict.ends_are_hurt())
            is_held = (event["borne"] and not is_beyond) or (rule in NEVER and not is_excused)
            (self.found if is_held else self.beyond)[rule] += 1
        return sorted(broken)

    def forget(self) -> None:
        """Keep what was found, and not what was read."""
        self._pages, self._runs, self._bases = Pages(), {}, {}

    def _begin(self, event: Event, cells: Cells) -> None:
        # Where numbers end, it is another epoch in all but name.
        samples = {} if event["ends"] else dict(self._runs.get(event["run"], {}))
        self._bases[event["begins"]] = Base(event, samples, cells)


class Verdict:
    """One trial. `broken`: rule, and what broke it first."""

    def __init__(self, base: Base, event: Event, cells: Cells) -> None:
        self.broken: dict[str, Any] = {rule: event[rule] for rule in TOLD if event[rule]}
        self._base = base
        self._event = event
        self._cells = cells
        self._owned: dict[Key, Sample] = {}  # of this trial: those of the base are in it
        self._may: dict[Key, list[Sample]] = {}  # not acknowledged
        self._there: dict[Key, Sample] = {}
        self._known: set[int] = set()  # numbers in pages that are as they were
        self._pulled = {base.epoch: base.pulled}  # a laptop has it, and the node answered that
        self._has = dict(self._pulled)  # answered or not
        self._hurt = {(block, sequence) for block, sequence, *_ in event["hurt"]}
        self._asked = {(block, sequence) for block, sequence in event["asked"]}  # for an erase
        if event["most_erases"] > ERASES:
            self._broke("erases", event["most_erases"])
        for boot in event["boots"]:
            self._acknowledged(boot)
        self._read()
        self._missing()
        self._turned()
        self._hidden()
        self._boots()
        if not event["hurt"] and not event["blind"] and "lost" not in self.broken:
            self._totals()
            self._configs()
            self._pulls()

    def _broke(self, rule: str, what: Any) -> None:
        self.broken.setdefault(rule, what)

    def _owner(self, key: Key) -> Sample | None:
        base = self._base
        if key[0] == base.epoch and key[1] < base.number:
            return base.samples.get(key[1])
        return self._owned.get(key)

    def _acknowledged(self, boot: Event) -> None:
        base, epoch, start = self._base, boot["epoch"], boot["start"]
        if epoch is None:
            return
        another = base.epoch not in {0, epoch} and not self._may_begin_anew()
        if boot["acked"] and (not epoch or another):
            self._broke("epoch", (base.epoch, epoch))
        for number, sample in enumerate(boot["samples"], start):
            key = epoch, number
            if number >= start + boot["acked"]:
                self._may.setdefault(key, []).append(sample)
            elif self._owner(key) is not None:
                self._broke("twice", key)
            else:
                self._owned[key] = sample
        for epoch, number in boot["answered"]:
            self._pulled[epoch] = max(self._pulled.get(epoch, 0), number)
        for epoch, number in boot["told"]:
            self._has[epoch] = max(self._has.get(epoch, 0), number)

    def end_is_hurt(self) -> bool:
        """Whether cells of the newest page of log or journal were hit, or of one that came later:
        the only word of its numbers.
        """
        lasts = self._base.last_of_journal, self._base.last
        rings = self._cells.rings
        return any(sequence >= lasts[block >= rings] for block, sequence in self._hurt)

    def ends_are_hurt(self) -> bool:
        """Whether cells of the newest page of the log were hit, and of the one before it: nothing
        tells that there was such a page.
        """
        hit = {sequence for block, sequence in self._hurt if block >= self._cells.rings}
        return {self._base.last, self._base.last - 1} <= hit

    def _may_begin_anew(self) -> bool:
        """No page of the log can be read, or its numbers end."""
        base = self._base
        return base.ends or {block for block, _ in self._hurt} >= set(base.cells.log())

    def _read(self) -> None:
        """Nothing that lies there is altered or invented, or two things. What the journal has of
        an earlier boot than the log is no record (FORMAT.md 3.1).
        """
        base = self._base
        newest: dict[int, int] = {}
        for epoch, boot in self._cells.boots():
            newest[epoch] = max(boot, newest.get(epoch, 0))
        for two in self._cells.doubles():
            if not any(self._is_stray(block) for block in two):
                self._broke("sequence", two)
        for block, page in self._cells.pages.items():
            if page.data in base.known:
                self._known.update(r.number for r in page.records if r.epoch == base.epoch)
                continue
            for record in page.records:
                if block >= self._cells.rings or record.boot >= newest.get(record.epoch, 0):
                    self._judge(block, (record.epoch, record.number), shown(record))

    def _is_stray(self, block: int) -> bool:
        """Whether the fault programmed a header there, and nothing else is."""
        is_hurt = any(each == block for each, _ in self._hurt)
        return is_hurt and not self._cells.pages[block].records

    def _judge(self, block: int, key: Key, sample: Sample) -> None:
        owner = self._owner(key)
        if owner is not None and not self._are_one(sample, owner):
            self._broke("altered", (block, key, sample, owner))
        elif owner is None and not self._is_known(key, sample):
            self._broke("invented", (block, key, sample))
        if self._there.setdefault(key, sample) != sample:
            self._broke("twice", ("two records", key))

    def _is_known(self, key: Key, sample: Sample) -> bool:
        base = self._base
        waited = key[0] == base.epoch and base.samples.get(key[1]) == sample
        return waited or any(self._are_one(sample, may) for may in self._may.get(key, []))

    def _are_one(self, sample: Sample, other: Sample) -> bool:
        """Where numbers end another boot may take the records."""
        return sample[2:] == other[2:] if self._base.ends else sample == other

    def _missing(self) -> None:
        """What was acknowledged is there, or it went where it may, and that is said."""
        base, epoch = self._base, self._base.epoch
        there = self._known | {number for e, number in self._there if e == epoch}
        self._left = self._cells.sequences()
        self._told = said(self._cells)
        self._excused = ranges_hurt(self._event["hurt"], self._cells, self._told)
        self._unsaid: list[Key] = []
        lost, of_journal = 0, []
        for number, (block, sequence) in base.kept.items():
            if number in there or number >= base.number:
                continue
            is_log = block >= self._cells.rings
            hurt = (block, sequence) in self._hurt
            gone = (epoch, sequence) not in self._left or (block, sequence) in self._asked
            if is_log and not gone and not hurt:
                self._broke("lost", ("of a page that is there", block, number))
            # The log took what lay in the journal; a long run may overwrite that.
            excused = is_log or hurt or self._may_be_hurt(number)
            if not excused and not self._is_overwritten((epoch, number)):
                self._broke("lost", ("of the journal", number))
            if not is_log and not self._is_overwritten((epoch, number)):
                of_journal.append(number)
            lost += self._is_unsaid((epoch, number), hurt)
        lost += self._new()
        if self._unsaid:
            self._broke("unsaid", (len(self._unsaid), self._unsaid[0]))
        grown = self._event["lost"] - base.lost
        if grown < lost and not self._log_is_hurt() and not self._event["blind"]:
            self._broke("unsaid", ("only counted", grown, "of", lost))
        self._bits(of_journal)

    def _may_be_hurt(self, number: int) -> bool:
        return any(first <= number < end for first, end in self._excused)

    def _log_is_hurt(self) -> bool:
        """So that a loss record may be lost."""
        return any(block >= self._cells.rings for block, _ in self._hurt)

    def _is_unsaid(self, key: Key, hurt: bool) -> bool:
        """Whether it is a loss at all; keeps those of which nobody is told."""
        if key[1] < self._has.get(key[0], 0):
            return False
        if self._log_is_hurt() and not self._cells.holds(key[0]):
            return False  # with the only page of a log goes all that could tell of it
        seen = self._cells.shows_damage() or self._is_hole(key) if hurt else self._log_is_hurt()
        # Where the ring came round, the loss record may have gone; the node's count has it.
        if not seen and not self._told.have(*key) and key[1] >= self._cells.oldest(key[0]):
            self._unsaid.append(key)
        return True

    def _is_hole(self, key: Key) -> bool:
        """Pages before and behind it can be read, whose numbers show that it is missing."""
        return self._cells.oldest(key[0]) <= key[1] < self._cells.newest(key[0])

    def _is_overwritten(self, key: Key) -> bool:
        """The ring has come round, and says what that took. A page that was put off or passed over
        may leave younger ones to go before it.
        """
        is_pulled = key[1] < self._pulled.get(key[0], 0)
        if self._told.say_gone(*key) or (is_pulled and self._asked):
            return True
        if key[1] >= self._cells.oldest(key[0]):
            return False
        return self._told.have(*key) or self._comes_round(key)

    def _comes_round(self, key: Key) -> bool:
        """So often that the page which told of it went as well: what is told to be overwritten
        comes later now, and a page of this trial was erased. The node's count has it all the same.
        """
        is_erased = any(sequence >= self._base.last for _, sequence in self._asked)
        return is_erased and self._told.say_gone_behind(*key)

    def _new(self) -> int:
        """How many records of this trial are lost and were not pulled."""
        lost = 0
        for key in self._owned:
            if key not in self._there:
                if not self._may_be_hurt(key[1]) and not self._is_overwritten(key):
                    self._broke("lost", ("new", *key))
                lost += self._is_unsaid(key, hurt=True)
        return lost

    def _bits(self, of_journal: list[int]) -> None:
        """A bit that flips in the journal costs one record at most."""
        event = self._event
        hit = [bit // 8 for bit in event["flips"] if bit // 8 // 4096 < self._cells.rings]
        if len(hit) < len(event["flips"]):  # others in the log, which has the journal's by then
            return
        if event["bare"] and all(at % 4096 >= 40 for at in hit) and len(of_journal) > len(hit):
            self._broke("lost", (len(of_journal), "in the journal, by bits", len(hit)))

    def _turned(self) -> None:
        """Pages go where others begin, one ahead in each start, and one for each that was passed
        over, of which a region that errs for hours costs a few.
        """
        base = self._base
        begun = sum(sequence > base.last for _, sequence in self._left)
        gone = held_by(base) - {(base.epoch, s) for _, s in self._hurt} - self._left
        passed = min(self._event["passed"], PASSED)
        if len(gone) > begun + self._event["starts"] + passed:
            self._broke("pages", (len(gone), begun))

    def _hidden(self) -> None:
        """A laptop is offered every page that can be read."""
        epoch, offered = self._event["index"]
        for block, page in self._cells.log().items():
            if page.header and page.records and page.header.epoch == epoch:
                sequence = page.header.sequence
                if sequence not in offered and (block, sequence) not in self._hurt | self._asked:
                    self._broke("hidden", (block, sequence))

    def _boots(self) -> None:
        """No two boots share a number, or their slots would be one; each has its record."""
        base = self._base
        used = {(base.epoch, sample[0]) for sample in base.samples.values()}
        noted = self._cells.boots()
        for boot in self._event["boots"]:
            key = boot["epoch"], boot["boot"]
            if not boot["acked"]:
                continue
            if key in used:
                self._broke("boots", ("twice", key))
            # A boot is noted before its first record: that may be in the page before, and goes
            # with it.
            oldest = self._cells.oldest(boot["epoch"])
            gone = boot["start"] < oldest or (boot["start"] == oldest and self._asked)
            for number in (boot["start"] - 1, boot["start"]):
                gone = gone or self._is_overwritten((boot["epoch"], number))
            if key not in noted and not self._event["hurt"] and not gone:
                self._broke("boots", ("no boot record", key))
            used.add(key)

    def _pulls(self) -> None:
        """What a laptop has, and the node said that it knows, is on flash."""
        for epoch, number in self._pulled.items():
            found = self._cells.pulled(epoch)
            if epoch and found < number:
                self._broke("pulled", (found, number))

    def _totals(self) -> None:
        """They are the sums of all records that there ever were."""
        base = self._base
        new = {
            key: s
            for key, s in self._there.items()
            if key[0] != base.epoch or key[1] >= base.number
        }
        sums = dict(base.totals)
        for name, n in totals([*{**new, **self._owned}.values()]).items():
            sums[name] = sums.get(name, 0) + n
        found = self._cells.checkpoint()
        if {name: n for name, n in found.items() if n} != {
            name: n for name, n in sums.items() if n
        }:
            self._broke("totals", (found, sums))

    def _configs(self) -> None:
        """The config of every page with records is in the log."""
        log = list(self._cells.log().values())
        texts = format_reader.configs(Log(metas=[meta for page in log for meta in page.metas]))
        for page in log:
            if page.header and page.records and page.header.config not in texts:
                self._broke("config", hex(page.header.config))

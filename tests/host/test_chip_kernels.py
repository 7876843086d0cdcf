# SPDX-License-Identifier: MIT
"""The machine code that the boards' chips run, on emulated processors: Xtensa with register windows
(ESP32, ESP32-S3) and RISC-V 32 (ESP32-C3).

Each kernel is called with the same memory as its plain twin, and leaves the same memory behind. An
address that is not aligned, an instruction that the processor lacks, and a call of the runtime that
is not known here end the test. The code is that of mpy-cross; what differs from a chip is all else.
"""

import binascii
import importlib.util
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from interpreters import FIRMWARE
from viper import Buffer, Module

from tirta_format import cobs, codec, crc
from tirta_format.prior import PRIOR

ARCHS = ("xtensawin", "rv32imc")
PACE = 40_000_000
SEED = 20261124
GOOD, SUSPECT, FAIL, MISSING = 1, 3, 4, 9
TICKS = (1 << 30) - 1


def plain(name: str) -> Any:
    """A twin of tirta_node that runs here too."""
    spec = importlib.util.spec_from_file_location(name, FIRMWARE / "tirta_node" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=ARCHS)
def arch(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kernels(arch: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Module]:
    yield from module("storage/codec_viper", arch, tmp_path_factory.mktemp(arch))


def module(name: str, arch: str, folder: Path) -> Iterator[Module]:
    made = Module(arch, FIRMWARE / "tirta_node" / f"{name}.py", folder)
    with made.processor:
        yield made


class Packing:
    """A ring and a packer as ring.py and packer.py lay them out, in one piece of memory each."""

    def __init__(self, kernels: Module, channels: int, chance: random.Random) -> None:
        self.kernels = kernels
        self.channels = channels
        self.chance = chance
        self.room = 40
        width = 2 + 2 * channels + 2 * ((channels + 7) // 8)
        self.flags_at = codec._VALUES_AT + channels
        self.slots_at = self.flags_at + (channels + 3) // 4
        self.records_at = self.slots_at + self.room
        self.ring = Buffer(kernels, bytes(4 * self.records_at + 2 * width * self.room))
        head = self.ring.words()
        head[codec._WIDTH], head[codec._ROOM] = width, self.room
        head[codec._RING_CHANNELS] = channels
        head[codec._FLAGS_AT], head[codec._SLOTS_AT] = self.flags_at, self.slots_at
        head[codec._RECORDS_AT] = self.records_at
        self.probs_at = codec._BLOCKS + (channels + 1) * codec._STRIDE
        self.out_at = self.probs_at + (codec._RECENT + 4 * (channels + 1) + 1) // 2
        self.coder = Buffer(kernels, bytes(4 * self.out_at + 2000))
        state = self.coder.words()
        state[codec._PROBS], state[codec._OUT] = self.probs_at, self.out_at
        state[codec._PACES] = 1
        self.values = [0] * channels
        self.prior = Buffer(kernels, bytes(PRIOR))
        self.ring.send()
        self.coder.send()

    def reset(self) -> None:
        state, probs = self.coder.words(), self.coder.halves(self.probs_at)
        codec.reset(state, probs, bytes(PRIOR), self.channels)
        assert self.kernels.call("reset", self.coder.at, self.prior, self.channels) is None
        self.coder.same()

    def push(self, slot: int) -> None:
        ring = self.ring
        values, flags = ring.words(codec._VALUES_AT), ring.bytes(self.flags_at)
        for c in range(self.channels):
            step = self.chance.choice((0, 1, 7, 300, 1 << 20, 1 << 30))
            if c == self.channels - 1 and self.chance.random() < 0.9:
                step = PACE + self.chance.randint(-40, 40)
                self.values[c] = (self.values[c] + step + (1 << 31)) % (1 << 32) - (1 << 31)
            else:
                self.values[c] += self.chance.randint(-step, step)
                self.values[c] = max(-(1 << 31), min((1 << 31) - 1, self.values[c]))
            values[c] = self.values[c]
            flags[c] = self.chance.choice((GOOD,) * 12 + (SUSPECT, FAIL, MISSING))
        ring.send()
        codec.push(
            ring.words(), values, flags, ring.words(self.slots_at), ring.halves(self.records_at),
            slot,
        )  # fmt: skip
        self.kernels.call("push", ring.at, slot)
        ring.same()

    def encode(self, room: int) -> int:
        """Pack all records of the ring that fit, then drop them."""
        state, ring = self.coder.words(), self.ring.words()
        state[codec._LOW], state[codec._RANGE], state[codec._POS] = 0, codec._TOP, 0
        state[codec._LIMIT], state[codec._SOFT] = room, 900
        state[codec._COUNT], state[codec._MOST] = 0, 60
        self.coder.send()
        done = codec.encode(
            ring, self.ring.halves(self.records_at), state, self.coder.halves(self.probs_at),
            self.coder.bytes(self.out_at),
        )  # fmt: skip
        assert self.kernels.call("encode", self.ring.at, self.coder.at) == done
        self.coder.same()
        ring[codec._FIRST] = (ring[codec._FIRST] + ring[codec._USED]) % self.room
        ring[codec._USED] = 0
        self.ring.send()
        return int(done)

    def alone(self, i: int, number: int) -> None:
        """Write a record for the journal."""
        ring = self.ring.words()
        wanted = Buffer(self.kernels, bytes(300))
        parts = ring, self.ring.words(self.slots_at), self.ring.halves(self.records_at)
        halves = number & 65535, number >> 16
        at = codec.alone(*parts, wanted.content, i, 5, *halves)
        assert self.kernels.call("alone", self.ring.at, wanted, i, 5, *halves) == at
        wanted.same()

    def add_up(self, channel: int) -> None:
        ring = self.ring.words()
        codec.add_up(ring, self.ring.halves(self.records_at), ring[codec._USED], channel)
        self.kernels.call("add_up", self.ring.at, ring[codec._USED], channel)
        self.ring.same()


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_records_are_packed_alike(kernels: Module, channels: int) -> None:
    chance = random.Random(SEED + channels)
    packing = Packing(kernels, channels, chance)
    packing.reset()
    ends = set()
    slot = 0
    for run in range(6):
        for _ in range(packing.room + 1 if run == 3 else 12):  # a full ring takes none
            slot += chance.choice((1, 1, 1, 2, 50))
            packing.push(slot)
        packing.add_up(chance.randrange(channels))
        packing.alone(chance.randrange(12), chance.choice((5, 200, 70_000, (1 << 32) - 1)))
        ends.add(packing.encode(8 if run == 4 else 900))
        if run == 4:
            packing.reset()
    assert {0, 1} <= ends


def test_cobs_and_crc(kernels: Module) -> None:
    chance = random.Random(SEED)
    table = Buffer(kernels, crc.make_table().tobytes())
    for size in (0, 1, 254, 255, 700):
        data = bytes(chance.choice((0, 1, 255)) for _ in range(size)) + bytes(4)
        buf = Buffer(kernels, data)
        crc.crc32(65535, 65535, crc.make_table(), buf.content, 0, size)
        kernels.call("crc32", 65535, 65535, table, buf, 0, size)
        buf.same()
        assert buf.content[size:] == struct.pack("<I", binascii.crc32(data[:size]))
        to, place = Buffer(kernels, bytes(1600)), Buffer(kernels, struct.pack("<3H", 0, 0, 1))
        for start, end in ((0, size // 3), (size // 3, size)):
            view = memoryview(place.content).cast("H")
            cobs.stuff(to.content, view, buf.content, start, end)
            kernels.call("stuff", to, place, buf, start, end)
            to.same()
            place.same()
            view[0] = min(3, view[1])  # so much is sent
            place.send()


def test_an_unaligned_word_ends_it(tmp_path: Path) -> None:
    """As on the ESP32 and its S3. (RISC-V, like the C3, reads it.)"""
    for kernels in module("storage/codec_viper", "xtensawin", tmp_path):
        buf = Buffer(kernels, bytes(4000))
        with pytest.raises(AssertionError, match="ended the processor"):
            kernels.call("reset", buf.at + 2, buf, 1)


class Bench:
    """Cells with accounts and limits behind them, as benches.py lays them out."""

    def __init__(self, module: Module, cells: int, accounts: list[int], limits: list[int]) -> None:
        self.flags_at = 11 + cells
        self.acc_at = self.flags_at + (cells + 3) // 4
        self.qc_at = self.acc_at + len(accounts)
        words = [0] * self.acc_at + accounts + limits
        words[1], words[8], words[9], words[10] = 1, self.flags_at, self.acc_at, self.qc_at
        self.memory = Buffer(module, struct.pack(f"<{len(words)}i", *words))
        self.values = self.memory.words(11)
        self.flags = self.memory.bytes(self.flags_at)

    def sample(self, chance: random.Random, cells: int, most: int) -> None:
        for c in range(cells):
            self.values[c] = chance.randint(-most, most)
            self.flags[c] = chance.choice((GOOD,) * 6 + (SUSPECT, FAIL, MISSING))
        self.memory.send()


def test_statistics(arch: str, tmp_path: Path) -> None:
    twin = plain("sampling/statistics_plain")
    chance = random.Random(SEED)
    for kernels in module("sampling/statistics_viper", arch, tmp_path):
        cells = 3
        accounts = [cells, 8 * cells]
        for cell in range(cells):
            accounts += [cell, 0, 0, MISSING] + [0] * (twin._ACCOUNT - 5) + [2 * twin._SPREADS - 1]
        for what in range(8):
            value, flag, do = (
                (twin._LATEST, twin._LATEST_FLAG, 0), (twin._SUM, twin._SUM_FLAG, 0),
                (twin._LATEST, twin._WORST, twin._IS_MEAN), (twin._LEAST, twin._WORST, 0),
                (twin._GREATEST, twin._WORST, 0), (twin._LAST, twin._WORST, 0),
                (twin._N, twin._WORST, twin._IS_COUNT), (twin._LATEST, twin._WORST, twin._IS_STD),
            )[what]  # fmt: skip
            for cell in range(cells):
                at = 2 + cell * twin._ACCOUNT
                accounts += [what * cells + cell, at + value, at + flag, at, do]
        bench = Bench(kernels, cells, accounts, [])
        record = Bench(kernels, 8 * cells, [], [])
        for most, samples in ((40, 30), (1 << 29, 9), (30000, 200), (5, 0), (1 << 20, 1)):
            for slot in range(samples):
                bench.sample(chance, cells, min(most, 1 << 24))
                acc = bench.memory.words(bench.acc_at)
                twin.add(bench.memory.words(), bench.values, bench.flags, acc, slot)
                kernels.call("add", bench.memory.at, slot)
                bench.memory.same()
            kept = samples == 30
            twin.close(
                bench.memory.words(), bench.memory.words(bench.acc_at), record.memory.words(),
                record.values, record.flags, int(kept),
            )  # fmt: skip
            kernels.call("close", bench.memory.at, record.memory.at, int(kept))
            bench.memory.same()
            record.memory.same()
            assert any(record.values[i] for i in range(8 * cells)) or not samples


def test_quality(arch: str, tmp_path: Path) -> None:
    twin = plain("sampling/quality_plain")
    chance = random.Random(SEED)
    flat = 6
    limits = [2]
    for cell, late in ((0, 1), (1, 0)):
        limits += [cell, -90, 90, -70, 70, 60, late, 30, 50, 4, 3, flat, 0, 0, MISSING]
        limits += [0] * (twin._KEPT - 15 + flat + 1)
    found: set[int] = set()
    for kernels in module("sampling/quality_viper", arch, tmp_path):
        bench = Bench(kernels, 2, [], limits)
        for slot in range(300):
            bench.sample(chance, 2, 2 if slot % 40 > 25 else 100)
            qc = bench.memory.words(bench.qc_at)
            twin.judge(bench.memory.words(), bench.values, bench.flags, qc, slot)
            kernels.call("judge", bench.memory.at, slot)
            bench.memory.same()
            found.update(bench.flags[:2])
    assert {GOOD, SUSPECT, FAIL, MISSING} <= found


class Driver:
    """What a tick asks of a driver that is no row of its table."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.value = self.flag = self.raw = 0
        self.prepared = 0

    def prepare(self) -> None:
        self.prepared += 1

    def sample(self) -> None:
        self.value, self.raw = self._chance.randint(-9999, 9999), self._chance.randint(0, 9)
        self.flag = self._chance.choice((GOOD, MISSING))


class Tick:
    """The parts of a tick, twice the same: one for the kernel and one for the twin."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.now = TICKS - 500  # the ticks wrap soon
        self.drivers = [Driver(chance), Driver(chance)]
        self.taken: list[int] = []
        self.refused = 0
        rest = tuple(self.drivers), (self.drivers[0],), self.full, (self.take,), "handle"
        reads = [lambda: chance.randint(-50, 400) for _ in range(6)]
        self.parts = (*reads[:2], None, None, (*reads[2:], None, rest), rest)

    def full(self) -> None:
        self.refused += 1

    def take(self, handle: str, slot: int) -> None:
        assert handle == "handle"
        self.taken.append(slot)


def test_ticks(arch: str, tmp_path: Path) -> None:
    twin = plain("sampling/tick_plain")
    # Lines that rise, fall and are exact in few digits, a counter, one that starts again, another
    # line, what a bus left, two drivers; most with a raw value.
    cells = 18
    slope = 0x1234567
    rows = [
        (0, 0, 10, 2, -10, 0, 300, 390, 4, 0, 3, slope, 64, 0, 0, 0),
        (0, 1, 11, 0, -10, 0, 300, 390, 4, 500, 0, slope, 90, 1, 0, 0),
        (0, 2, 0, 0, -10, 0, 300, 390, 200, -7, 0, 0xABCD, 0, 0, 9, 0),
        (1, 3, 12, 0, 0, 0, 200, 0, 0, 1000, 0, 0, 0, 0, 0, 0),
        (1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (0, 5, 13, 0, -10, 0, 300, 390, 4, 0, 0, slope, 64, 0, 0, 0),
        (0, 6, 14, 0, 0, 0, 0, 0, 1, 77, GOOD, TICKS - 900, 3000, 5, 0, 0),
    ]
    for kernels in module("sampling/tick_viper", arch, tmp_path):
        bench = Bench(kernels, cells, [], [])
        words = [0] * twin._ROWS + [word for row in rows for word in row] + [7, 0, 15, 8, 0, 16]
        words[twin._DUE], words[twin._PERIOD] = TICKS - 300, 1000
        words[twin._LEAD], words[twin._HELD], words[twin._READS] = 100, 1, 6
        words[twin._MORE] = 1
        state = Buffer(kernels, struct.pack(f"<{len(words)}i", *words))
        ours, theirs = Tick(SEED), Tick(SEED)
        chance = random.Random(SEED)
        for i in range(60):
            step = chance.choice((40, 150, 900, 1000, 5300))
            ours.now += step
            theirs.now += step
            bench.memory.words()[twin._USED] = int(i % 20 == 19)  # full
            bench.memory.send()
            ring = bench.memory.words()
            now = ours.now & TICKS
            cells_of = bench.values, bench.flags, None, None
            left = twin.tick(ring, state.words(), now, ours.parts, *cells_of)
            assert kernels.call("tick", bench.memory.at, state.at, now, theirs.parts) == left
            state.same()
            bench.memory.same()
            if step > 1000:
                state.words()[twin._BUSY] = 1
                state.send()
        assert ours.taken == theirs.taken
        assert len(ours.taken) > 20
        assert ours.refused == theirs.refused > 0
        assert ours.drivers[0].prepared == theirs.drivers[0].prepared > 0


class Groups:
    """What rates and take call: twice the same, one for the kernel and one for the twin."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.calls: list[tuple[Any, ...]] = []
        self.lefts = [chance.choice((0, 7, 130, 900)) for _ in range(400)]
        groups = 1000, "a", "b", "c", (50, "d", "e", "f", None)
        self.parts = self.tick, 2, groups, "cells", "state", "parts"
        self.of = self.close, self.push, "ring", 2, ("one", ("two", None))

    def tick(self, *args: Any) -> int:
        self.calls.append(args)
        return self.lefts[len(self.calls)]

    def close(self, *args: Any) -> None:
        self.calls.append(args)

    def push(self, *args: Any) -> None:
        self.calls.append(args)


def test_groups_with_periods_of_their_own(arch: str, tmp_path: Path) -> None:
    twin = plain("sampling/rates_plain")
    for kernels in module("sampling/rates_viper", arch, tmp_path):
        words = Buffer(kernels, struct.pack("<4i", 0, 0, 0, 400))
        state = Buffer(kernels, struct.pack("<2i", TICKS - 100, 0))
        ours, theirs = Groups(SEED), Groups(SEED)
        chance = random.Random(SEED)
        now = TICKS - 500
        for i in range(100):
            now = now + chance.choice((0, 3, 60, 90, 400, 1700)) & TICKS
            left = twin.rates(words.words(), state.words(), now, ours.parts)
            assert kernels.call("rates", words.at, state.at, now, theirs.parts) == left
            words.same()
            if i % 3 == 0:
                state.words()[0] = now + 100 & TICKS
                state.send()
        twin.take(ours.of, 77)
        kernels.call("take", theirs.of, 77)
        assert ours.calls == theirs.calls
        assert ("cells", "state", words.words()[1], "parts") in ours.calls
        assert ours.calls[-3:] == [("one", "ring", 0), ("two", "ring", 0), ("ring", 77)]

# SPDX-License-Identifier: MIT
"""The machine code that the boards' chips run, on emulated processors: Xtensa with register windows
(ESP32, ESP32-S3) and RISC-V 32 (ESP32-C3).

Each kernel is called with the same memory as its plain run (plain_viper.py), and leaves the same
memory behind. An address that is not aligned, an instruction that the processor lacks, and a call
of the runtime that is not known here end the test. The code is that of mpy-cross; what differs from
a chip is all else.
"""

import binascii
import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from interpreters import BOTH, FIRMWARE
from viper import Buffer, Module

from tirta_format import cobs, crc
from tirta_format.prior import PRIOR

sys.path.insert(0, str(BOTH))
import account_words  # type: ignore[import-not-found]
import plain_viper  # type: ignore[import-not-found]

ARCHS = ("xtensawin", "rv32imc")
PACE = 40_000_000
SEED = 20261124
GOOD, SUSPECT, FAIL, MISSING = 1, 3, 4, 9
TICKS = (1 << 30) - 1
codec = plain_viper.kernels("codec_viper")


class At(NamedTuple):
    """The address of a buffer, as the node hands in what lives long."""

    buffer: Buffer


class Each(NamedTuple):
    """What is an object for one and another, just the same, for the other."""

    plain: Any
    code: Any


class Kernels:
    """Those of one file, as machine code and as they run plainly. `call` has both do the same."""

    def __init__(self, name: str, arch: str, folder: Path) -> None:
        self.plain = plain_viper.kernels(name)
        source = FIRMWARE / "tirta_node" / plain_viper.ROOMS[name] / f"{name}.py"
        self.code = Module(arch, source, folder)

    def call(self, name: str, *args: Any) -> Any:
        """What both return; nothing in the buffers differs then. Integers, At, Each, and buffers as
        such.
        """
        left = getattr(self.plain, name)(*map(_for_plain, args))
        assert self.code.call(name, *map(_for_code, args)) == left
        for arg in args:
            if isinstance(arg, (At, Buffer)):
                (arg.buffer if isinstance(arg, At) else arg).same()
        return left


def _for_plain(arg: Any) -> Any:
    if isinstance(arg, At):
        return arg.buffer.here
    if isinstance(arg, Buffer):
        return arg.content
    return arg.plain if isinstance(arg, Each) else arg


def _for_code(arg: Any) -> Any:
    if isinstance(arg, At):
        return arg.buffer.at
    return arg.code if isinstance(arg, Each) else arg


@pytest.fixture(scope="module", params=ARCHS)
def arch(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def kernels(arch: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernels]:
    yield from loaded("codec_viper", arch, tmp_path_factory.mktemp(arch))


def loaded(name: str, arch: str, folder: Path) -> Iterator[Kernels]:
    made = Kernels(name, arch, folder)
    with made.code.processor:
        yield made


class Packing:
    """A ring and a packer as ring.py and packer.py lay them out, in one piece of memory each."""

    def __init__(self, kernels: Kernels, channels: int, chance: random.Random) -> None:
        self.kernels = kernels
        self.channels = channels
        self.chance = chance
        self.room = 40
        width = 2 + 2 * channels + 2 * ((channels + 7) // 8)
        self.flags_at = codec._VALUES_AT + channels
        slots_at = self.flags_at + (channels + 3) // 4
        records_at = slots_at + self.room
        self.ring = Buffer(kernels.code, bytes(4 * records_at + 2 * width * self.room))
        head = self.ring.words()
        head[codec._WIDTH], head[codec._ROOM] = width, self.room
        head[codec._RING_CHANNELS] = channels
        head[codec._FLAGS_AT], head[codec._SLOTS_AT] = self.flags_at, slots_at
        head[codec._RECORDS_AT] = records_at
        probs_at = codec._BLOCKS + (channels + 1) * codec._STRIDE
        out_at = probs_at + (codec._RECENT + 4 * (channels + 1) + 1) // 2
        self.coder = Buffer(kernels.code, bytes(4 * out_at + 2000))
        state = self.coder.words()
        state[codec._PROBS], state[codec._OUT] = probs_at, out_at
        state[codec._PACES] = 1
        self.values = [0] * channels
        self.prior = Buffer(kernels.code, bytes(PRIOR))
        self.ring.send()
        self.coder.send()

    def reset(self) -> None:
        assert self.kernels.call("reset", At(self.coder), self.prior, self.channels) is None

    def sample(self) -> None:
        """Leave values and flags where a tick does."""
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

    def push(self, slot: int) -> None:
        self.sample()
        self.kernels.call("push", At(self.ring), slot)

    def encode(self, room: int) -> int:
        """Pack all records of the ring that fit, then drop them."""
        state = self.coder.words()
        state[codec._LOW], state[codec._RANGE], state[codec._POS] = 0, codec._TOP, 0
        state[codec._LIMIT], state[codec._SOFT] = room, 900
        state[codec._COUNT], state[codec._MOST] = 0, 60
        self.coder.send()
        done = self.kernels.call("encode", At(self.ring), At(self.coder))
        self.drop()
        return int(done)

    def drop(self) -> None:
        """The ring is empty again."""
        ring = self.ring.words()
        used = ring[codec._USED]
        ring[codec._FIRST] = (ring[codec._FIRST] + used) % self.room
        ring[codec._USED] = 0
        self.ring.send()

    def alone(self, i: int, number: int) -> None:
        """Write a record for the journal."""
        wanted = Buffer(self.kernels.code, bytes(300))
        halves = number & 65535, number >> 16
        assert self.kernels.call("alone", At(self.ring), wanted, i, 5, *halves) > 5

    def add_up(self, channel: int) -> None:
        used = self.ring.words()[codec._USED]
        self.kernels.call("add_up", At(self.ring), used, channel)


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_records_are_packed_alike(kernels: Kernels, channels: int) -> None:
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


def test_cobs_and_crc(kernels: Kernels) -> None:
    chance = random.Random(SEED)
    table = Buffer(kernels.code, crc.make_table().tobytes())
    for size in (0, 1, 254, 255, 700):
        data = bytes(chance.choice((0, 1, 255)) for _ in range(size)) + bytes(4)
        buf = Buffer(kernels.code, data)
        kernels.call("crc32", 65535, 65535, At(table), At(buf), 0, size)
        assert buf.content[size:] == struct.pack("<I", binascii.crc32(data[:size]))
        to = Buffer(kernels.code, bytes(1600))
        place = Buffer(kernels.code, struct.pack("<3H", 0, 0, 1))
        twin_to, twin_place = bytearray(1600), [0, 0, 1]
        for start, end in ((0, size // 3), (size // 3, size)):
            kernels.call("stuff", to, place, buf, start, end)
            cobs.stuff(twin_to, twin_place, buf.content, start, end)
            view = memoryview(place.content).cast("H")
            assert (to.content, view.tolist()) == (twin_to, twin_place)
            view[0] = twin_place[0] = min(3, view[1])  # so much is sent
            place.send()


def test_an_unaligned_word_ends_it(tmp_path: Path) -> None:
    """As on the ESP32 and its S3. (RISC-V, like the C3, reads it.)"""
    for kernels in loaded("codec_viper", "xtensawin", tmp_path):
        buf = Buffer(kernels.code, bytes(4000))
        with pytest.raises(AssertionError, match="ended the processor"):
            kernels.code.call("reset", buf.at + 2, buf, 1)


class Bench:
    """Cells with accounts and limits behind them, as accounts.py lays them out."""

    def __init__(self, kernels: Kernels, cells: int, accounts: Any = (), limits: Any = ()) -> None:
        self.flags_at = 11 + cells
        self.acc_at = self.flags_at + (cells + 3) // 4
        qc_at = self.acc_at + len(accounts)
        words = [0] * self.acc_at + [*accounts] + [*limits]
        words[1], words[8], words[9], words[10] = 1, self.flags_at, self.acc_at, qc_at
        self.memory = Buffer(kernels.code, struct.pack(f"<{len(words)}i", *words))
        self.values = self.memory.words(11)
        self.flags = self.memory.bytes(self.flags_at)

    def sample(self, chance: random.Random, cells: int, most: int) -> None:
        for c in range(cells):
            self.values[c] = chance.randint(-most, most)
            self.flags[c] = chance.choice((GOOD,) * 6 + (SUSPECT, FAIL, MISSING))
        self.memory.send()


def test_statistics(arch: str, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for kernels in loaded("statistics_viper", arch, tmp_path):
        cells = 3
        accounts = account_words.of(kernels.plain, cells)
        bench = Bench(kernels, cells, accounts)
        record = Bench(kernels, 8 * cells)
        for most, samples in ((40, 30), (1 << 29, 9), (30000, 200), (5, 0), (1 << 20, 1)):
            for slot in range(samples):
                bench.sample(chance, cells, min(most, 1 << 24))
                kernels.call("add", At(bench.memory), slot)
            kernels.call("close", At(bench.memory), At(record.memory), int(samples == 30))
            assert any(record.values[i] for i in range(8 * cells)) or not samples


def test_quality(arch: str, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    flat = 6
    found: set[int] = set()
    for kernels in loaded("quality_viper", arch, tmp_path):
        limits = [2]
        for cell, late in ((0, 1), (1, 0)):
            limits += [cell, -90, 90, -70, 70, 60, late, 30, 50, 4, 3, flat, 0, 0, MISSING]
            limits += [0] * (kernels.plain._KEPT - 15 + flat + 1)
        bench = Bench(kernels, 2, (), limits)
        for slot in range(300):
            bench.sample(chance, 2, 2 if slot % 40 > 25 else 100)
            kernels.call("judge", At(bench.memory), slot)
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
    """The parts of a tick, the same for one and for another."""

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
    # Lines that rise, fall and are exact in few digits, a counter, one that starts again, another
    # line, what a bus left, two drivers; most with a raw value.
    cells = 18
    slope = 0x1234567
    rows = [
        (0, 0, 10, 2, 10, 20, 300, 390, 4, 0, 3, slope, 64, 0, 0, 0),
        (0, 1, 11, 0, 10, 20, 300, 390, 4, 500, 0, slope, 90, 1, 0, 0),
        (0, 2, 0, 0, 10, 20, 300, 390, 200, -7, 0, 0xABCD, 0, 0, 9, 0),
        (1, 3, 12, 0, 0, 0, 200, 0, 0, 1000, 0, 0, 0, 0, 0, 0),
        (1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (0, 5, 13, 0, 10, 20, 300, 390, 4, 0, 0, slope, 64, 0, 0, 0),
        (0, 6, 14, 0, 0, 0, 0, 0, 1, 77, GOOD, TICKS - 900, 3000, 5, 0, 0),
    ]
    for kernels in loaded("tick_viper", arch, tmp_path):
        of = kernels.plain
        bench = Bench(kernels, cells)
        words = [0] * of._ROWS + [word for row in rows for word in row] + [7, 0, 15, 8, 0, 16]
        words[of._DUE], words[of._PERIOD] = TICKS - 300, 1000
        words[of._LEAD], words[of._HELD], words[of._READS] = 100, 1, 6
        words[of._MORE] = 1
        state = Buffer(kernels.code, struct.pack(f"<{len(words)}i", *words))
        ours, theirs = Tick(SEED), Tick(SEED)
        chance = random.Random(SEED)
        for i in range(60):
            step = chance.choice((40, 150, 900, 1000, 5300))
            ours.now += step
            theirs.now += step
            bench.memory.words()[of._USED] = int(i % 20 == 19)  # full
            bench.memory.send()
            parts = Each(ours.parts, theirs.parts)
            kernels.call("tick", At(bench.memory), At(state), ours.now & TICKS, parts)
            if step > 1000:
                state.words()[of._BUSY] = 1
                state.send()
        assert ours.taken == theirs.taken
        assert len(ours.taken) > 20
        assert ours.refused == theirs.refused > 0
        assert ours.drivers[0].prepared == theirs.drivers[0].prepared > 0


@pytest.mark.parametrize("channels", [1, 3, 4, 8, 9])
def test_a_tick_ends_as_push_does(arch: str, channels: int, tmp_path: Path) -> None:
    """It has the lines of `push` itself, since a call costs too much."""
    both = loaded("codec_viper", arch, tmp_path), loaded("tick_viper", arch, tmp_path)
    for pushes, ticks in zip(*both, strict=True):
        pushed, ticked = (Packing(k, channels, random.Random(SEED)) for k in (pushes, ticks))
        of = ticks.plain
        words = [0] * of._ROWS
        words[of._PERIOD], words[of._RECORDS] = 100, 1
        state = Buffer(ticks.code, struct.pack(f"<{len(words)}i", *words))
        chance = random.Random(SEED)
        slot = 0
        for i in range(100):
            slot += chance.choice((1, 1, 1, 2, 50, 1 << 20))
            pushed.push(slot)
            ticked.sample()
            state.words()[of._SLOT], state.words()[of._DUE] = slot, i
            state.send()
            parts = (None,) * 6
            assert ticks.call("tick", At(ticked.ring), At(state), i, parts) == 100
            assert ticked.ring.content == pushed.ring.content
            if i % 39 == 38:
                pushed.drop()
                ticked.drop()


class Groups:
    """What rates and take call, the same for one and for another."""

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
    for kernels in loaded("rates_viper", arch, tmp_path):
        words = Buffer(kernels.code, struct.pack("<4i", 0, 0, 0, 400))
        state = Buffer(kernels.code, struct.pack("<2i", TICKS - 100, 0))
        ours, theirs = Groups(SEED), Groups(SEED)
        chance = random.Random(SEED)
        now = TICKS - 500
        for i in range(100):
            now = now + chance.choice((0, 3, 60, 90, 400, 1700)) & TICKS
            kernels.call("rates", At(words), At(state), now, Each(ours.parts, theirs.parts))
            if i % 3 == 0:
                state.words()[0] = now + 100 & TICKS
                state.send()
        kernels.call("take", Each(ours.of, theirs.of), 77)
        assert ours.calls == theirs.calls
        assert ("cells", "state", words.words()[1], "parts") in ours.calls
        assert ours.calls[-3:] == [("one", "ring", 0), ("two", "ring", 0), ("ring", 77)]

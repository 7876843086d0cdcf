# SPDX-License-Identifier: MIT
"""A night's lowest hour, as the node finds it and as the laptop does: the same of the same records.

Series are random (seeded): intervals of 1 s to 15 min, pulses and levels, records that are lost or
bad, pressure that fails, a node that starts in the night, and a clock that is set in the middle.
The node's own modules run under MicroPython; the laptop dates the records by the anchors and judges
what it would have had at the moment at which the node judged.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from interpreters import COMMANDS, FIRMWARE, ON_NODE, Peer, peer
from numpy.typing import NDArray

from tirta.district.night import CLOCK_SET_BACK, Night, NightWindow, nights
from tirta.district.signal import MISSING, Signal
from tirta.log.dating import Anchor, Dating

CODE = {
    "unix-64": "import night_node\nnight_node.serve()",
    "wasm-32": "from night_node import answer",
}
SEEDS = range(60)
FROM_S = 1_577_836_800
FROM_MS = 1_741_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ML = 10_000  # a pulse
SCALE = 100
LEAST = 500  # 5 m
NOTHING = 0x3FFFFFFF  # what the node says where no hour counts
ZONES = {420: "Asia/Jakarta", 480: "Asia/Makassar", 0: "UTC", -180: "America/Sao_Paulo"}
INTERVALS_MS = (1000, 2500, 7000, 30_000, 60_000, 60_000, 61_000, 300_000, 420_000, 900_000)
TRIMS_MS = (300, -300, 4000, -4000, -30_000, 25_000)
STEPS_MS = (4000, -4000, 61_000, -61_000, 20 * 60_000, -20 * 60_000, HOUR_MS, -HOUR_MS,
            3 * HOUR_MS, -3 * HOUR_MS, -5 * HOUR_MS)  # fmt: skip


@dataclass
class Series:
    """`cells` are flow, flag, pressure, flag of each record; shapes [records] and [records, 4]."""

    config: dict[str, Any]
    slot: NDArray[np.int64]
    cells: NDArray[np.int64]
    anchors: list[Anchor]
    breaks: list[int] = field(default_factory=list)  # the records before which an anchor comes

    @property
    def alarm(self) -> dict[str, Any]:
        found: dict[str, Any] = self.config["alarms"][0]
        return found

    @property
    def counting(self) -> bool:
        return bool(self.config["channels"][0]["sensor"] == "pulse")


def made(seed: int) -> Series:
    """One node over some nights."""
    rng = np.random.default_rng(seed)
    interval_ms = int(rng.choice(INTERVALS_MS))
    utc_min = (420, 480, 0, -180)[rng.integers(4)]
    length_h = int(rng.integers(1, 3 if interval_ms < 30_000 else 7))
    from_h = int(rng.integers(0, 24 - length_h))
    alarm = {
        "name": "night", "kind": "night", "column": "flow", "limit": int(rng.integers(0, 3000)),
        "from_h": from_h, "to_h": from_h + length_h, "utc_min": utc_min,
    }  # fmt: skip
    if rng.random() < 0.6:
        alarm |= {"pressure": "p", "least": LEAST}
    channels = [
        {"name": "flow", "sensor": str(rng.choice(["pulse", "current"]))},
        {"name": "p", "sensor": "current"},
    ]
    config = {"alarms": [alarm], "channels": channels, "interval_ms": interval_ms}
    # The node starts some hours before a night, or in it; the clock is a little beside the minute.
    window_ms = FROM_MS // DAY_MS * DAY_MS + from_h * HOUR_MS - utc_min * 60_000
    begin_ms = window_ms - int(rng.integers(-90, 4 * 60)) * 60_000
    begin_ms += int(rng.choice([0, 3, -3, 499, 500, 17_000, int(rng.integers(0, 60_000))]))
    if rng.random() < 0.2:
        begin_ms = window_ms + int(rng.choice([0, 1000, 1000, 2000, 30_000, 61_000]))
    slots = _slots(rng, interval_ms, (length_h + 5) * HOUR_MS)
    anchors = [Anchor(int(rng.integers(0, interval_ms)), 0, 50, 2)]
    anchors[0] = Anchor(anchors[0].uptime_ms, begin_ms + anchors[0].uptime_ms, 50, 2)
    breaks = []
    steps_ms, most = (TRIMS_MS, 40) if seed % 3 == 0 else (STEPS_MS, 3)
    for at in sorted(rng.integers(1, len(slots), int(rng.integers(0, most)))):
        uptime_ms = int(slots[at]) * interval_ms + 1  # behind the deadline of the record before
        if uptime_ms > anchors[-1].uptime_ms:
            unix_ms = anchors[-1].unix_ms + uptime_ms - anchors[-1].uptime_ms
            step_ms = int(rng.choice(steps_ms))
            anchors.append(Anchor(uptime_ms, unix_ms + step_ms, 50, 2))
            breaks.append(int(at))
    return Series(config, slots, _cells(rng, slots, interval_ms, seed), anchors, breaks)


def _slots(rng: np.random.Generator, interval_ms: int, span_ms: int) -> NDArray[np.int64]:
    """Three days' records, or `span_ms` of them where there would be too many; some are lost."""
    slot = np.arange(3 * DAY_MS // interval_ms)
    if interval_ms < 30_000:
        slot = slot[: span_ms // interval_ms]
    kept = rng.random(len(slot)) >= rng.choice([0, 0.01, 0.045, 0.08])
    for _ in range(int(rng.integers(0, 4))):
        first = int(rng.integers(0, len(slot)))
        kept[first : first + int(rng.integers(1, 2 * HOUR_MS // interval_ms + 2))] = False
    kept[0] = True
    return np.asarray(slot[kept], np.int64)


def _cells(
    rng: np.random.Generator, slot: NDArray[np.int64], interval_ms: int, seed: int
) -> NDArray[np.int64]:
    count = len(slot)
    hour = slot * interval_ms / HOUR_MS
    level = 900 + 500 * np.sin(hour / 24 * 6.283 * (1 + seed % 3)) + 60 * np.sin(hour * 5)
    flow = (level * rng.uniform(0.7, 1.3, count) * (interval_ms / HOUR_MS)).astype(np.int64)
    flow += (rng.random(count) < 0.3) - 5 * (rng.random(count) < 0.02)  # some ran backwards
    if seed % 7 == 4:  # a day of it runs backwards
        flow[count // 3 : 2 * count // 3] *= -1
    pressure = rng.integers(LEAST, 4000, count)
    if rng.random() < 0.5:
        first = int(rng.integers(0, count))
        pressure[first : first + int(rng.integers(1, 100))] = LEAST - 1
    good = np.array([1, 2])
    flags = [
        np.where(rng.random(count) < share, rng.choice([3, 4, 9], count), rng.choice(good, count))
        for share in rng.choice([0, 0.02, 0.06], 2)
    ]
    return np.stack([flow, flags[0], pressure, flags[1]], axis=1).astype(np.int64)


def signals(series: Series) -> tuple[Signal, Signal | None]:
    """What the laptop has of it, in the order of the records."""
    interval_ms = series.config["interval_ms"]
    uptime_ms = (series.slot + 1) * interval_ms
    boot = np.ones(len(uptime_ms), np.int64)
    time_s = Dating({1: series.anchors}, {}).date(boot, uptime_ms).unix_ms / 1000
    factor = ML / interval_ms if series.counting else 1 / SCALE
    flow, flow_flag, pressure, pressure_flag = series.cells.T

    def signal(name: str, value: NDArray[np.float64], flag: NDArray[np.int64]) -> Signal:
        value = np.where(flag == MISSING, np.nan, value)
        number = np.arange(len(value))
        return Signal("n", name, "", interval_ms / 1000, time_s, value, flag.astype(np.uint8),
                      np.zeros_like(number), number)  # fmt: skip

    held = signal("p", pressure / SCALE, pressure_flag) if "pressure" in series.alarm else None
    return signal("flow", flow * factor, flow_flag), held


def by_time(signal: Signal, count: int) -> Signal:
    """The first `count` records, as a reader of tables hands them on."""
    first = signal.cut(slice(0, count))
    order = np.argsort(first.time_s, kind="stable")
    return Signal("n", first.channel, "", first.interval_s, first.time_s[order], first.value[order],
                  first.flag[order], first.epoch[order], first.number[order])  # fmt: skip


def laptop(series: Series, found: tuple[Signal, Signal | None], count: int) -> dict[int, Night]:
    """The nights of the first `count` records, by the first minute of their window."""
    alarm = series.alarm
    window = NightWindow(ZoneInfo(ZONES[alarm["utc_min"]]), alarm["from_h"], alarm["to_h"])
    flow, pressure = (None if one is None else by_time(one, count) for one in found)
    assert flow is not None
    return {window.bounds_s(n.day)[0] // 60: n for n in nights(flow, pressure, window)}


def node(asked: Peer, series: Series) -> dict[int, list[Any]]:
    """What the node says, by the index of the record with which it says so: [first minute of the
    window, lowest hour, whether the night counts, whether the alarm holds].
    """
    asked.ask(json.dumps({"config": series.config}))
    found = {}
    edges = [0, *series.breaks, len(series.slot)]
    places = {int(slot): i for i, slot in enumerate(series.slot)}
    for anchor, first, last in zip(series.anchors, edges[:-1], edges[1:], strict=True):
        asked.ask(json.dumps({"anchor": [anchor.uptime_ms, anchor.unix_ms]}))
        for at in range(first, last, 500):
            end = min(at + 500, last)
            records = np.column_stack([series.slot[at:end], series.cells[at:end]]).tolist()
            for slot, night, lowest, counts, holds in json.loads(
                asked.ask(json.dumps({"records": records}))
            ):
                minute = night - series.alarm["utc_min"] + FROM_S // 60
                found[places[slot]] = [minute, lowest, counts, holds]
    return found


def hourly(series: Series, night: Night | None) -> float | None:
    """The lowest hour in the node's unit: pulses an hour, or value times scale."""
    if night is None or np.isnan(night.flow_lps):
        return None
    return night.flow_lps * (HOUR_MS / ML if series.counting else SCALE)


def compare(series: Series, told: dict[int, list[Any]], seed: int) -> list[str]:
    """Compare each verdict; the states that were seen."""
    found = signals(series)
    seen = []
    holds = 0
    for at, (minute, lowest, counts, held) in told.items():
        night = laptop(series, found, at + 1).get(minute)
        wanted = hourly(series, night)
        what = f"seed {seed}, record {at}: {night} against {lowest}, {counts}"
        assert counts == int(night is not None and night.counts), what
        if counts:
            assert wanted is not None
            assert lowest <= wanted + 1e-6 < lowest + 1 + 2e-6, what
            holds = int(lowest >= series.alarm["limit"])
        elif night is not None and night.state != CLOCK_SET_BACK:
            assert (lowest == NOTHING) == (wanted is None), what
        assert held == holds, what
        seen.append("not seen" if night is None else night.state)
    judged = {minute for minute, _, _, _ in told.values()}
    missed = laptop(series, found, len(series.slot) - 1)
    assert {m for m, n in missed.items() if n.counts} <= judged, f"seed {seed}: {missed}"
    return seen


def one_hour(begin_s: int, trims: dict[int, int]) -> Series:
    """A window of one hour, and a node that starts `begin_s` after it began; it records 500 every
    10 s, and 0 in those records before which its clock is trimmed (slot: ms).
    """
    alarm = {"name": "night", "kind": "night", "column": "flow", "limit": 1, "utc_min": 0,
             "from_h": 4, "to_h": 5}  # fmt: skip
    channels = [{"name": "flow", "sensor": "current"}, {"name": "p", "sensor": "current"}]
    config = {"alarms": [alarm], "channels": channels, "interval_ms": 10_000}
    slot = np.arange((3600 - begin_s) // 10 + 40)
    cells = np.full((len(slot), 4), 1)
    cells[:, 0] = 500
    anchors = [Anchor(0, FROM_MS // DAY_MS * DAY_MS + 4 * HOUR_MS + 1000 * begin_s, 50, 2)]
    for at, step_ms in trims.items():
        last = anchors[-1]
        uptime_ms = 10_000 * at + 1
        anchors.append(
            Anchor(uptime_ms, last.unix_ms + uptime_ms - last.uptime_ms + step_ms, 50, 2)
        )
        cells[at, 0] = 0
    return Series(config, slot, cells, anchors, list(trims))


@pytest.mark.parametrize("interpreter", COMMANDS)
def test_edges_of_a_night(interpreter: str) -> None:
    """A clock trimmed back over the first minute's edge: the record is of the window. It may begin
    a second before the first record, not two. One set back further than that spoils it.
    """
    with peer(COMMANDS[interpreter](CODE[interpreter], [FIRMWARE, ON_NODE])) as asked:
        for series, lowest, counts in (
            (one_hour(-60, {}), 500, 1),
            (one_hour(-60, {7: -20_000}), 500 * 361 // 362, 1),
            (one_hour(1, {}), 500, 1),
            (one_hour(2, {}), 500, 0),
            (one_hour(-60, {30: -59_000}), 500 * 365 // 366, 1),
            (one_hour(-60, {30: -181_000}), None, 0),
            (one_hour(-7200, {30: -181_000}), None, 0),
        ):
            told = node(asked, series)
            compare(series, told, 0)
            (verdict,) = told.values()
            assert verdict[2] == counts, (series.anchors, verdict)
            assert lowest is None or verdict[1] == lowest, (series.anchors, verdict)


@pytest.mark.parametrize("interpreter", COMMANDS)
def test_the_node_and_the_laptop_agree_on_every_night(interpreter: str) -> None:
    seen: list[str] = []
    command = COMMANDS[interpreter](CODE[interpreter], [FIRMWARE, ON_NODE])
    with peer(command) as asked:
        for seed in SEEDS:
            series = made(seed)
            seen += compare(series, node(asked, series), seed)
    print({state: seen.count(state) for state in set(seen)})
    assert seen.count("counted") > len(SEEDS) / 2
    assert set(seen) == {
        "counted", "no_complete_hour", "pressure_lost", "pressure_unknown", "clock_set_back",
        "not seen", "backflow",
    }  # fmt: skip

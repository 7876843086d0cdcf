# SPDX-License-Identifier: MIT
"""Bursts beside weekends, holidays, season, other bursts, changing clocks; and their judge."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import battledim
import numpy as np
import pytest
from burst_judge import ABRUPT, INCIPIENT, Found, Leak, fits, judge
from week_towns import DAY, START_S, town

from tirta.district import acknowledged, change_point, events, expected, tank
from tirta.district.acknowledged import Acknowledged
from tirta.district.burst import Burst, _events, _sure, bursts
from tirta.district.calendar import Calendar, dates
from tirta.district.events import GROWTH, FlowEvent
from tirta.district.expected import DailyValues
from tirta.district.leaks import Leak as Leakage
from tirta.district.leaks import leaks
from tirta.district.night import BACKFLOW, NightWindow, nights
from tirta.district.signal import Floats, Signal
from tirta.errors import TirtaError
from tirta.water.definitions import BurstRule

JAKARTA = NightWindow(ZoneInfo("Asia/Jakarta"))
HOUR_S, DAY_S = 3600.0, 86_400.0


def found(
    flow: Signal, pressure: Signal | None = None, window: NightWindow = JAKARTA
) -> list[Burst]:
    return bursts(flow, pressure, nights(flow, pressure, window), window)


def window_of(holidays: tuple[date, ...]) -> NightWindow:
    return replace(JAKARTA, calendar=Calendar(holidays=frozenset(holidays)))


@pytest.mark.parametrize("seed", [400, 402, 407])
def test_a_burst_in_a_town_with_weekends_and_holidays(seed: int) -> None:
    made = town(seed, 1.0)
    told = found(made.flow, made.pressure, window_of(made.holidays))
    verdict = judge(
        [Leak("b", made.start_s, made.end_s, 1.0)], [Found(b.start_s, b.size_lps) for b in told]
    )
    assert (verdict.found(), verdict.false) == (1, [])
    assert abs(verdict.delays_h()[0]) <= 6
    (one,) = told
    assert one.start_range_s[0] <= one.start_s <= one.start_range_s[1]
    assert one.low_lps < 1.0 < one.high_lps


@pytest.mark.parametrize("seed", [1400, 1401, 1402])
def test_a_town_where_nothing_bursts(seed: int) -> None:
    made = town(seed, 0.0)
    assert found(made.flow, made.pressure, window_of(made.holidays)) == []
    assert found(made.flow, made.pressure) == []  # nor where nobody listed the holidays


def series(leak: Floats, seed: int = 1, demand: float = 0.0) -> DailyValues:
    """Nights of a town at 10 L/s with weekends 3 L/s higher; `leak` is laid over them."""
    rng = np.random.default_rng(seed)
    days = tuple(date(2025, 1, 6) + timedelta(days=i) for i in range(len(leak)))
    weekend = np.array([3.0 if d.weekday() >= 5 else 0.0 for d in days])
    value = 10 + weekend + rng.normal(0, 0.2, len(leak)) + leak
    return DailyValues(days, value, np.full(len(leak), demand))


def leaks_of(days: DailyValues) -> list[tuple[int, int | None, float]]:
    model = expected.expected(days, Calendar(), 0.2)
    told = leaks(events.find(days, model)[0], days.at, lambda *_: True)
    return [(k.first, k.last, round(k.size, 1)) for k in told]


def steps(count: int, *parts: tuple[int, int, float]) -> Floats:
    at = np.arange(count)
    taken = [size * ((at >= a) & (at < b)) for a, b, size in parts]
    return np.asarray(np.sum(taken, axis=0) + np.zeros(count), np.float64)


def test_a_second_leak_is_not_hidden_by_the_first() -> None:
    told = leaks_of(series(steps(60, (20, 45, 4.0), (30, 60, 2.0))))
    assert [(a, b) for a, b, _ in told] == [(20, 45), (30, None)]
    assert [size for *_, size in told] == pytest.approx([4.0, 2.0], abs=0.5)


def test_weekends_are_no_bursts_and_a_return_is_none() -> None:
    assert leaks_of(series(steps(60))) == []
    assert leaks_of(series(steps(60, (25, 35, -3.0)))) == []  # many were away
    assert leaks_of(series(steps(60, (20, 45, -3.0)))) == []


def test_a_repair_and_a_leak_of_the_same_size_are_two_leaks() -> None:
    told = leaks_of(series(steps(60, (15, 35, 4.0), (38, 55, 4.0))))
    assert [(a, b) for a, b, _ in told] == [(15, 35), (38, 55)]


def test_a_leak_that_grows_is_one_leak_with_its_full_size() -> None:
    at = np.arange(70.0)
    grows = 5 * np.clip((at - 20) / 20, 0, 1) ** 2 * (at < 55)
    days = series(grows)
    model = expected.expected(days, Calendar(), 0.2)
    (one, fall) = events.find(days, model)[0]
    assert one.shape == GROWTH
    assert one.begin[0] <= 20 <= one.begin[2]
    assert one.grown == pytest.approx(20, abs=6)
    assert one.size == pytest.approx(5, rel=0.15)
    assert (fall.first, round(fall.size)) == (55, -5)


def test_a_leak_that_was_repaired_while_it_grew_has_the_size_that_was_seen() -> None:
    at = np.arange(90.0)
    grows = 20 * np.clip((at - 20) / 80, 0, 1) ** 2  # 3.8 L/s on day 55, 14 at the end
    for repaired, seen in ((55, 3.8), (90, 15.0)):
        told = leaks_of(series(grows * (at < repaired)))
        assert len(told) == 1
        assert told[0][2] == pytest.approx(seen, rel=0.2)


def test_a_leak_is_as_sure_where_old_ones_lift_each_night() -> None:
    """What a zone uses, and so how much it may scatter, is not what leaks take."""
    at = np.arange(365.0)
    old = 16 * np.clip((at - 40) / 20, 0, 1) ** 2
    assert expected.level_of(series(old).value) == pytest.approx(10, rel=0.05)
    days = series(old + steps(365, (200, 260, 1.4)))
    scatter = expected.first_noise(days, Calendar())
    model = expected.expected(days, Calendar(), scatter)
    told = leaks(events.find(days, model)[0], days.at, lambda *_: True)
    assert [(k.first, k.last) for k in told][1:] == [(200, 260)]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("each_lps", [0.15, 0.4])
def test_a_few_houses_of_which_most_use_nothing_at_night(seed: int, each_lps: float) -> None:
    used = np.asarray(np.random.default_rng(seed).poisson(0.3, 60) * each_lps, np.float64)
    assert _events(replace(series(np.zeros(60)), value=used), Calendar()) == []


def test_four_strange_weeks_are_no_level() -> None:
    value = series(steps(365, (100, 130, -10.0))).value
    assert 3 < expected.level_of(value) < 11


def test_what_grew_before_the_first_night_is_no_burst() -> None:
    rule = BurstRule()
    grew = FlowEvent(GROWTH, 0, 60, 4.0, 0.2, 40.0, (-35.0, -30.0, -25.0))
    assert not _sure(Leakage(0, 50, 4.0, 0.2, grew), rule)
    assert _sure(Leakage(0, 50, 4.0, 0.2, replace(grew, begin=(5.0, 9.0, 12.0))), rule)


def test_what_grew_in_a_day_came_at_once() -> None:
    event = FlowEvent(GROWTH, 20, 60, 4.0, 0.2, 1.5, (19.5, 19.8, 20.1))
    (one,) = leaks([event], np.arange(60.0), lambda *_: True)
    assert one.grown == 0


def test_the_judge_pairs_one_burst_with_one_leak() -> None:
    first = Leak("a", 0.0, 9 * DAY_S, 2.0)
    grows = Leak("b", 0.0, 90 * DAY_S, 2.0, INCIPIENT, 60 * DAY_S)
    assert fits(first, Found(-6 * HOUR_S, 2.9))
    assert not fits(first, Found(-6.1 * HOUR_S, 2.0))
    assert not fits(first, Found(49 * HOUR_S, 2.0))
    assert not fits(first, Found(0.0, 3.1))
    assert not fits(first, Found(0.0, 1.3))
    assert fits(grows, Found(59 * DAY_S, 2.0))
    assert not fits(grows, Found(61 * DAY_S, 2.0))
    # The later burst fits both; only so are both found.
    verdict = judge([grows, first], [Found(HOUR_S, 2.0), Found(50 * DAY_S, 2.0)])
    assert verdict.pairs == ((0, 1), (1, 0))
    assert (verdict.found(ABRUPT), verdict.of(INCIPIENT), verdict.false) == (1, 1, [])
    assert judge([first], [Found(0.0, 2.0), Found(HOUR_S, 2.0)]).false == [1]


def test_a_week_of_a_year_that_others_simulated() -> None:
    """Nine weeks of L-Town: two leaks open in them, and no weekend is one."""
    if not battledim.FOLDER.exists():
        pytest.skip("needs ../shared/data/battledim2018")
    signals = battledim.flows(battledim.FOLDER)
    begin_s = datetime(2018, 9, 3, tzinfo=UTC).timestamp()
    part = {name: s.cut(s.between(begin_s, begin_s + 63 * DAY_S)) for name, s in signals.items()}
    told = [Found(b.start_s, b.size_lps, b.end_s) for b in battledim.found_in(part)]
    true = [k for k in battledim.leaks(battledim.FOLDER) if k.name in {"p158", "p369"}]
    verdict = judge(true, told)
    assert (verdict.found(ABRUPT), verdict.false) == (2, [])


def test_a_pump_that_fills_a_tank_tells_the_use_of_each_day() -> None:
    """It runs until the tank is full: 10 L/s, of which 4 are used, and 6 from the tenth day on."""
    minutes = 30 * DAY
    level, on, pumped = 0.0, True, np.zeros(minutes)
    for i in range(minutes):
        used = 4.0 if i < 10 * DAY else 6.0
        level += (10.0 * on - used) * 60
        on = level < 100_000 if on else level < 20_000
        pumped[i] = 10.0 * on
    number = np.arange(minutes)
    time_s = (START_S + 60.0 * (number + 1.0)).astype(np.float64)
    flow = Signal("n", "pump", "L/s", 60.0, time_s, pumped,
                  np.ones(minutes, np.uint8), number * 0, number)  # fmt: skip
    assert tank.fills_a_tank(flow)
    use = {n.day: n.flow_lps for n in tank.daily_use(flow, JAKARTA)}
    assert use[date(2025, 3, 8)] == pytest.approx(4, abs=0.2)
    assert use[date(2025, 3, 20)] == pytest.approx(6, abs=0.2)
    (one,) = found(flow)
    assert one.size_lps == pytest.approx(2, abs=0.3)
    assert abs(one.start_s - (START_S + 10 * DAY_S)) <= 1.5 * DAY_S
    assert not tank.fills_a_tank(town(400, 0.0).flow)


@pytest.mark.parametrize("weekends", [1, 2])
@pytest.mark.parametrize("begin_h", [2, 10, 20, 30])
def test_a_change_on_days_that_few_are_like_is_not_told_as_sure(
    begin_h: int, weekends: int
) -> None:
    """It begins on the last Saturday or Sunday, whose mornings are twice those of other days."""
    rng = np.random.default_rng(begin_h)
    count = weekends * 7 + 2
    at = np.arange(count * DAY)
    begin = (count - 4) * DAY + begin_h * 60
    morning = np.exp(-0.5 * ((at % DAY / 60 - 8) / 2) ** 2)
    rest = np.isin(at // DAY % 7, (5, 6))
    value = (3 + (4 + 4 * rest) * morning) * rng.normal(1, 0.05, len(at)) + 2.0 * (at >= begin)
    flow = replace(town(400, 0.0).flow.cut(slice(count * DAY)), value=value)
    days = change_point.days_of(flow, JAKARTA, Calendar())
    days.clean[count - 4 : count - 2] = False
    days.leak[count - 2 :] = 2.0
    between = (START_S + (count - 5) * DAY_S, START_S + (count - 2) * DAY_S)
    moment = change_point.change(days, between, 2.0, 0.1)
    assert moment.low_s - 300 <= START_S + 60 * begin <= moment.high_s + 300
    if weekends > 1:
        assert moment.high_s - moment.low_s < 6 * HOUR_S


def test_days_are_of_the_local_clock_when_it_changes() -> None:
    """In Berlin 2025-03-30 lacks an hour: seven o'clock is block 84 on both sides of it."""
    berlin = NightWindow(ZoneInfo("Europe/Berlin"))
    begin = datetime(2025, 3, 28, tzinfo=berlin.zone).timestamp()
    number = np.arange(5 * 288)
    time_s = (begin + 300.0 * (number + 1)).astype(np.float64)
    hour = np.array([datetime.fromtimestamp(t - 1, berlin.zone).hour for t in time_s], float)
    flow = Signal("n", "flow", "L/s", 300.0, time_s, hour, np.ones(len(number), np.uint8),
                  number * 0, number)  # fmt: skip
    days = change_point.days_of(flow, berlin, Calendar())
    for day in days.flow[:4]:
        known = ~np.isnan(day)
        assert (day[known] == np.repeat(np.arange(24.0), 12)[known]).all()
    assert np.isnan(days.flow[2]).sum() == 12


def test_a_night_that_ran_backwards_does_not_count() -> None:
    made = town(400, 0.0)
    value = made.flow.value.copy()
    value[5 * DAY + 60 : 5 * DAY + 180] = -4.1
    night = nights(replace(made.flow, value=value), None, JAKARTA)[5]
    assert (night.state, night.counts) == (BACKFLOW, False)


def test_day_classes_and_holidays() -> None:
    known = dates(["2026-03-31", "2026-03-18..2026-03-20"])
    assert known == {date(2026, 3, d) for d in (18, 19, 20, 31)}
    calendar = Calendar((4, 5), known)
    kinds = [calendar.kind(date(2026, 3, d)) for d in (5, 6, 7, 8, 20)]
    assert kinds == ["working", "saturday", "sunday", "working", "holiday"]
    for wrong in ("2026-3-1", "2026-03-20..2026-03-18", "soon", "2026-01-01..2126-01-01"):
        with pytest.raises(ValueError, match=r"2026|soon"):
            dates([wrong])


def test_what_is_acknowledged_is_a_record_and_can_be_withdrawn(tmp_path: Path) -> None:
    one = Burst(1000.0, None, 2.0, 1.5, 2.5, (), ())
    said = Acknowledged("z", 1000.0, 2.1, "new laundry", "Sari", 5.0)
    acknowledged.add(tmp_path, said)
    assert acknowledged.of_burst(acknowledged.stored(tmp_path), "z", one) == said
    for other in (replace(one, size_lps=4.0), replace(one, start_s=1000.0 + 4 * DAY_S)):
        assert acknowledged.of_burst([said], "z", other) is None
    assert acknowledged.of_burst([said], "y", one) is None
    acknowledged.add(tmp_path, replace(said, withdrawn=True, said_s=6.0))
    assert len(acknowledged.stored(tmp_path)) == 2
    assert acknowledged.of_burst(acknowledged.stored(tmp_path), "z", one) is None
    (tmp_path / "acknowledged.json").write_text("{")
    with pytest.raises(TirtaError, match="damaged"):
        acknowledged.stored(tmp_path)

# SPDX-License-Identifier: MIT
"""Pulse meters, analogue probes and the node's own channels: values as their formulas give them
(computed with floats here), faults, and nothing from the heap.
"""

import micropython
import nochip  # noqa: F401 - before the sensors, whose package imports the hal
from faketime import time
from node_parts import Parts
from nor import Flash

from tirta_node.hal.edges import EdgeCounter
from tirta_node.requests import status
from tirta_node.sampling import assemble
from tirta_node.sensors.battery import Battery
from tirta_node.sensors.conductivity import Conductivity
from tirta_node.sensors.converter import Mean
from tirta_node.sensors.curve import Curve
from tirta_node.sensors.own import Own
from tirta_node.sensors.oxygen import Oxygen
from tirta_node.sensors.ph import PH
from tirta_node.sensors.pulse_meter import PulseMeter
from tirta_node.sensors.straight_line import StraightLine
from tirta_node.sensors.voltage_row import VoltageRow
from tirta_node.sensors.water import Water
from tirta_node.storage.ring import Ring

SPAN = 30000
TABLE = [14621 - 300 * i for i in range(21)]


class Thermometer:
    def __init__(self, value, flag=1):
        self.value = value
        self.flag = flag


class Adc:
    def __init__(self, uv=1000000):
        self.uv = uv

    def read_uv(self):
        return self.uv


class Unit:
    """A counter of 16 bits: it begins anew at plus and minus SPAN."""

    def __init__(self):
        self.total = 0

    def value(self):
        return self.total % SPAN if self.total >= 0 else -(-self.total % SPAN)


def sampled(driver):
    driver.sample()
    return driver.value, driver.flag


def test_pulses_are_differences_over_every_overflow():
    unit = Unit()
    meter = PulseMeter(unit, SPAN)
    state, total = 1, 0
    for _ in range(3000):
        state = state * 48271 % 2147483647
        step = state % 29000 - 14400
        unit.total += step
        total += step
        assert sampled(meter) == (step, 1)
    assert unit.total == total


def test_a_fast_meter_is_polled_between_samples():
    unit = Unit()
    meter = PulseMeter(unit, SPAN, 500)
    unit.total = 7
    meter.sample()
    for _ in range(20):
        unit.total += 14000
        assert meter.poll() == 500
    assert meter.value == 7  # of the last sample
    unit.total += 3
    assert sampled(meter) == (280003, 1)
    assert sampled(meter) == (0, 1)
    for _ in range(5):
        unit.total -= 14999
        meter.poll()
    assert sampled(meter) == (-74995, 1)


class Pin:
    IRQ_RISING = 1

    def irq(self, handler, trigger):
        self.edge = handler


def test_interrupts_count_contacts_not_their_bounce():
    pin = Pin()
    counter = EdgeCounter(pin)
    meter = PulseMeter(counter)
    for _ in range(200):
        for bounce in (0, 1, 3, 9, 20):
            time.sleep_ms(bounce)
            pin.edge(pin)
        time.sleep_ms(467)
    assert sampled(meter) == (200, 1)
    time.sleep_ms(500)
    pin.edge(pin)
    time.sleep_ms(100)  # the one before came 400 ms late, out of an erase
    pin.edge(pin)
    assert sampled(meter) == (2, 1)


LINES = (
    (400000, 0, 2000000, 10000), (400000, -500, 2000000, 16000), (0, 0, 3300000, 1000000000),
    (2000000, 14000, 400000, 0), (400000, 0, 2000000, 1), (0, 0, 1, 160), (1300000, 0, -700000, 99),
    (414000, 400, 2000000, -987654321), (-1073741823, 7, 1073741823, 8), (1000000, 5, 1000001, 6),
)  # fmt: skip


def lines():
    """Those above, and 400 through points that a converter may read and a config may name."""
    state = 20260101
    yield from LINES
    for _ in range(400):
        found = []
        for span in (2400000, 200000000, 2400000, 200000000):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            found.append(state % (span >> state % 20) - (span >> 21))
        if abs(found[2] - found[0]) * 40 > abs(found[3] - found[1]):  # else too steep for 2^30
            yield tuple(found)


def is_exact(value, x, x0, y0, x1, y1):
    """Whether a value is within one of the line, compared as fractions: both times the run."""
    return abs((value - y0) * (x1 - x0) - (x - x0) * (y1 - y0)) <= abs(x1 - x0)


def test_a_line_is_exact_to_a_step():
    for points in lines():
        line = StraightLine(*points)
        for x in range(0, 3300000, 131111):
            assert is_exact(line.at(x), x, *points), (points, x, line.at(x))


def test_the_tick_scales_as_exactly():
    adc = Adc()
    for points in lines():
        ring = Ring(1)
        made = assemble.build(
            [VoltageRow(adc, points[:2], points[2:])],
            [],
            [{"name": "v", "sensor": "voltage"}],
            100,
            ring,
        )
        for adc.uv in range(150001, 2450000, 231111):
            time.sleep_ms(100)
            made.tick(made.cells, made.state, time.ticks_ms(), made.parts)
            assert is_exact(ring.values[0], adc.uv, *points), (points, adc.uv, ring.values[0])
            ring.drop(1)


def ph_of(uv, celsius, zero_uv=1500000, gain=3.0, offset_mv=5, slope=0.98):
    e_mv = (uv - zero_uv) / gain / 1000
    return 7 + (offset_mv - e_mv) / (0.198416 * (celsius + 273.15) * slope)


def test_ph_follows_nernst():
    adc = Adc()
    for celsius in (0, 5, 25, 60):
        water = Water(Thermometer(celsius * 16), 16, 2500)
        water._mul, water._div = 100, 16  # sixteenths, as a thermometer of another kind
        probe = PH(Mean(adc), water, 1500000, 3000, 5000, 9800, 1000)
        for adc.uv in range(600000, 2400000, 77777):
            exact = ph_of(adc.uv, celsius)
            value, flag = sampled(probe)
            if flag != 9:
                assert abs(value - exact * 1000) <= 1, (celsius, adc.uv, value, exact)
                assert flag == (1 if 0 <= exact <= 14 else 3)


def test_ph_without_temperature_is_suspect_and_a_fault_is_missing():
    adc = Adc(1500000)
    thermometer = Thermometer(2500, 9)
    probe = PH(Mean(adc), Water(thermometer, 100, 2000), 1500000, -3000, 0, 10000, 100)
    assert sampled(probe) == (700, 3)
    adc.uv = 1500000 + 3 * 58170
    assert sampled(probe) == (800, 3)  # at the 20 degrees that stand in
    thermometer.flag = 1
    assert sampled(probe)[1] == 1
    for adc.uv in (0, 150000, 2450000, 3300000):
        assert sampled(probe)[1] == 9
    fixed = PH(Mean(Adc(1500000)), Water(None, 100, 2500), 1500000, 1000, 0, 10000, 1000)
    assert sampled(fixed) == (7000, 1)


def test_conductivity_is_what_it_would_be_at_25_degrees():
    adc = Adc()
    points = (200000, 0, 2200000, 2000000)  # 0 to 2000.000 uS/cm
    for centi in (0, 1234, 2500, 3456):
        for alpha in (200, 191, 0):
            probe = Conductivity(Mean(adc), points, Water(Thermometer(centi), 100, 2500), alpha)
            for adc.uv in (200000, 234567, 1000000, 2200000):
                raw = (adc.uv - 200000) * 1.0
                exact = raw / (1 + alpha / 10000 * (centi / 100 - 25))
                value, flag = sampled(probe)
                assert flag == 1
                assert abs(value - exact) <= 2 + exact / 40000, (centi, alpha, adc.uv, value, exact)
    probe = Conductivity(Mean(adc), points, Water(Thermometer(0, 9), 100, 2500), 200)
    assert sampled(probe) == (2000000, 3)


def test_a_curve_has_pieces_and_ends():
    adc = Adc()
    curve = Curve(Mean(adc), (500000, 3000, 1000000, 1000, 2000000, 0))
    for adc.uv, wanted in (
        (500000, (3000, 1)), (750000, (2000, 1)), (1000000, (1000, 1)), (1500000, (500, 1)),
        (2000000, (0, 1)), (400000, (3400, 3)), (2200000, (-200, 3)), (150000, (3400, 9)),
    ):  # fmt: skip
        value, flag = sampled(curve)
        assert flag == wanted[1], adc.uv
        assert flag == 9 or abs(value - wanted[0]) <= 1, (adc.uv, value)


def test_oxygen_follows_temperature_and_saturation():
    adc = Adc()
    for centi in (0, 100, 1950, 2500, 3900):
        water = Water(Thermometer(centi), 100, 2500)
        probe = Oxygen(Mean(adc), water, 0, 1000000, 2500, 300, TABLE)
        for adc.uv in (151000, 250000, 990000, 1400000):
            saturation = 14621 - 1.5 * centi
            at = 1000000 * (1 + 0.03 * (centi / 100 - 25))
            exact = adc.uv / at * saturation
            value, flag = sampled(probe)
            assert flag == 1
            assert abs(value - exact) <= 2 + exact / 2000, (centi, adc.uv, value, exact)
    adc.uv = 2450000
    assert sampled(probe)[1] == 9


def test_an_oxygen_probe_that_is_dead_has_no_value():
    class Ads1115(Adc):
        """Measures from below zero on, as an ADS1115 does."""

        low_uv, high_uv = -10000000, 10000000

        def measure(self):
            return True

    adc = Adc()
    for zero_uv in (0, 142000):
        probe = Oxygen(Mean(adc), Water(None, 1, 2500), zero_uv, 1000000, 2500, 300, TABLE)
        for adc.uv in (0, 142000, 150000):  # a chip's converter says 142 mV of nothing
            assert sampled(probe)[1] == 9, (zero_uv, adc.uv)
    source = Ads1115()
    probe = Oxygen(source, Water(None, 1, 2500), 300000, 1300000, 2500, 0, TABLE)
    for source.uv, flag in (
        (0, 9),
        (249000, 9),
        (270000, 3),
        (300000, 3),
        (319000, 3),
        (330000, 1),
    ):
        assert sampled(probe)[1] == flag, source.uv
    probe = Oxygen(source, Water(None, 1, 2500), 0, 50000, 2500, 0, TABLE)
    for source.uv, flag in ((-3000, 9), (0, 3), (900, 3), (1100, 1)):
        assert sampled(probe)[1] == flag, source.uv


def test_thermometers_may_measure_in_kelvin_and_fahrenheit():
    cases = (
        ("degC", 100, 1850, 1850), ("\xb0C", 10000, 185000, 1850), ("C", 16, 296, 1850),
        ("K", 100, 29165, 1850), ("kelvin", 1, 291, 1785), ("degF", 10, 653, 1850),
        ("F", 1000000, 65300000, 1850), ("degF", 1, 212, 10000), ("K", 1000000, 291650000, 1850),
    )  # fmt: skip
    for unit, scale, value, centi in cases:
        water = Water(Thermometer(value), scale, 2000, unit)
        assert water.read(), unit
        assert water.centi == centi, (unit, scale, value, water.centi)
    for unit, value in (("degC", 29165), ("K", 1850), ("degF", 30000)):  # what no water has
        water = Water(Thermometer(value), 100, 2000, unit)
        assert not water.read()
        assert water.centi == 2000


def battery(uv):
    """A 12 V battery behind 6:1, saved below 11.5 V, in hundredths of a volt."""
    adc = Adc(uv)
    return adc, Battery(Mean(adc), 6000, 100, 1150)


def test_a_battery_is_low_after_three_samples_until_it_has_recovered():
    adc, driver = battery(2100000)
    assert sampled(driver) == (1260, 1)
    adc.uv = 1900000  # 11.4 V, as while a modem sends
    states = []
    for _ in range(2):
        assert sampled(driver) == (1140, 1)
        states.append(driver.low)
    adc.uv = 2000000
    sampled(driver)
    adc.uv = 1900000
    for _ in range(3):
        sampled(driver)
        states.append(driver.low)
    assert states == [False, False, False, False, True]
    for uv, low in ((2000000, True), (2010000, True), (2013000, False)):  # 12.07 V is 5 % above
        adc.uv = uv
        sampled(driver)
        assert driver.low == low, uv


def test_beyond_what_the_chip_measures_a_battery_has_no_value():
    adc, driver = battery(1900000)
    for _ in range(3):
        driver.sample()
    assert driver.low
    for adc.uv in (2450000, 2600000):
        driver.sample()
        assert (driver.flag, driver.low) == (9, True)


def test_below_what_the_chip_measures_there_is_no_battery():
    adc, driver = battery(150000)
    for uv in (150000, 142000, 0):
        adc.uv = uv
        for _ in range(4):
            driver.sample()
            assert (driver.flag, driver.low) == (9, False)
    adc.uv = 151000
    for _ in range(3):
        assert sampled(driver) == (91, 1)
    assert driver.low
    adc.uv = 0  # its wire breaks: what was low is not said to be well
    driver.sample()
    assert (driver.flag, driver.low) == (9, True)


def test_a_low_battery_commits_at_once_erases_nothing_ahead_and_alarms():
    parts = Parts(Flash(32), 1, {}, b"{}")
    keeper, ring = parts.keeper, parts.ring
    keeper.config_problem, keeper.keeper, keeper.alarms = "", keeper, None  # it is the node, too
    adc, driver = battery(2100000)
    driver.save(keeper)
    ready = 0
    while keeper.work(60000) == 2:  # erase ahead, as a node with time does
        ready += 1
    assert ready
    ring.push(0)
    assert keeper.work(60000) < 1
    assert ring.count() == 1
    assert status.alarms(keeper) == []
    adc.uv = 1900000
    for _ in range(3):
        driver.sample()
    assert keeper.work(60000) == 1
    assert keeper.number() == 1, "not durable"
    assert status.alarms(keeper) == ["battery: below the voltage at which the node saves"]
    number = 0
    while not keeper.log.erase_ahead():  # until a page is begun and the next is not ready
        keeper.log.open_page()
        number += 1
    assert number
    keeper.log.open_page()
    assert keeper.work(60000) == -1, "erased ahead"
    adc.uv = 2100000
    driver.sample()
    assert status.alarms(keeper) == []
    assert keeper.work(60000) == 2


def test_a_note_in_between_delays_no_commit():
    parts = Parts(Flash(32), 1, {}, b"{}", 4000, 20000)
    keeper, ring = parts.keeper, parts.ring
    while keeper.work(60000) == 2:  # erase ahead
        pass
    slot = 0
    for before in (3, 4, 1, 4, 2):
        for _ in range(before):
            ring.push(slot)
            slot += 1
            assert keeper.work(60000) == -1, "nothing is due"
        keeper.log.checkpoint()
        assert keeper.number() == slot, "a note takes the records before it along"
        for i in range(5):
            ring.push(slot)
            slot += 1
            assert keeper.work(60000) == (1 if i == 4 else -1)
        assert keeper.number() == slot, "not durable after five records"
        while keeper.work(60000) == 2:  # the journal's next page
            pass


def test_own_channels_tell_what_is_at_hand():
    assert sampled(Own(lambda: 60123)) == (60123, 1)


def test_sampling_allocates_nothing():
    adc = Adc(1234567)
    mean = Mean(adc)
    water = Water(Thermometer(2134), 100, 2500)
    drivers = [
        PulseMeter(Unit(), SPAN, 500),
        PulseMeter(EdgeCounter(Pin())),
        PH(mean, water, 1500000, 3000, 5000, 9800, 1000),
        Conductivity(mean, (200000, 0, 2200000, 2000000), water, 200),
        Curve(mean, (500000, 3000, 1000000, 1000, 2000000, 0)),
        Oxygen(mean, water, 0, 1000000, 2500, 300, TABLE),
        Own(time.ticks_ms),
    ]
    uvs = list(range(0, 3300000, 54321))
    micropython.heap_lock()
    try:
        for i in range(60):
            adc.uv = uvs[i]
            for driver in drivers:
                driver.sample()
        drivers[0].poll()
    finally:
        micropython.heap_unlock()

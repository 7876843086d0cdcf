# SPDX-License-Identifier: MIT
"""The slow buses but Modbus: ADS1115, Atlas EZO, DS18B20, SDI-12 and DS3231, each against a device
that behaves as its data sheet says, on a clock that is turned by hand.
"""

import json

import maxim
import micropython
import nochip  # noqa: F401 - before the sensors, whose package imports the hal
import polling
from faketime import time

# isort: split
# The devices ask that time, too.
from ads1115 import ADS1115Chip
from ds3231 import DS3231Chip
from ezo import BUSY, DONE, NOTHING, SYNTAX, EZOCircuit
from harness import shared
from i2c_bus import Bus
from polling import seen
from sdi12_sonde import Sonde as Model

from tirta_node.hal import sdi12 as line_of_sdi12
from tirta_node.sensors import ds3231
from tirta_node.sensors.ads1115 import ADS1115, Input
from tirta_node.sensors.crc16 import crc16
from tirta_node.sensors.current_loop import CurrentLoop
from tirta_node.sensors.ezo import EZO, Field
from tirta_node.sensors.one_wire import DS18B20, OneWireBus
from tirta_node.sensors.sdi12 import Measurement, Sdi12, Value

OFTEN_MS = 7


def run(bus, ms):
    polling.run(bus, ms, OFTEN_MS)


class Converter(Bus):
    """A bus with an ADS1115 at which there are four voltages."""

    def __init__(self):
        self.volts = [0.5, 1.0, 1.5, 2.0]
        self.chip = ADS1115Chip(lambda i: round(self.volts[i] * 1000000))
        super().__init__({0x48: self.chip})


def loops(chip, gain=2):
    inputs = [Input(mux, gain, 4, 3000) for mux in range(4)]
    return ADS1115(chip, 0x48, inputs, 1000), inputs


def test_ads1115_reads_each_input_by_its_multiplexer():
    chip = Converter()
    bus, inputs = loops(chip, gain=1)
    run(bus, 500)
    assert [source.measure() for source in inputs] == [True] * 4
    assert [source.uv for source in inputs] == [500000, 1000000, 1500000, 2000000]
    chip.volts = [0.1, 0.2, 0.3, 0.4]
    run(bus, 1000)
    assert [source.uv for source in inputs] == [100000, 200000, 300000, 400000]


def test_ads1115_faults_are_missing():
    chip = Converter()
    bus, inputs = loops(chip)
    chip.volts = [2.1, -2.1, 0.4, 1.99]  # of 2.048 V
    run(bus, 500)
    assert [source.measure() for source in inputs] == [False, False, True, True]
    for fault in (chip.absent.add, chip.absent.discard):
        fault(0x48)
        chip.stuck = not chip.absent
        run(bus, 5500)
        assert not any(source.measure() for source in inputs)
        assert bus.errors > 3
    chip.stuck, chip.chip.dead = False, True
    run(bus, 5000)
    assert not any(source.measure() for source in inputs)
    chip.chip.dead = False
    run(bus, 9000)
    assert inputs[2].measure()
    chip.writeto = forgets(chip)
    run(bus, 5000)
    assert not any(source.measure() for source in inputs)
    del chip.writeto
    run(bus, 9000)
    assert inputs[2].measure()
    time.sleep_ms(3500)  # nobody polls
    assert not inputs[2].measure()


def forgets(bus):
    """A writeto behind which the chip loses its supply, and with it what was written."""

    def write(address, data):
        Bus.writeto(bus, address, data)
        bus.chip.power_on()

    return write


def test_4_20_ma_by_ads1115_keeps_ne43():
    chip = Converter()
    bus, inputs = loops(chip, gain=1)
    channel = CurrentLoop(inputs[0], 100000, 0, 10000)
    wanted = (
        (0.0, None, 9), (0.36, None, 9), (0.37, -188, 3), (0.38, -125, 1), (0.4, 0, 1),
        (1.2, 5000, 1), (2.05, 10313, 1), (2.06, 10375, 3), (2.1, None, 9), (3.0, None, 9),
    )  # fmt: skip
    for volt, value, flag in wanted:
        chip.volts[0] = volt
        run(bus, 2000)
        got = seen(channel)
        assert channel.flag == flag, (volt, channel.flag)
        assert got == value or abs(got - value) <= 1, (volt, got)


class Circuit(Bus):
    """A bus with an Atlas EZO circuit, and the commands that it got."""

    def __init__(self, answer=b"7.356"):
        self.answer = answer
        self.commands = []
        self.circuit = EZOCircuit(lambda: self.answer)
        super().__init__({99: self.circuit, 100: self.circuit})

    def writeto(self, address, data):
        super().writeto(address, data)
        self.commands.append(bytes(data))


def test_ezo_answers_are_read():
    circuit = Circuit()
    field = Field(0, 1000, 15000)
    bus = EZO(circuit, 99, [field], 5000)
    assert seen(field) is None
    run(bus, 1000)
    assert seen(field) == 7356
    circuit.circuit.late_ms = 500
    circuit.answer = b"-12.3456"
    run(bus, 6000)
    assert seen(field) == -12346
    assert bus.errors == 0


def test_ezo_is_read_in_a_loop_that_polls_more_often():
    field = Field(0, 1000, 15000)
    bus = EZO(Circuit(), 99, [field], 5000)
    for _ in range(100):
        bus.poll()
        time.sleep_ms(10)
    assert seen(field) == 7356


def test_ezo_fields_are_taken_apart():
    circuit = Circuit(b"1413.0,764,0.71,1.001")
    fields = [Field(i, 10, 15000) for i in (0, 2, 3, 4)]
    run(EZO(circuit, 100, fields, 5000), 1500)
    assert [seen(field) for field in fields] == [14130, 7, 10, None]


def test_ezo_errors_are_missing():
    for status in (SYNTAX, BUSY, NOTHING, 0, 77):
        circuit = Circuit()
        field = Field(0, 1000, 15000)
        bus = EZO(circuit, 99, [field], 5000)
        run(bus, 1500)
        assert seen(field) == 7356
        circuit.circuit.status = status
        run(bus, 9000)
        assert seen(field) is None, status
        assert bus.last_status == status
        circuit.circuit.status = DONE
        run(bus, 6000)
        assert seen(field) == 7356
        circuit.absent.add(99)
        run(bus, 6000)
        assert seen(field) is None


def test_ezo_is_told_the_temperature():
    class Thermometer:
        value = 2568
        flag = 1

    circuit = Circuit()
    field = Field(0, 1000, 15000)
    bus = EZO(circuit, 99, [field], 5000, Thermometer, 100)
    run(bus, 2000)
    assert circuit.commands == [b"T,025.7", b"R"]
    assert (seen(field), field.flag) == (7356, 1)
    assert circuit.circuit.temperature == b"025.7"


def test_ezo_does_not_keep_the_temperature_of_a_thermometer_that_is_lost():
    class Thermometer:
        value = 1800
        flag = 1

    circuit = Circuit()
    field = Field(0, 1000, 15000)
    bus = EZO(circuit, 99, [field], 5000, Thermometer, 100, 2000)
    run(bus, 2000)
    for lost in ((1800, 9), (1800, 4), (1800, 3), (30000, 1)):  # the last: no water has that
        Thermometer.value, Thermometer.flag = lost
        run(bus, 5000)
        assert circuit.circuit.temperature == b"020.0"
        assert (seen(field), field.flag) == (7356, 3)
    Thermometer.value, Thermometer.flag = 1800, 1
    run(bus, 5000)
    assert circuit.circuit.temperature == b"018.0"
    assert (seen(field), field.flag) == (7356, 1)
    Thermometer.value = 29115  # in kelvin
    bus = EZO(circuit, 99, [field], 5000, Thermometer, 100, 2000, "K")
    run(bus, 2000)
    assert circuit.circuit.temperature == b"018.0"


class Wire:
    """Probes on a 1-Wire bus, by ROM code; what is read is the AND of all that answer."""

    def __init__(self, pads):
        self.pads = {rom: bytearray(b"\x50\x05\x4b\x46\x7f\xff\x0c\x10\x1c") for rom in pads}
        self.after = pads
        self.present = True
        self._in = b""
        self._at = 0
        self._began = None

    def reset(self):
        self._in = b""
        self._at = 0
        return self.present

    def writebyte(self, byte):
        self._in += bytes((byte,))
        if self._in == b"\xcc\x44":
            self._began = time.ticks_ms()

    def readbyte(self):
        if self._began is not None and time.ticks_diff(time.ticks_ms(), self._began) >= 750:
            self.pads = self.after
        found = 0xFF
        for rom, pad in self.pads.items():
            if self._in in (b"\xcc\xbe", b"\x55" + rom + b"\xbe"):
                found &= pad[self._at]
        self._at += 1
        return found

    def crc8(self, data):
        return maxim.crc8(data)


ROM_1 = b"\x28\xdc\x66\x74\x05\x00\x00\xb9"
ROM_2 = b"\x28\xb1\x43\xfe\x04\x00\x00\x73"
PAD_1 = b"\x4d\x01\x4b\x46\x7f\xff\x03\x10\xd8"  # 20.8125 degrees
PAD_2 = b"\x50\x01\x4b\x46\x7f\xff\x10\x10\x49"  # 21.0


def thermometers(bus, roms, scale, period_ms=1000):
    probes = [DS18B20(rom, scale) for rom in roms]
    for probe in probes:
        bus.join(probe, period_ms)
    return probes


def tick(bus, probes):
    """What the sampler does: prepare all, then sample `lead_ms` later."""
    lead_ms = probes[0].lead_ms
    for probe in probes:
        probe.prepare()
    run(bus, lead_ms)
    return [seen(probe) for probe in probes]


def test_one_conversion_serves_all_thermometers_of_a_bus():
    wire = Wire({ROM_1: PAD_1, ROM_2: PAD_2})
    bus = OneWireBus(wire)
    probes = thermometers(bus, [ROM_1, ROM_2], 10000)
    assert tick(bus, probes) == [208125, 210000]
    assert bus.errors == 0
    wire.after = {ROM_2: PAD_2}  # one is cut off
    wire.pads = wire.after
    assert tick(bus, probes) == [None, 210000]
    wire.present = False
    assert tick(bus, probes) == [None, None]
    wire.present = True
    assert tick(bus, probes) == [None, 210000]


def test_a_slow_thermometer_has_time_to_spare():
    for period_ms, held_up_ms, read in ((1000, 200, None), (60000, 200, 2081), (60000, 1900, 2081)):
        bus = OneWireBus(Wire({ROM_1: PAD_1}))
        probes = thermometers(bus, [None], 100, period_ms)
        probes[0].prepare()
        time.sleep_ms(held_up_ms)  # an erase, or a computer with other things to do
        run(bus, probes[0].lead_ms - held_up_ms)
        assert seen(probes[0]) == read, (period_ms, held_up_ms)


def test_a_single_thermometer_needs_no_rom_code():
    bus = OneWireBus(Wire({ROM_1: PAD_1}))
    assert tick(bus, thermometers(bus, [None], 100)) == [2081]
    bus = OneWireBus(Wire({ROM_1: PAD_1, ROM_2: PAD_2}))  # two: their answers collide
    assert tick(bus, thermometers(bus, [None], 100)) == [None]


def with_crc8(pad):
    return bytes(pad) + bytes((Wire({}).crc8(pad),))


def test_what_is_no_temperature_is_refused():
    for pad, value in (
        (bytes(9), None), (b"\xff" * 9, None), (PAD_1[:8] + b"\xd9", None),
        (b"\x50\x05\x4b\x46\x7f\xff\x0c\x10\x1c", None),
        (with_crc8(b"\x5e\xff\x4b\x46\x7f\xff\x02\x10"), -1012),
        (with_crc8(b"\xd0\x07\x4b\x46\x7f\xff\x02\x10"), 12500),
        (with_crc8(b"\x90\xfc\x4b\x46\x7f\xff\x02\x10"), -5500),
        (with_crc8(b"\xd1\x07\x4b\x46\x7f\xff\x02\x10"), None),
        (with_crc8(b"\x97\x01\x4b\x46\x1f\xff\x02\x10"), 2500),  # 9 bits: the lowest say nothing
    ):  # fmt: skip
        bus = OneWireBus(Wire({ROM_1: pad}))
        assert tick(bus, thermometers(bus, [None], 100)) == [value], pad


def test_silence_and_a_power_on_are_counted_apart():
    """What is said of a probe without a value depends on which it is."""
    power_on = with_crc8(b"\x50\x05\x4b\x46\x7f\xff\x0c\x10")
    for pad, counts in (
        (power_on, (0, 1)),
        (bytes(9), (1, 0)),
        (b"\xff" * 9, (1, 0)),
        (PAD_1, (0, 0)),
    ):
        bus = OneWireBus(Wire({ROM_1: pad}))
        tick(bus, thermometers(bus, [None], 100))
        assert (bus.errors, bus.power_ons) == counts, pad
    bus = OneWireBus(Wire({ROM_1: power_on}))
    bus._wire.present = False
    tick(bus, thermometers(bus, [None], 100))
    assert (bus.errors, bus.power_ons) == (1, 0)


def test_the_scratchpads_of_the_data():
    data = json.loads(shared("ds18b20_crc_cobs/ds18b20.json"))
    pads = data["scratchpads_real"] + data["scratchpads_fault"]
    for entry in pads:
        pad = bytes(int(byte, 16) for byte in entry["hex"].split())
        bus = OneWireBus(Wire({ROM_1: pad}))
        fault = "celsius" not in entry or entry["celsius"] == 85
        wanted = None if fault else round(entry["celsius"] * 10000)
        assert tick(bus, thermometers(bus, [None], 10000)) == [wanted], entry
    for entry in data["temperature_table"]:
        raw = int(entry["raw"], 16)
        raw = bytes((raw & 255, raw >> 8))
        bus = OneWireBus(Wire({ROM_1: with_crc8(raw + b"\x4b\x46\x7f\xff\x0c\x10")}))
        wanted = None if entry["celsius"] == 85 else round(entry["celsius"] * 10000)
        assert tick(bus, thermometers(bus, [None], 10000)) == [wanted], entry


def coded(pulses):
    """The characters in a sequence of pulses that starts with a break; checks all times."""
    assert pulses[0] >= 12000
    edges = []
    level, at = 1, 0
    for length in pulses:
        edges.append((at, at + length, level))
        at += length
        level ^= 1

    def bit(us):
        for begin, end, high in edges:
            if begin <= us < end:
                return 1 - high
        return 1

    start = pulses[0]
    while bit(start) and start < at:
        start += 1
    assert start - pulses[0] >= 8330
    text = b""
    while start + 8333 <= at + 900:
        bits = [bit(start + (i * 2 + 1) * 2500 // 6) for i in range(10)]
        assert bits[0] == 0
        assert bits[9] == 1
        assert sum(bits[1:9]) % 2 == 0
        text += bytes((sum(bits[1 + i] << i for i in range(7)),))
        start += 8333
    return text


def test_sdi12_commands_are_break_marking_and_seven_even_bits():
    for command in (b"0M!", b"zMC9!", b"0D0!", b"?!", b"ARC0!"):
        assert coded(line_of_sdi12.pulses(command)) == command


class Sonde:
    """An SDI-12 line with sensors: address -> {command: [(ms after its end, answer)]}."""

    def __init__(self, answers, echo=True):
        self.answers = answers
        self.commands = []
        self.echo = echo
        self.coming = []
        self._until = time.ticks_ms()

    def send(self, command):
        assert not self.coming, "it interrupts"
        self.commands.append(bytes(command))
        self._until = time.ticks_add(time.ticks_ms(), 22 + len(command) * 8)
        if self.echo:
            self.coming.append((self._until, b"\x00" + bytes(command)))
        for ms, text in self.answers.get(bytes(command), ()):
            self.coming.append((time.ticks_add(self._until, ms), text))

    def finish(self):
        return max(0, time.ticks_diff(self._until, time.ticks_ms()))

    def receive(self, buf):
        for i, (at, data) in enumerate(self.coming):
            if time.ticks_diff(time.ticks_ms(), at) >= 0:
                n = min(len(buf), len(data))
                buf[:n] = data[:n]
                self.coming[i : i + 1] = [(at, data[n:])] if n < len(data) else []
                return n
        return 0


def with_sdi_crc(text):
    crc = crc16(text, 0, len(text), 0)
    return text + bytes(0x40 | crc >> shift & 63 for shift in (12, 6, 0)) + b"\r\n"


class Answers:
    """What a sonde's model answers, for the line."""

    def __init__(self, model):
        self._model = model

    def get(self, command, _):
        return self._model.answer(command[:-1].decode())


def sdi12(answers, measurements):
    """(line, bus, values) for [(address, command, indices)]."""
    line = Sonde(answers)
    made = [
        Measurement(address, command, [Value(i, 100, 60000) for i in indices], 30000)
        for address, command, indices in measurements
    ]
    return line, Sdi12(line, made), [value for m in made for value in m.values]


def test_sdi12_waits_for_the_service_request():
    long = ["+3.14", "-2.718", "+1.000000", "+2.000000", "+17.0000", "+5"]
    answers = Answers(Model("0", lambda: long))
    line, bus, values = sdi12(answers, [("0", "M", (0, 1, 4))])
    run(bus, 1900)
    assert line.commands == [b"0M!"]
    run(bus, 1500)
    assert line.commands == [b"0M!", b"0D0!", b"0D1!"]
    assert [seen(value) for value in values] == [314, -272, 1700]
    assert bus.errors == 0


def test_sdi12_goes_on_when_no_service_request_comes():
    answers = {b"0M!": [(15, b"00011\r\n")], b"0D0!": [(15, b"0+1\r\n")]}
    _line, bus, values = sdi12(answers, [("0", "M", (0,))])
    run(bus, 3000)
    assert seen(values[0]) == 100


def test_sdi12_concurrent_measurements_overlap():
    answers = {
        b"1CC!": [(15, b"100503\r\n")],
        b"1D0!": [(15, with_sdi_crc(b"1+1.5-2+3"))],
        b"2C!": [(15, b"200201\r\n")],
        b"2D0!": [(15, b"2+9\r\n")],
    }
    line, bus, values = sdi12(answers, [("1", "CC", (0, 2)), ("2", "C", (0,))])
    run(bus, 1000)
    assert line.commands == [b"1CC!", b"2C!"]
    run(bus, 5500)
    assert [seen(value) for value in values] == [150, 300, 900]


def test_sdi12_reads_at_once_and_knows_the_published_crc():
    # SDI-12 1.4, 4.4.12.3: the CRC of "0+3.14" is "OqZ"
    assert with_sdi_crc(b"0+3.14") == b"0+3.14OqZ\r\n"
    answers = {b"0RC0!": [(15, with_sdi_crc(b"0+3.14"))]}
    _line, bus, values = sdi12(answers, [("0", "RC0", (0,))])
    run(bus, 1000)
    assert seen(values[0]) == 314


def test_sdi12_a_wrong_crc_is_asked_again_and_then_missing():
    answers = {
        b"0MC!": [(15, b"00001\r\n")],
        b"0D0!": [(15, b"0+3.15OqZ\r\n")],
    }
    line, bus, values = sdi12(answers, [("0", "MC", (0,))])
    run(bus, 3000)
    assert line.commands == [b"0MC!"] + [b"0D0!"] * 3
    assert seen(values[0]) is None
    answers[b"0D0!"] = [(15, b"0+3.14OqZ\r\n")]
    run(bus, 30000)
    assert seen(values[0]) == 314


def test_sdi12_what_stands_for_no_value_is_missing():
    texts = (
        ("-9999", None), ("-9999.0", None), ("-9992", None), ("-9990.00", None), ("-99999", None),
        ("-9989", -998900), ("-999", -99900), ("-999.9", -99990), ("+9999", 999900),
        ("-1999", -199900), ("-9899", -989900), ("-99990", -9999000), ("-0.9999", -100),
    )  # fmt: skip
    for text, wanted in texts:
        answers = {b"0R0!": [(15, b"0+1" + text.encode() + b"+2\r\n")]}
        _line, bus, values = sdi12(answers, [("0", "R0", (0, 1, 2))])
        run(bus, 500)
        assert [seen(value) for value in values] == [100, wanted, 200], text


def test_sdi12_reads_a_sonde_by_every_kind_of_command():
    for command in ("M", "MC", "C", "CC", "R0", "RC0"):
        model = Model("7", lambda: ["+1.5", "-0.25", "+300"])
        _line, bus, values = sdi12(Answers(model), [("7", command, (0, 1, 2))])
        run(bus, 3500)
        assert [seen(value) for value in values] == [150, -25, 30000], command
        model.wrong_crc = True
        run(bus, 34000)
        fine = [150, -25, 30000]
        assert [seen(v) for v in values] == ([None] * 3 if "C" in command[1:] else fine), command


def test_sdi12_silence_noise_and_broken_measurements_are_missing():
    for answers in (
        {}, {b"0M!": [(15, b"00000\r\n")]}, {b"0M!": [(15, b"0xyz1\r\n")]},
        {b"0M!": [(15, b"\r\n")]}, {b"0M!": [(15, b"\x7f\x00\x11" * 60 + b"\r\n")]},
        {b"0M!": [(15, b"00001\r\n")], b"0D0!": [(15, b"0\r\n")]},
        {b"0M!": [(15, b"00001\r\n")], b"0D0!": [(15, b"0+1.2.3\r\n")]},
        {b"0M!": [(15, b"00001\r\n")], b"0D0!": [(15, b"1+1\r\n")]},
    ):  # fmt: skip
        _line, bus, values = sdi12(answers, [("0", "M", (0,))])
        run(bus, 5000)
        assert seen(values[0]) is None, answers
        answers.clear()
        answers.update({b"0M!": [(15, b"00001\r\n")], b"0D0!": [(15, b"0+7\r\n")]})
        run(bus, 31000)
        assert seen(values[0]) == 700


def test_ds3231_keeps_the_time_and_says_when_it_stood_still():
    now_s = 0
    chip = DS3231Chip(lambda: now_s * 1000000)
    bus = Bus({0x68: chip})
    assert ds3231.read(bus) == (0, 0)
    ds3231.write(bus, 1764000000600)  # 2025-11-24 16:00:00.6 UTC, a Monday
    assert bytes(chip.registers[:7]) == b"\x01\x00\x16\x01\x24\x11\x25"
    assert ds3231.read(bus) == (1764000001500, 1303)
    now_s = 6 * 86400
    assert ds3231.read(bus) == (1764000001500 + 6 * 86400000, 1000 + 7 * 303)
    chip.registers[2] = 0x64  # 4 in the afternoon, of twelve
    assert ds3231.read(bus)[0] == 1764000001500 + 6 * 86400000
    for days in range(10, 1500, 37):  # over a leap day, and with hours that are counted by twelve
        now_s = days * 86400 + days * 1111 % 86400
        assert ds3231.read(bus)[0] == 1764000001500 + now_s * 1000
    chip.registers[9] ^= 1  # nobody knows when it was set
    assert ds3231.read(bus) == (1764000001500 + now_s * 1000, 120000)
    chip.registers[5] = 0x13  # there is no month 13
    assert ds3231.read(bus) == (0, 0)
    chip.stop()
    assert ds3231.read(bus) == (0, 0)
    ds3231.write(bus, 1764000000600)
    assert ds3231.read(bus) == (1764000001500, 1303)
    for fault in (lambda: bus.absent.add(0x68), lambda: setattr(bus, "stuck", True)):
        fault()
        assert ds3231.read(bus) == (0, 0)


def test_sampling_allocates_nothing():
    chip = Converter()
    bus, inputs = loops(chip)
    run(bus, 500)
    wire = Wire({ROM_1: PAD_1})
    one_wire = OneWireBus(wire)
    _, sdi, values = sdi12({b"0R0!": [(15, b"0+3\r\n")]}, [("0", "R0", (0,))])
    run(sdi, 500)
    (probe,) = thermometers(one_wire, [None], 10000)
    tick(one_wire, [probe])
    field = Field(0, 1000, 15000)
    run(EZO(Circuit(), 99, [field], 5000), 1000)
    drivers = [CurrentLoop(inputs[0], 100000, 0, 10000), probe, field, values[0]]
    for driver in drivers:
        driver.sample()
    micropython.heap_lock()
    try:
        for driver in drivers:
            driver.sample()
    finally:
        micropython.heap_unlock()
    assert [driver.flag for driver in drivers] == [1, 1, 1, 1]

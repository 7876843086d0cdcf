# SPDX-License-Identifier: MIT
"""What the virtual board promises beyond mpremote: flash, power, time, pulses, line, refusals."""

import re
import threading
import time
from pathlib import Path

import pytest
import serial
from nodes import FAST_BAUD, Mpremote, Nodes
from patience import Patience, scenario_ended, wait_for

from tirta import virtual
from tirta.boards.board_file import load
from tirta.errors import TirtaError
from tirta.files.paths import boards_dir
from tirta.virtual import inlet
from tirta.virtual.scenario import prepare
from tirta.virtual.state import Slot
from tirta.virtual.truth import Truth

LOG = "import esp32; p = esp32.Partition.find(1, 0x40, label='log')[0]\n"
LOG_AT = 0x2D8000
# A poll ends at a tick of FreeRTOS, and the next one at the next.
POLLS = """\
import select, sys, time
poll = select.poll()
poll.register(sys.stdin, select.POLLIN)
poll.poll(1)
began = time.ticks_us()
poll.poll(1)
polled = time.ticks_us()
time.sleep_ms(1)
print(time.ticks_diff(polled, began) > 5000, time.ticks_diff(time.ticks_us(), polled) < 5000)
"""
# As boot.py closes the window: no jump, where an interrupt would be raised, lies between the two.
LATE = """\
import micropython
micropython.kbd_intr(-1)
print("begun")
taken = late = 0
while taken + late < 500:
    try:
        micropython.kbd_intr(3)
        sum(range(300))
        micropython.kbd_intr(-1)
        for _ in (1, 2):
            pass
    except KeyboardInterrupt:
        taken += 1
    try:
        for _ in range(5):
            pass
    except KeyboardInterrupt:
        late += 1
print("taken", taken, "late", late)
"""
MAIN_LOOP = """\
import select, sys, time, machine
poll = select.poll()
poll.register(sys.stdin, select.POLLIN)
counter = machine.Counter(0, machine.Pin(27), filter_ns=1000)
began = time.ticks_ms()
while not poll.poll(60_000):
    pass
print(counter.value())
"""


@pytest.fixture
def mpremote(nodes: Nodes) -> Mpremote:
    return nodes.mpremote()


def told(mpremote: Mpremote, code: str) -> str:
    """What a program prints, or the name of what it raises, without a reset before it."""
    indented = "\n".join(f"  {line}" for line in code.splitlines())
    return mpremote.resume(
        f"try:\n{indented}\nexcept Exception as e: print(type(e).__name__, *e.args)"
    ).strip()


def put_main(mpremote: Mpremote, code: str) -> None:
    mpremote.run(f"with open('main.py', 'w') as f: f.write({code!r})")
    mpremote("reset")
    time.sleep(0.5)


def run_main(nodes: Nodes, mpremote: Mpremote, code: str) -> None:
    """Start anew with this program, and wait until it has ended: then it programs the flash."""
    done = "\nwith open('done', 'w') as f: f.write('yes')"
    mpremote.run(f"with open('main.py', 'w') as f: f.write({code + done!r})")
    ops = nodes.status("fast")["flash_ops"]
    mpremote("reset")
    wait_for(lambda: nodes.status("fast")["flash_ops"] > ops)


def test_slots_of_the_state_file_are_the_boards() -> None:
    text = (boards_dir() / "virtual" / "_state.py").read_text()
    board = {
        name: int(n) for name, n in re.findall(r"^([A-Z][A-Z_]+) = (\d+)\b", text, re.MULTILINE)
    }
    del board["RTC_MEMORY_MAX"]
    assert board == {slot.name: slot.value for slot in Slot}


def test_programming_only_clears_bits(mpremote: Mpremote) -> None:
    code = LOG + (
        "p.ioctl(6, 3)\n"
        "p.writeblocks(3, b'\\xf0\\xf0', 4095)\n"  # across the border of two blocks
        "p.writeblocks(3, b'\\x3c\\xff', 4095)\n"
        "b = bytearray(4); p.readblocks(3, b, 4094); print(b)\n"
        "p.writeblocks(3, bytes(4096)); p.writeblocks(3, b'\\xff' * 4096)\n"
        "p.readblocks(3, b, 0); print(b, p.ioctl(4, 0), p.ioctl(5, 0))"
    )
    assert told(mpremote, code) == (
        "bytearray(b'\\xff0\\xf0\\xff')\nbytearray(b'\\xff\\xff\\xff\\xff') 296 4096"
    )


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("p.writeblocks(296, b'x', 0)", "OSError -260 ESP_ERR_INVALID_SIZE"),
        ("p.readblocks(400, bytearray(1), 0)", "OSError -258 ESP_ERR_INVALID_ARG"),
        ("p.writeblocks(0, bytes(100))", "OSError -260 ESP_ERR_INVALID_SIZE"),
        ("esp32.Partition('absent')", "OSError 2"),
        ("import machine; machine.Counter(8, machine.Pin(27))", "ValueError invalid id"),
        ("import machine; machine.ADC(machine.Pin(5))", "ValueError invalid pin"),
        ("import machine; machine.Pin(34, machine.Pin.OUT)", "ValueError pin can only be input"),
        ("import machine; machine.ADC(machine.Pin(4)).read_uv()", "OSError -263 ESP_ERR_TIMEOUT"),
        ("import machine; machine.RTC().memory(bytes(2049))", "ValueError buffer too long"),
        (
            "import machine; machine.UART(0, baudrate=9600, rxbuf=512)",
            "ValueError REPL UART buffer size is fixed",
        ),
    ],
)
def test_the_chips_refusals(mpremote: Mpremote, code: str, answer: str) -> None:
    assert told(mpremote, LOG + code) == answer


def test_no_interrupt_comes_behind_the_line_that_ends_them(nodes: Nodes, tmp_path: Path) -> None:
    """As from a UART's handler: a Ctrl-C is taken while `kbd_intr(3)` holds, or it is a byte.

    Where the board looks first and interrupts then, one in hundreds or thousands is late.
    """
    (tmp_path / "late.py").write_text(LATE)
    mpremote = nodes.mpremote()
    mpremote("fs", "cp", tmp_path / "late.py", ":late.py")
    heard, patience = b"", Patience()
    with serial.Serial(mpremote.port, FAST_BAUD, timeout=0.01) as line:
        line.write(b"import late\r")
        while b"taken" not in heard and not patience.over():
            line.write(b"\x03" * 20 if b"begun" in heard else b"")
            heard += line.read(64)
        heard += line.read(64)
    assert re.search(rb"taken [1-9]\d* late 0\r", heard), heard


def test_polls_end_at_ticks(mpremote: Mpremote) -> None:
    wait_for(lambda: told(mpremote, POLLS) == "True True")  # a busy computer holds some of them up


def test_unknown_arguments_are_refused(mpremote: Mpremote) -> None:
    assert told(mpremote, "import machine; machine.Timer(0, every=1)").startswith("TypeError")


@pytest.mark.parametrize("shape", virtual.SHAPES)
def test_a_cut_leaves_its_shape(nodes: Nodes, shape: str) -> None:
    node = nodes.up()
    mpremote = Mpremote(node.port)
    data = bytes(range(0, 256, 4)) * 4
    mpremote.run(LOG + "p.ioctl(6, 0); p.writeblocks(1, bytes(4096))")
    virtual.cut("bare", after_ops=2, torn=shape)
    program = LOG + f"p.writeblocks(0, b'ok', 4000); p.writeblocks(0, {data!r}, 0)"
    mpremote("resume", "exec", "--no-follow", program)
    _wait_for_power_off(nodes)
    with Path(node.flash).open("rb") as flash:
        flash.seek(LOG_AT)
        block = flash.read(4096)
    assert block[4000:4002] == b"ok"
    left = block[: len(data)]
    if shape in ("clean", "nothing"):
        assert left == b"\xff" * len(data)
    elif shape in ("half", "erase-half"):
        assert left == data[:128] + b"\xff" * 128
    elif shape == "bits":
        assert left not in (data, b"\xff" * len(data))
        assert all(new & old == old for new, old in zip(left, data, strict=True))
    else:
        assert len(set(left)) > 50
    assert block[len(data) : 4000] == b"\xff" * (4000 - len(data))
    assert virtual.up("bare").port == node.port
    assert mpremote.resume("import machine; print(machine.reset_cause())") == "1\n"


@pytest.mark.parametrize(("shape", "ones"), [("clean", 0), ("half", 2048), ("bits", None)])
def test_a_torn_erase_sets_some_bits(nodes: Nodes, shape: str, ones: int | None) -> None:
    node = nodes.up()
    mpremote = Mpremote(node.port)
    mpremote.run(LOG + "p.writeblocks(0, bytes(4096))")
    virtual.cut("bare", after_ops=1, torn=shape)
    mpremote("resume", "exec", "--no-follow", LOG + "p.ioctl(6, 0)")
    _wait_for_power_off(nodes)
    with Path(node.flash).open("rb") as flash:
        flash.seek(LOG_AT)
        block = flash.read(4096)
    if ones is None:
        assert 12_000 < sum(byte.bit_count() for byte in block) < 20_000
    else:
        assert block == b"\xff" * ones + bytes(4096 - ones)


def _wait_for_power_off(nodes: Nodes) -> None:
    wait_for(lambda: nodes.status()["power"] == "off", every_s=0.02)


def test_a_cut_clears_the_rtc_and_a_reset_does_not(nodes: Nodes) -> None:
    mpremote = nodes.mpremote()
    mpremote("rtc", "--set")
    ask = "import machine, time; print(machine.RTC().memory(), time.gmtime()[0])"
    mpremote.resume("import machine; machine.RTC().memory(b'flag')")
    mpremote("reset")
    time.sleep(0.5)
    assert mpremote.resume(ask) == f"b'flag' {time.gmtime().tm_year}\n"
    virtual.cut("bare")
    virtual.up("bare")
    assert mpremote.resume(ask) == "b'' 2000\n"


def test_ticks_wrap_20_s_after_the_reset(mpremote: Mpremote) -> None:
    assert 2**30 - 20_000 <= int(mpremote.resume("import time; print(time.ticks_ms())")) < 2**30
    assert told(
        mpremote, "import time\nprint(time.ticks_add(2**30 - 1, 2), time.ticks_diff(1, 2**30 - 1))"
    ) == ("1 2")


def test_a_timer_fires_at_an_idle_repl(mpremote: Mpremote) -> None:
    with serial.Serial(mpremote.port) as line:
        line.write(b"\r\x03import machine\r")
        line.write(b"machine.Timer(0).init(mode=0, period=300, callback=lambda t: print('ding'))\r")
        line.read_until(b"ding'))\r\n>>> ")
        began = time.monotonic()
        line.read_until(b"ding\r\n")
        assert time.monotonic() - began > 0.2


def test_a_hungry_watchdog_resets_the_chip(nodes: Nodes) -> None:
    mpremote = nodes.mpremote()
    mpremote.resume("import machine; machine.WDT(timeout=300)")
    wait_for(lambda: nodes.status()["reset_cause"] == 3)
    assert mpremote.resume("import machine; print(machine.reset_cause())") == "3\n"


def test_speed_n_shortens_waits(nodes: Nodes) -> None:
    mpremote = nodes.mpremote("fast", speed=20)
    run_main(
        nodes,
        mpremote,
        "import time\nt = time.ticks_ms()\ntime.sleep(40)\nd = time.ticks_diff(time.ticks_ms(), t)",
    )
    assert int(mpremote.resume("print(d)")) >= 40_000


def test_max_runs_to_the_end_of_the_scenario_and_then_in_real_time(
    nodes: Nodes, tmp_path: Path
) -> None:
    csv = tmp_path / "week.csv"
    total = inlet.write(csv, 7 * 1440)
    mpremote = nodes.mpremote("week", scenario=csv, speed="max")
    put_main(mpremote, MAIN_LOOP)
    scenario_ended("week")
    wait_for(lambda: (s := nodes.status("week")["scenario"])["into_us"] > s["end_us"] + 500_000)
    status = nodes.status("week")["scenario"]
    assert status["pulses"] == status["pulses_total"] == {"27": total}
    with serial.Serial(mpremote.port) as line:
        line.write(b"x")
        assert line.read_until(b">>> ").startswith(f"{total}\r\n".encode())


def test_counters_start_at_0_and_pcnt_wraps(nodes: Nodes, tmp_path: Path) -> None:
    csv = tmp_path / "fast.csv"
    csv.write_text("pulses\n" + "60000\n" * 30)
    mpremote = nodes.mpremote("fast", scenario=csv, speed=50)
    loop = (
        "import machine, esp32, time\n"
        "p = esp32.PCNT(1, pin=machine.Pin(27), rising=esp32.PCNT.INCREMENT, max=1000)\n"
        "p.start()\nt = [time.ticks_ms()]\nc = machine.Counter(0, machine.Pin(27))\na = c.value()\n"
        "t.append(time.ticks_ms())\ntime.sleep(60)\nt.append(time.ticks_ms())\nb = c.value()\n"
        "t.append(time.ticks_ms())\nw = p.value()\n"
        "d = [time.ticks_diff(x, t[0]) for x in t]"
    )
    run_main(nodes, mpremote, loop)
    seen = mpremote.resume("print(a, b, w, *d)").split()
    first, last, wrapped, _, begun_ms, slept_ms, ended_ms = map(int, seen)  # a pulse a millisecond
    assert 0 <= first <= begun_ms + 1
    assert slept_ms - begun_ms - 1 <= last - first <= ended_ms + 1
    assert 0 <= wrapped < 1000


def test_sensors_tell_what_the_scenario_says(nodes: Nodes, tmp_path: Path) -> None:
    csv = tmp_path / "one.csv"
    csv.write_text("pulses,p_inlet_m,temperature_c\n" + "0,80.0,21.5\n" * 10)
    code = (
        "import machine, onewire, time\n"
        "print(machine.ADC(machine.Pin(36), atten=machine.ADC.ATTN_11DB).read_uv())\n"
        "w = onewire.OneWire(machine.Pin(4)); roms = w.scan(); pad = bytearray(9)\n"
        "def ask():\n w.select_rom(roms[0]); w.writebyte(0xBE); w.readinto(pad)\n"
        " print(w.crc8(pad), pad[0] | pad[1] << 8)\n"
        "ask(); w.reset(); w.writebyte(0xCC); w.writebyte(0x44); time.sleep_ms(760); ask()\n"
    )
    # 12 mA through 100 ohm; 85 degrees after power-on, in sixteenths
    assert told(nodes.mpremote("one", scenario=csv), code) == "1200000\n0 1360\n0 344"


def test_the_truth_is_computed_apart(tmp_path: Path) -> None:
    csv = tmp_path / "s.csv"
    csv.write_text("pulses\n4\n0\n6\n")
    (tmp_path / "scenario.bin").write_bytes(prepare(csv, load("virtual")))
    truth = Truth.open(tmp_path / "scenario.bin")
    seen = [truth.at(s * 1_000_000)["pulses"]["27"] for s in (0, 30, 59, 60, 130, 179, 180, 999)]
    assert seen == [0, 2, 3, 4, 5, 9, 10, 10]


def test_input_beyond_the_ring_is_lost_and_counted(nodes: Nodes) -> None:
    mpremote = nodes.mpremote(baud=115200)
    put_main(
        mpremote,
        "import time, sys, select\ntime.sleep(1.5)\np = select.poll(); p.register(sys.stdin, 1)\n"
        "b = bytearray(1); n = 0\n"
        "while p.poll(200): sys.stdin.buffer.readinto(b); n += 1\nprint('read', n)",
    )
    with serial.Serial(mpremote.port, 115200) as line:
        line.write(b"z" * 1024)
        assert line.read_until(b">>> ").startswith(b"read 259\r\n")
    assert nodes.status()["dropped_input"] == 1024 - 259


@pytest.mark.parametrize("baud", [9600, 115_200])
def test_the_line_is_as_slow_as_its_baud_rate(nodes: Nodes, baud: int) -> None:
    mpremote = nodes.mpremote(baud=baud)
    size = baud // 10
    code = f"import sys\nsys.stdout.buffer.write(b'[' + bytes({size - 2}) + b']')"
    took_s: list[float] = []
    with serial.Serial(mpremote.port) as line:
        line.write(b"\r\x03\x01")
        line.read_until(b"exit\r\n>")
        patience = Patience()
        while not took_s or min(took_s) > 1.4:  # a busy computer holds some of them up
            assert not patience.over(), took_s
            line.write(code.encode() + b"\x04")
            line.read_until(b"[")
            began = time.monotonic()
            line.read_until(b"]")
            took_s.append(time.monotonic() - began)
            assert took_s[-1] > 0.9
            line.read_until(b"\x04>")


def test_a_full_fifo_costs_ticks_of_10_ms(nodes: Nodes) -> None:
    # A slow line: a fast one empties the FIFO while a busy computer is not looking.
    mpremote = nodes.mpremote(baud=115200)
    code = (
        "import sys, time\ntime.sleep_ms(50)\nt = time.ticks_us()\n"
        "sys.stdout.buffer.write(b'.' * 128)\nu = time.ticks_us()\n"
        "sys.stdout.buffer.write(b'.' * 128)\nv = time.ticks_us()\n"
        "print('#', time.ticks_diff(u, t), time.ticks_diff(v, u))"
    )

    def costs_ticks() -> bool:  # a busy computer holds some of them up
        fits, full = map(int, told(mpremote, code).split("#")[1].split())
        assert full > 9_000
        return fits < 5_000 and full < 45_000

    wait_for(costs_ticks)


def test_noise_of_100_kb_stops_nothing(nodes: Nodes) -> None:
    """A program that takes every byte goes on; the chip drops what it cannot."""
    mpremote = nodes.mpremote()
    put_main(
        mpremote,
        "import micropython, sys, select\nmicropython.kbd_intr(-1)\n"
        "p = select.poll(); p.register(sys.stdin, 1)\nb = bytearray(1); n = 0\n"
        "while p.poll(1000): sys.stdin.buffer.readinto(b); n += 1\n"
        "micropython.kbd_intr(3); print('read', n)",
    )
    with serial.Serial(mpremote.port) as line:
        line.write(bytes(range(256)) * 400)
        count = int(line.read_until(b">>> ").split()[1])
    assert count + nodes.status()["dropped_input"] == 102_400
    assert nodes.status()["reset_cause"] == 2


def test_names_and_values_are_checked(nodes: Nodes, tmp_path: Path) -> None:
    nodes.up("one")
    for attempt, part in (
        (lambda: nodes.up("one"), "already running"),
        (lambda: nodes.up("../x"), "cannot be the name"),
        (lambda: nodes.up("two", speed="quick"), "not a speed"),
        (lambda: nodes.up("two", baud=1), "not a baud rate"),
        (lambda: nodes.up("two", flash_image=b"short"), "has 5 bytes"),
        (lambda: nodes.up("two", scenario=tmp_path / "absent.csv"), "Cannot read the scenario"),
        (lambda: virtual.down("two"), "No virtual node two"),
        (lambda: virtual.cut("one", 1, "sideways"), "no torn shape"),
    ):
        with pytest.raises(TirtaError, match=part):
            attempt()
    assert [node["name"] for node in virtual.list_nodes()] == ["one"]


def test_a_damaged_partition_table_does_not_boot(nodes: Nodes) -> None:
    node = nodes.up()
    image = bytearray(Path(node.flash).read_bytes())
    virtual.down("bare")
    image[0x8004] ^= 1
    said = b"Failed to verify partition table"
    seen: list[bytes] = []
    port = nodes.up(flash_image=bytes(image)).port
    with serial.Serial(port) as line:
        reader = threading.Thread(target=lambda: seen.append(line.read_until(said)))
        reader.start()
        virtual.control("bare", {"do": "reset"})
        reader.join()
    assert said in seen[0]
    assert nodes.status()["power"] == "off"

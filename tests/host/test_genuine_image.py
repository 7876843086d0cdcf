# SPDX-License-Identifier: MIT
"""What the firmware asks of MicroPython by name is in the genuine image for the ESP32 (1.27.0).

The image's own tables are read (image_names.py): stubs and documentation may err, these are what an
`import` and an attribute find on the chip.
"""

import ast
import builtins

import pytest
from firmware_sources import SOURCES, parsed
from image_names import Image
from images import genuine
from interpreters import FIRMWARE
from native_code import names_of
from viper import compiled

from tirta.boards import board_file
from tirta.image.build import build

# In Python, frozen into the image: that it is there is all that its tables tell.
IN_FROZEN_PYTHON = {"machine": {"Counter"}, "onewire": {"OneWire"}}
DELEGATED = {"sys": {"path"}}  # a variable, which its module finds elsewhere
OTHER_CHIPS = {"esp32": {"mcu_temperature"}}  # asked for with hasattr
# What drivers and hal call on objects of the port, whose types an expression does not tell.
METHODS = {
    "Pin": "init value irq IN OUT PULL_UP IRQ_RISING",
    "ADC": "read_uv",
    "UART": "any read readinto write txdone INV_TX INV_RX",
    "RTC": "memory datetime",
    "Timer": "init deinit ONE_SHOT",
    "WDT": "feed",
    "I2C": "readfrom_into readfrom_mem_into writeto writeto_mem",
    "PCNT": "init start value INCREMENT DECREMENT",
    "Partition": "find readblocks writeblocks ioctl TYPE_DATA",
    "RMT": "write_pulses wait_done deinit",
    "poll": "register ipoll",
    "sha256": "update digest",
    "aes": "encrypt decrypt",
    "array": "extend",
    "bytearray": "extend",
    "TextIOWrapper": "read seek",
    "VfsLfs2": "open stat mkdir",
}


@pytest.fixture(scope="module")
def image() -> Image:
    return Image(genuine())


def own_names() -> set[str]:
    """Every name that the firmware gives to something, or writes in a string."""
    found = set()
    for _, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
            elif isinstance(node, ast.alias):
                found.update((node.asname or node.name).split("."))
    return found | {name for path in SOURCES for name in path.with_suffix("").parts}


def test_the_image_is_read_right(image: Image) -> None:
    assert image.qstrs[162] == "value"  # by this number .mpy files know it (native_code.py)
    assert image.frozen() >= {"_boot.py", "inisetup.py", "flashbdev.py", "machine.py", "onewire.py"}
    assert image.number(image.modules["machine"]["SOFT_RESET"]) == 5
    assert image.number(image.modules["machine"]["WDT_RESET"]) == 3
    assert image.type_name(image.modules["machine"]["Pin"]) == "Pin"
    assert "absent" not in image.modules["machine"]


def test_it_loads_what_we_compile(image: Image) -> None:
    """`sys.implementation._mpy`, a small integer, is what the start of a .mpy must be."""
    code = compiled("xtensawin", FIRMWARE / "tirta_node/storage/codec_viper.py")
    header = int.from_bytes(code[1:3], "little") << 1 | 1
    rom = next(data for at, data in image.segments.items() if 0x3F40_0000 <= at < 0x3F80_0000)
    assert code[1] == 6
    assert code[2] >> 2 == 10  # xtensawin
    assert header.to_bytes(4, "little") in rom


def test_modules_and_their_attributes(image: Image) -> None:
    missing = []
    for path, tree in parsed():
        bound: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                bound |= {a.asname or a.name: a.name for a in node.names if a.name in image.modules}
            elif isinstance(node, ast.ImportFrom) and node.module in image.modules:
                asked = {alias.name for alias in node.names}
                missing += [
                    (path.name, node.module, name) for name in asked - _has(image, node.module)
                ]
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                continue
            module = bound.get(node.value.id)
            if module and node.attr not in _has(image, module):
                missing.append((path.name, module, node.attr))
    assert missing == []


def _has(image: Image, module: str) -> set[str]:
    frozen = IN_FROZEN_PYTHON.get(module, set())
    if frozen:
        assert f"{module}.py" in image.frozen()
    delegated = DELEGATED.get(module, set())
    assert delegated <= set(image.qstrs.values())
    return set(image.modules[module]) | frozen | delegated | OTHER_CHIPS.get(module, set())


def test_every_import_is_ours_or_the_images(image: Image) -> None:
    ours = {path.name for path in FIRMWARE.iterdir()} | {"slot.py", "trials.py"}
    known = set(image.modules) | image.frozen()
    for path, tree in parsed():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                assert {top, top + ".py"} & (known | ours), f"{path.name} imports {name}"


def test_builtins(image: Image) -> None:
    names = set(dir(builtins)) | {"execfile"}
    for path, tree in parsed():
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        missing = (used & names) - set(image.modules["builtins"]) - {"__name__", "__file__"}
        assert not missing, path.name


def test_every_attribute_is_a_name_of_ours_or_the_images(image: Image) -> None:
    """A method that only other Pythons have, of a string or a file, would show here."""
    known = own_names() | set(image.qstrs.values()) | OTHER_CHIPS["esp32"]
    for path, tree in parsed():
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert used <= known, path.name


@pytest.mark.parametrize("name", METHODS)
def test_methods(image: Image, name: str) -> None:
    assert set(METHODS[name].split()) <= image.methods(name)


def test_all_names_fit_before_the_table_doubles_once_more(image: Image) -> None:
    """MicroPython keeps every name that a module ever brought, in pools of 10, 20, 40 and so on
    (py/qstr.c): the one after 640 is 9 KB in one piece, for the node's whole life.
    """
    made = build(board_file.load("esp32_devkitc"))
    files = [*made.app.values(), *made.vfs.values()]
    modules = [data for data in files if data[:1] == b"M"]
    assert len(modules) > 150
    brought = set().union(*map(names_of, modules)) - set(image.qstrs.values())
    assert 1_000 < len(brought) <= sum(10 << turn for turn in range(7)) - 60

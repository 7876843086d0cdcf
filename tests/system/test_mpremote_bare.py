# SPDX-License-Identifier: MIT
"""The real mpremote does to a bare virtual board what it does to a board."""

import os
import random
import time
from pathlib import Path

import pytest
import serial
from nodes import FAST_BAUD, Mpremote, Nodes

from tirta import virtual
from tirta.boards import board_file
from tirta.link import repl
from tirta.link.conversation import offer
from tirta.link.frames import Link
from tirta.link.serial_line import Line
from tirta.node.discover import Choice, choose
from tirta_format import frame


@pytest.fixture
def mpremote(nodes: Nodes) -> Mpremote:
    return nodes.mpremote()


def test_exec_and_eval(mpremote: Mpremote) -> None:
    assert mpremote.run("print(6 * 7)") == "42\n"
    assert mpremote("eval", "__import__('sys').platform") == "esp32\n"


def test_a_file_of_100_kb_comes_back_as_it_went(mpremote: Mpremote, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(random.Random(5).randbytes(100_000))
    mpremote("fs", "cp", sent, ":blob")
    mpremote("fs", "cp", ":blob", back)
    assert back.read_bytes() == sent.read_bytes()
    assert "100000 blob" in mpremote("fs", "ls")
    assert str(board_file.load("virtual").partition("vfs").size) in mpremote("df")


def test_the_root_is_the_partition_vfs_and_nothing_else(mpremote: Mpremote, nodes: Nodes) -> None:
    assert mpremote.run("import os; print(os.listdir('/'))") == "['boot.py']\n"
    assert mpremote.run(
        "import vfs\ntry: open('/etc/passwd')\nexcept OSError as e: print(e)\nprint(dir(vfs))"
    ).startswith("[Errno 2] ENOENT\n['__class__', '__name__', 'VfsFat', 'VfsLfs2'")


def test_soft_reset_forgets_the_variables_and_keeps_the_files(mpremote: Mpremote) -> None:
    mpremote.run("x = 1\nwith open('kept', 'w') as f: f.write('yes')")
    assert mpremote("soft-reset", "resume", "exec", "print('x' in globals(), open('kept').read())")


def test_reset_resets_the_chip(mpremote: Mpremote) -> None:
    mpremote.run("import machine; machine.RTC().memory(b'kept')")
    mpremote("reset")
    time.sleep(0.5)
    told = mpremote.resume("import machine; print(machine.reset_cause(), machine.RTC().memory())")
    assert told == "2 b'kept'\n"
    assert mpremote.run("import machine; print(machine.reset_cause())") == "5\n"


def test_a_mounted_folder_is_imported_from(mpremote: Mpremote, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text("print('from the laptop')\n")
    assert "from the laptop" in mpremote("mount", tmp_path, "exec", "import hello")


def test_the_clock_is_set(mpremote: Mpremote) -> None:
    mpremote("rtc", "--set")
    assert mpremote("rtc").startswith(f"({time.localtime().tm_year}, ")
    assert mpremote("eval", "__import__('time').gmtime(0)") == "(2000, 1, 1, 0, 0, 0, 5, 1)\n"


def test_ctrl_c_ends_a_program(mpremote: Mpremote, nodes: Nodes) -> None:
    """100 times, while it allocates: an interrupt must not break the heap."""
    with serial.Serial(mpremote.port, timeout=2) as line:
        line.write(b"\r\x03\r")
        line.read_until(b">>> ")
        for _ in range(100):
            line.write(b"while True: x = [bytearray(50) for i in range(50)]\r\r\r")
            line.read_until(b"... \r\n")
            time.sleep(random.Random(1).uniform(0.001, 0.01))
            line.write(b"\x03")
            assert b"KeyboardInterrupt" in line.read_until(b"KeyboardInterrupt: \r\n>>> ")
        line.write(b"import gc; gc.collect(); print('al' + 'ive')\r")
        assert line.read_until(b"alive\r\n>>> ").endswith(b"alive\r\n>>> ")
    assert nodes.status()["boots"] == 1


def test_main_py_runs_and_its_names_stay(mpremote: Mpremote) -> None:
    mpremote.run("with open('main.py', 'w') as f: f.write('answer = 42\\nprint(answer)')")
    mpremote("reset")
    time.sleep(0.5)
    assert mpremote.resume("print(answer)") == "42\n"


def test_a_boot_py_that_raises_skips_main_py(mpremote: Mpremote) -> None:
    mpremote.run(
        "with open('boot.py', 'w') as f: f.write('1 / 0')\n"
        "with open('main.py', 'w') as f: f.write('ran = 1')"
    )
    mpremote("reset")
    time.sleep(0.5)
    assert mpremote.resume("print('ran' in globals())") == "False\n"


def test_sys_exit_in_main_py_starts_it_again(mpremote: Mpremote, nodes: Nodes) -> None:
    mpremote.run(
        "with open('main.py', 'w') as f: f.write('import sys, time; time.sleep(0.2); sys.exit()')"
    )
    mpremote("reset")
    time.sleep(1.5)
    assert nodes.status()["boots"] > 4


def test_two_nodes_are_two(nodes: Nodes) -> None:
    one, two = nodes.mpremote("one"), nodes.mpremote("two")
    ask = "import machine; print(machine.unique_id())"
    assert one.port != two.port
    assert one.run(ask) != two.run(ask) == two.run(ask)


def test_the_heap_is_the_chips(mpremote: Mpremote) -> None:
    free = int(mpremote.run("import gc; gc.collect(); print(gc.mem_free())"))
    # The chip's REPL has 164,624; some KB of them are set aside for names (interpreter.py).
    assert 160_000 <= free <= 164_624


def test_the_port_stays_through_opening_and_closing(mpremote: Mpremote) -> None:
    for _ in range(5):
        os.close(os.open(mpremote.port, os.O_RDWR | os.O_NOCTTY))
    assert mpremote.run("print(1)") == "1\n"


def test_a_port_is_a_link_that_ends_with_its_node(nodes: Nodes) -> None:
    """Else it would lead to whoever is given the PTY's number next."""
    node = nodes.up()
    port = Path(node.port)
    assert port.is_symlink()
    assert port.is_absolute()
    assert choose(str(port.resolve())) == choose("bare") == Choice(node.port, FAST_BAUD)
    virtual.down("bare")
    assert not port.is_symlink()
    port.symlink_to("/dev/null")  # as a supervisor that was killed leaves one
    assert nodes.up().port == str(port)
    assert Mpremote(str(port)).run("print(1)") == "1\n"


@pytest.mark.parametrize("baud", [0, 57_600, 115_200, 3_000_000])
def test_no_hello_loses_the_prompt(nodes: Nodes, baud: int) -> None:
    """Whatever sequence it begins with, and a line was typed before that it could bring back."""
    line = Line(nodes.up().port, FAST_BAUD)
    link = Link(line)
    try:
        assert repl.ask(line)  # types one
        for sequence in range(256):
            link._sequence = sequence
            link.send(frame.HELLO, offer(baud))
            assert repl.ask(line), f"silent after sequence {sequence}"
    finally:
        line.close()

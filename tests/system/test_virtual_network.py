# SPDX-License-Identifier: MIT
"""The virtual board's network: what the port documents, and what may fail of it."""

import socket
import threading
from collections.abc import Iterator

import pytest
from nodes import Mpremote, Nodes
from patience import wait_for

from tirta import virtual
from tirta.errors import TirtaError
from tirta.files.paths import boards_dir
from tirta.virtual.state import Without

JOIN = """\
import network, time
w = network.WLAN(network.WLAN.IF_STA)
w.active(True)
w.connect('valves', 'secret')
began = time.ticks_ms()
while w.status() == network.STAT_CONNECTING and time.ticks_diff(time.ticks_ms(), began) < 9000:
    time.sleep_ms(10)
"""
OPEN = (
    JOIN
    + """\
import errno, select, socket
s = socket.socket()
s.setblocking(False)
try:
    s.connect(('127.0.0.1', PORT))
except OSError as e:
    print(e.errno == errno.EINPROGRESS)
p = select.poll()
p.register(s, select.POLLOUT)
began = time.ticks_ms()
while not p.poll(0) and time.ticks_diff(time.ticks_ms(), began) < 3000:
    time.sleep_ms(10)
"""
)
ASK = (
    JOIN
    + """\
import socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.setblocking(False)
head = b'\\x12\\x34\\x01\\x00\\x00\\x01' + bytes(6)
u.sendto(head + NAME + b'\\x00\\x00\\x01\\x00\\x01', (w.ifconfig()[3], 53))
began = time.ticks_ms()
while time.ticks_diff(time.ticks_ms(), began) < 1000:
    try:
        print(u.recv(99)[-4:])
        break
    except OSError as e:
        time.sleep_ms(5)
else:
    print('nothing')
"""
)


class Peer:
    """A server on this computer that keeps what comes."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.came = b""
        self.sockets: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                made, _ = self._server.accept()
            except OSError:
                return
            self.sockets.append(made)
            threading.Thread(target=self._take, args=(made,), daemon=True).start()

    def _take(self, made: socket.socket) -> None:
        while data := made.recv(4096):
            self.came += data

    def close(self) -> None:
        for each in [self._server, *self.sockets]:
            each.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


@pytest.fixture
def mpremote(nodes: Nodes) -> Mpremote:
    return nodes.mpremote(network=True)


def without(*names: str, after_bytes: int = 0) -> None:
    request = {"do": "network", "without": list(names), "after_bytes": after_bytes}
    virtual.control("bare", request)


def test_the_faults_are_the_boards() -> None:
    text = (boards_dir() / "virtual" / "_radio.py").read_text()
    for name, ours in (("THERE", Without.RADIO_IS_THERE), ("NO_ACCESS_POINT", Without.ACCESS_POINT),
                       ("NO_ADDRESS", Without.ADDRESS), ("NO_NAMES", Without.NAMES),
                       ("NO_WAY", Without.WAY), ("WRONG_KEY", Without.RIGHT_KEY),
                       ("STUCK", Without.DRIVER)):  # fmt: skip
        assert f"\n{name} = {int(ours)}\n" in text or f"\n{name} = {int(ours)}  #" in text


def test_a_board_without_a_radio_has_no_network(nodes: Nodes) -> None:
    told = nodes.mpremote().run("try:\n import network\nexcept ImportError as e: print(e)")
    assert "no module named 'network'" in told
    with pytest.raises(TirtaError, match="no network"):
        without("way")


def test_association_takes_its_time(mpremote: Mpremote) -> None:
    told = mpremote.run(
        "import network\nw = network.WLAN()\nprint(w.status() == network.STAT_IDLE, w.active())\n"
        + JOIN
        + "took = time.ticks_diff(time.ticks_ms(), began)\n"
        "print(1900 < took < 2600, w.isconnected(), w.ifconfig()[0])\n"
        "w.active(False); print(w.isconnected(), w.ifconfig()[0])"
    )
    assert told == "True False\nTrue True 192.168.4.2\nFalse 0.0.0.0\n"


@pytest.mark.parametrize(
    ("lack", "status"),
    [("access-point", "NO_AP_FOUND"), ("address", "CONNECTING"), ("right-key", "WRONG_PASSWORD")],
)
def test_what_association_may_lack(mpremote: Mpremote, lack: str, status: str) -> None:
    mpremote.run("pass")
    without(lack)
    assert mpremote.run(JOIN + f"print(w.status() == network.STAT_{status}, w.isconnected())") == (
        "True False\n"
    )
    without()
    assert mpremote.run(JOIN + "print(w.isconnected())") == "True\n"


def test_bytes_reach_a_server(mpremote: Mpremote, peer: Peer) -> None:
    code = OPEN.replace("PORT", str(peer.port))
    assert mpremote.run(code + "print(s.send(b'hello'))") == "True\n5\n"
    wait_for(lambda: peer.came == b"hello")


def test_what_a_lost_way_keeps_back_comes_when_it_returns(mpremote: Mpremote, peer: Peer) -> None:
    code = OPEN.replace("PORT", str(peer.port))
    mpremote.run(code)
    without(after_bytes=700)
    told = mpremote.resume(
        "print(s.send(bytes(range(250)) * 4))\n"
        "n = 0\n"
        "try:\n  while True: n += s.send(b'x' * 1000)\n"
        "except OSError as e: print(e.errno == errno.EAGAIN, n)\n"
        "print(s.readinto(bytearray(9)), p.poll(0))"
    )
    assert told == "1000\nTrue 5444\nNone []\n"
    wait_for(lambda: len(peer.came) == 700)
    assert peer.came == (bytes(range(250)) * 4)[:700]
    without()
    mpremote.resume("while s.readinto(bytearray(9)) is not None: pass")
    wait_for(lambda: len(peer.came) == 1000 + 5444)
    assert peer.came[:1000] == bytes(range(250)) * 4


def test_a_server_that_is_not_there(mpremote: Mpremote) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told = mpremote.run(
        OPEN.replace("PORT", str(port))
        + "try:\n  s.send(b'x'); print('sent')\nexcept OSError as e: print('refused')"
    )
    assert told == "True\nrefused\n"


@pytest.mark.parametrize(
    ("lack", "name", "answer"),
    [
        ((), "\\x04home", "b'\\x7f\\x00\\x00\\x01'"),
        ((), "\\x04gone\\x07invalid", "b'\\x00\\x01\\x00\\x01'"),
        (("names",), "\\x04home", "nothing"),
        (("way",), "\\x04home", "nothing"),
    ],
)
def test_names(mpremote: Mpremote, lack: tuple[str, ...], name: str, answer: str) -> None:
    mpremote.run("pass")
    without(*lack)
    assert mpremote.run(ASK.replace("NAME", f"b'{name}'")) == answer + "\n"


def test_getaddrinfo_blocks_where_no_server_of_names_answers(mpremote: Mpremote) -> None:
    mpremote.run("pass")
    without("names")
    told = mpremote.run(
        JOIN + "import socket\nbegan = time.ticks_ms()\n"
        "found = socket.getaddrinfo('10.1.2.3', 1883)[0][-1]\n"
        "print(found, time.ticks_diff(time.ticks_ms(), began))\n"
        "try: socket.getaddrinfo('broker', 1883)\n"
        "except OSError as e: print(e.errno, time.ticks_diff(time.ticks_ms(), began) >= 14000)"
    )
    assert told == "('10.1.2.3', 1883) 0\n-202 True\n"


def test_a_radio_takes_the_heap_that_it_takes_on_the_chip(nodes: Nodes) -> None:
    """As many bytes are free at the REPL with a radio as without; some less when it is on."""
    ask = "import gc; gc.collect(); print(gc.mem_free())"
    plain = int(nodes.mpremote("plain").run(ask))
    radio = nodes.mpremote("radio", network=True)
    assert abs(int(radio.run(ask)) - plain) < 1000
    active = int(radio.run("import network; network.WLAN().active(True)\n" + ask))
    assert 3_500 < plain - active < 6_000

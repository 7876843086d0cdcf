# SPDX-License-Identifier: MIT
"""A cable between two PTYs: baud / 10 bytes a second in each direction, and what cables do.

    with Relay(node.port, 115200, Faults(flips=1e-5), seed=7) as relay:
        Node(relay.port)

It is a process of its own, so that the laptop's work does not slow the line. Each direction has a
*pace* of its own (tirta.virtual.pace): no byte passes before its time, and none is thrown away
because a reader is slow. Faults hit bytes at random places, the same for the same seed: a *flip*
turns one bit, a *drop* leaves the byte out, a *duplicate* sends it twice, a *delay* stops the
direction for a while. At `cut_at` bytes, both directions together, the cable is pulled.
"""

import contextlib
import errno
import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
import termios
import time
import tty
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tirta.virtual.pace import Pace
from tirta.virtual.state import Slot, State

_READ = 4096
_BEGINNING = 2000  # bytes in which programs greet each other and wait
_WRONG_RATE = 0.03  # a UART reads nothing sensible when the rates differ by more
_END_S = 5.0
_IDLE_S = 0.2  # until a signal is seen


@dataclass(frozen=True)
class Faults:
    """Chances a byte, and where the cable is pulled; 0 = never."""

    flips: float = 0.0
    drops: float = 0.0
    duplicates: float = 0.0
    delays: float = 0.0
    delay_s: float = 0.05
    cut_at: int = 0


class Cable:
    """One direction: bytes in, the bytes that come out at the other end, and when."""

    def __init__(self, baud: int, faults: Faults, chance: random.Random) -> None:
        self.pace = Pace(baud)
        self.waiting = bytearray()
        self.faults = faults
        self.passed = 0
        self.begun_at = self.last_at = 0.0  # when _BEGINNING bytes had passed, and all
        self.hits = 0
        self.stopped_until = 0.0
        self._chance = chance
        self._rates = (faults.flips, faults.drops, faults.duplicates, faults.delays)
        self._next = [self._gap(rate) for rate in self._rates]  # bytes until each kind hits

    def _gap(self, rate: float) -> int:
        return int(self._chance.expovariate(rate)) if rate else 1 << 62

    def take(self, now: float, limit: int) -> bytes:
        """What comes out by now, at most `limit` bytes that went in."""
        if now < self.stopped_until:
            return b""
        count = min(self.pace.due(now, len(self.waiting)), limit)
        if not count:
            return b""
        data = bytes(self.waiting[:count])
        del self.waiting[:count]
        self.pace.carried(count)
        if self.passed < _BEGINNING <= self.passed + count:
            self.begun_at = now
        self.passed += count
        self.last_at = now
        return self.hurt(data, now)

    def hurt(self, data: bytes, now: float) -> bytes:
        """What faults make of bytes that pass at `now`."""
        out = bytearray()
        at = 0
        while True:
            kind = min(range(len(self._next)), key=self._next.__getitem__)
            n = self._next[kind]
            if at + n >= len(data):
                break
            out += data[at : at + n]
            at += n
            self._next = [left - n for left in self._next]
            out += self._hit(kind, data[at], now)
            at += 1
            self._next = [left - 1 if left else 0 for left in self._next]
            self._next[kind] = self._gap(self._rates[kind])
        out += data[at:]
        self._next = [left - (len(data) - at) for left in self._next]
        return bytes(out)

    def _hit(self, kind: int, byte: int, now: float) -> bytes:
        self.hits += 1
        if kind == 0:
            return bytes((byte ^ 1 << self._chance.randrange(8),))
        if kind == 1:
            return b""
        if kind == 2:
            return bytes((byte, byte))
        self.stopped_until = now + self.faults.delay_s
        return bytes((byte,))

    def wait_s(self, now: float) -> float:
        """Until `take` gives something."""
        if not self.waiting:
            return 60.0
        return max(self.pace.wait_s(now, len(self.waiting)), self.stopped_until - now)


class Exchange:
    """Both directions between the node's device and a PTY for the laptop."""

    def __init__(
        self, device: str, baud: int, faults: Faults, seed: int, *, state: str = "", limit: int = 0
    ) -> None:
        chance = random.Random(seed)
        self._node = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._node)
        self._laptop, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._laptop, False)
        self.port = os.ttyname(self._slave)
        self.baud = baud
        self.up = Cable(baud, faults, chance)  # from the node
        self.down = Cable(baud, faults, chance)
        self._cut_at = faults.cut_at or 1 << 62
        self._state = State(Path(state)) if state else None
        self._chance = chance
        self._garbled = False
        self._limit = limit or 1 << 30

    def step(self) -> bool:
        """Carry what is due; False when the cable is pulled."""
        self._follow()
        now = time.monotonic()
        for cable, to in ((self.up, self._laptop), (self.down, self._node)):
            left = self._cut_at - self.up.passed - self.down.passed
            data = cable.take(now, left)
            self._write(to, self._garble(data) if self._garbled else data)
        if self.up.passed + self.down.passed >= self._cut_at:
            self.close()
            return False
        reads = []
        for cable, source in ((self.up, self._node), (self.down, self._laptop)):
            if len(cable.waiting) < max(64, self.baud // 10 // 200):  # 5 ms of the line
                reads.append(source)
        wait_s = min(self.up.wait_s(now), self.down.wait_s(now), _IDLE_S)
        if self._state:
            wait_s = min(wait_s, 0.005)
        ready, _, _ = select.select(reads, [], [], max(0.0, wait_s))
        for cable, source in ((self.up, self._node), (self.down, self._laptop)):
            if source in ready:
                self._read(cable, source)
            elif not cable.waiting and source in reads:
                cable.pace.end()
        return True

    def _follow(self) -> None:
        """The laptop's end says how fast the line is; the node's must agree."""
        if self._state is None:
            return
        named = termios.tcgetattr(self._slave)[5]
        wanted = {getattr(termios, f"B{b}", -1): b for b in _RATES}.get(named, self.baud)
        if wanted != self.baud:
            self.baud = wanted
            self.up.pace.set_baud(wanted)
            self.down.pace.set_baud(wanted)
        node = self._state[Slot.BAUD] or wanted
        self._garbled = abs(node / wanted - 1) > _WRONG_RATE or wanted > self._limit

    def _garble(self, data: bytes) -> bytes:
        return self._chance.randbytes(len(data))

    def _read(self, cable: Cable, source: int) -> None:
        cable.pace.begin(time.monotonic())
        try:
            cable.waiting += os.read(source, max(64, self.baud // 10 // 500))
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:  # nobody holds the other end
                raise
            time.sleep(0.002)

    @staticmethod
    def _write(to: int, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(to, data) :]
            except BlockingIOError:
                select.select([], [to], [], 0.5)
            except OSError:
                return  # nobody holds the other end: the line runs on

    def close(self) -> None:
        for handle in (self._laptop, self._slave, self._node):
            with contextlib.suppress(OSError):
                os.close(handle)


_RATES = (1200, 9600, 57600, 115200, 230400, 460800, 921600, 1500000, 2000000, 3000000)


class Relay:
    """The cable as a process. `state` is a virtual node's state file: then the laptop's end says
    the rate, a node at another rate is not understood, and nobody is at more than `limit` baud.
    """

    def __init__(
        self,
        device: str,
        baud: int,
        faults: Faults | None = None,
        seed: int = 1,
        *,
        state: str = "",
        limit: int = 0,
    ) -> None:
        options: dict[str, Any] = {"device": device, "baud": baud, "seed": seed}
        options |= {"state": state, "limit": limit}
        options["faults"] = asdict(faults or Faults())
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(options)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = self._process.stdout.readline().strip()
        if not self.port:
            raise RuntimeError("the relay did not start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> dict[str, float]:
        """Pull the cable; what passed: `up`, `down`, `hits`, and bytes a second `up_rate` behind
        the beginning.
        """
        self._process.terminate()
        told, _ = self._process.communicate(timeout=_END_S)
        found: dict[str, float] = json.loads(told) if told else {}
        return found


def _main() -> None:
    options: dict[str, Any] = json.loads(sys.argv[1])
    options["faults"] = Faults(**options["faults"])
    exchange = Exchange(**options)
    going = True

    def stop(*_: object) -> None:
        nonlocal going
        going = False

    signal.signal(signal.SIGTERM, stop)
    print(exchange.port, flush=True)
    while going and exchange.step():
        pass
    exchange.close()
    up, down = exchange.up, exchange.down
    took_s = up.last_at - up.begun_at
    told = {"up": up.passed, "down": down.passed, "hits": up.hits + down.hits}
    print(json.dumps(told | {"up_rate": (up.passed - _BEGINNING) / took_s if took_s > 0 else 0.0}))


if __name__ == "__main__":
    _main()

# SPDX-License-Identifier: MIT
"""The network of an emulated chip: its access point's other end is a tap of this computer, where
the real dnsmasq gives addresses and answers names, and the real Mosquitto is the broker.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import brokers
import pytest
from patience import run, wait_for

SSID = "PICSimLabWifi"  # an open network: the emulator knows no other
BSSID = "10:01:00:c4:0a:56"  # the emulated access point sends each frame to its own address
NAME = "broker.valves.test"
_TOOLS = ("ip", "dnsmasq", "mosquitto")


@dataclass
class Network:
    """`tap` is the interface, `address` this computer's on it; the broker listens at `port`, there
    and on the loopback.
    """

    tap: str
    address: str
    broker: brokers.Mosquitto

    @property
    def port(self) -> int:
        return self.broker.port


def _needs() -> dict[str, str]:
    """The programs that it takes; skips where they or the rights are not there."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=path) or "" for name in _TOOLS}
    if missing := [name for name, where in found.items() if not where]:
        pytest.skip(f"Wi-Fi of the emulated ESP32 needs {', '.join(missing)} (CONTRIBUTING.md)")
    if os.geteuid() or not Path("/dev/net/tun").exists():
        pytest.skip("Wi-Fi of the emulated ESP32 needs root and /dev/net/tun (CONTRIBUTING.md)")
    return found


@contextlib.contextmanager
def network(folder: Path) -> Iterator[Network]:
    """An access point that gives addresses, a server of names and a broker."""
    tools = _needs()
    tap = f"tirta{os.getpid() % 100_000}"
    subnet = f"10.77.{os.getpid() % 250}"
    address = f"{subnet}.1"
    ip = tools["ip"]
    run([ip, "tuntap", "add", "dev", tap, "mode", "tap"], check=True)
    try:
        run([ip, "link", "set", tap, "address", BSSID], check=True)
        run([ip, "addr", "add", f"{address}/24", "dev", tap], check=True)
        run([ip, "link", "set", tap, "up"], check=True)
        with _names(tools["dnsmasq"], folder, tap, subnet):
            broker = brokers.Mosquitto(folder, brokers.free_port())
            broker.configure(
                "".join(f"listener {broker.port} {at}\n" for at in ("127.0.0.1", address))
                + "allow_anonymous true\nset_tcp_nodelay true\n"
            )
            broker.start()
            try:
                yield Network(tap, address, broker)
            finally:
                broker.kill()
    finally:
        wait_for(lambda: not run([ip, "tuntap", "del", "dev", tap, "mode", "tap"]).returncode)


@contextlib.contextmanager
def _names(dnsmasq: str, folder: Path, tap: str, subnet: str) -> Iterator[None]:
    """dnsmasq on the tap alone: addresses by DHCP, and one name."""
    leases, log = folder / "leases", folder / "dnsmasq.log"
    command = [
        dnsmasq, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
        "--pid-file=", "--user=root", f"--interface={tap}", "--except-interface=lo",
        "--bind-interfaces", f"--dhcp-range={subnet}.10,{subnet}.20,1h", "--dhcp-authoritative",
        f"--dhcp-leasefile={leases}", f"--address=/{NAME}/{subnet}.1", "--log-dhcp",
        f"--log-facility={log}", "--log-queries",
    ]  # fmt: skip
    process = subprocess.Popen(command)
    try:
        wait_for(
            lambda: process.poll() is not None or (log.exists() and "started" in log.read_text())
        )
        assert process.poll() is None, "dnsmasq does not run"
        yield
    finally:
        process.terminate()
        process.wait()

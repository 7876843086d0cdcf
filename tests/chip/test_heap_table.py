# SPDX-License-Identifier: MIT
"""Free heap on the genuine image: with the demo's config, with each kind of sensor (examples of
SENSORS.md), while it changes, locked, and with Wi-Fi. A start each, half an hour in all, so only
`make test-chip-heap` asks for it.
"""

import re
import struct
from pathlib import Path

import access_point
import pytest
from emulated import BOARD, Record, chip, flash_of, inlet, locked_flash, text_file
from patience import wait_for
from support import CHECKOUT, keep_keys

from tirta import config
from tirta.node import Node
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta_format import staging, state, updates

_SENSORS = CHECKOUT / "host_tools/tirta/config/SENSORS.md"
_EXAMPLE = re.compile(r"^## (.*?)$|^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEAD = f'version = 1\nboard = "{BOARD}"\nname = "Heap"\ninterval_s = 60\n\n'
_TRIAL_S = 3600  # a start takes minutes here
DEMO = (  # this board has one input less
    DEMO_CONFIG.read_text(encoding="utf-8")
    .replace('board = "virtual"', f'board = "{BOARD}"')
    .replace('pin = "analog_6"', "ads1115 = {input = 0}")
)
LEAST = 30_000
_ASK = f"""
import time
import esp32, gc, network
def told(what):
    gc.collect()
    found = esp32.idf_heap_info(esp32.HEAP_DATA)
    print(what, gc.mem_free(), sum(r[1] for r in found), max(r[2] for r in found))
told("idle")
station = network.WLAN(network.WLAN.IF_STA)
station.active(True)
told("active")
station.connect({access_point.SSID!r}, "")
while not station.isconnected():
    time.sleep(1)
told("joined")
import socket
there = socket.socket()
there.connect(("ADDRESS", PORT))
told("connected")
there.close()
station.active(False)
"""


def examples() -> dict[str, str]:
    """{heading of SENSORS.md, numbered: config} of each example with a channel."""
    found = {"the demo's config, eight channels": DEMO, "three channels": inlet(60)}
    heading = ""
    for match in _EXAMPLE.finditer(_SENSORS.read_text(encoding="utf-8")):
        heading = match[1] or heading
        if match[2] and "[[channel]]" in match[2]:
            found[f"{heading}, {len(found) - 1}"] = _HEAD + match[2]
    return found


EXAMPLES = examples()


@pytest.mark.campaign
@pytest.mark.parametrize("name", EXAMPLES)
def test_heap(name: str, tmp_path: Path, record_property: Record) -> None:
    with chip(tmp_path / "heap", flash_of(EXAMPLES[name])) as node:
        free = node.status()["heap_free"]
    record_property("measured", f"{name}: {free:,}")
    assert free > LEAST


@pytest.mark.campaign
def test_heap_while_it_changes(tmp_path: Path, record_property: Record) -> None:
    """In an update, and with another config on trial; the demo's eight channels."""
    text, _ = config.load(text_file(DEMO.replace("visit_s = 1800", "visit_s = 3600")))
    with chip(tmp_path / "heap", flash_of(DEMO)) as node:
        node.status()
        with Node(node.port) as there:
            there.link.request(updates.BEGIN)
            updating = int(there.status()["heap_free"])
            there.put_config(text)
            asked = struct.pack("<IH", state.config_hash(text), _TRIAL_S)
            assert there.ask(staging.STAGE, asked, think_s=6)["state"] == "staged"
        trying = node.status()["heap_free"]
        with Node(node.port) as there:
            assert there.ask(staging.TRIAL)["state"] == "trial"
    record_property("measured", f"in an update: {updating:,}; config on trial: {trying:,}")
    assert min(updating, trying) > LEAST


@pytest.mark.campaign
def test_heap_locked(tmp_path: Path, record_property: Record) -> None:
    """With a laptop logged in; the demo's eight channels."""
    with chip(tmp_path / "heap", locked_flash(DEMO)) as node:
        keep_keys(node.home / "keys")
        free = node.status()["heap_free"]
    record_property("measured", f"locked, a laptop logged in: {free:,}")
    assert free > LEAST


@pytest.mark.campaign
def test_heap_with_an_uplink(tmp_path: Path, record_property: Record) -> None:
    """Joined, and accepted by the broker; a laptop is logged in; the demo's eight channels."""
    with access_point.network(tmp_path) as network:
        more = (
            f'[uplink]\nbroker = "{access_point.NAME}"\nport = {network.port}\n'
            f'ssid = "{access_point.SSID}"\npush_s = 60\n'
        )
        at = DEMO.index("[[channel]]")
        image = locked_flash(DEMO[:at] + more + "\n" + DEMO[at:])
        with chip(tmp_path / "heap", image, net=network.tap) as node:
            keep_keys(node.home / "keys")
            status = wait_for(
                lambda: found if (found := node.status())["uplink"][0] == "up" else {}, every_s=60
            )
    record_property("measured", f"locked, uplink at work: {status['heap_free']:,}")
    assert status["heap_free"] > LEAST


@pytest.mark.campaign
def test_heaps_at_the_prompt_with_wifi(tmp_path: Path, record_property: Record) -> None:
    """MicroPython's and ESP-IDF's own, without our application."""
    with access_point.network(tmp_path) as network:
        ask = _ASK.replace("ADDRESS", network.address).replace("PORT", str(network.port))
        with chip(tmp_path / "heap", flash_of(inlet(60)), net=network.tap) as node:
            node.status()
            said = node.mpremote("exec", ask)
    told = [line.split() for line in said.splitlines() if len(line.split()) == 4]
    assert [line[0] for line in told] == ["idle", "active", "joined", "connected"]
    for what, python, free, block in told:
        record_property(
            "measured",
            f"prompt, Wi-Fi {what}: {int(python):,} of MicroPython, {int(free):,} of ESP-IDF in"
            f" blocks of {int(block):,} at most",
        )
    assert all(int(line[1]) > LEAST for line in told)

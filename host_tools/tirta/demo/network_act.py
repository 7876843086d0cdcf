# SPDX-License-Identifier: MIT
"""The demo's second act: three locked nodes send to a centre through a broker of MQTT, and one of
them is out of reach for two days. What it kept meanwhile comes when it is back; the ledger of the
archive tells of the hole and that it was filled.
"""

import contextlib
import csv
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tirta import config, virtual
from tirta.archive.evidence import Archive, Epoch
from tirta.archive.ledger import COLLECTED
from tirta.errors import TirtaError
from tirta.exports.export import export
from tirta.exports.plot import plot
from tirta.patience import Patience
from tirta.receive import keys
from tirta.receive.broker import embedded
from tirta.receive.centre import Broker, Centre, Schedule
from tirta.virtual.inlet import Inlet, write
from tirta_format import access

NODES = {"valve-1": "02d3a0000001", "valve-2": "02d3a0000002", "valve-3": "02d3a0000003"}
AWAY = "valve-2"
_DAY_MIN = 1440
_LEAVES_MIN = 5 * 60
_RETURNS_MIN = _LEAVES_MIN + 2 * _DAY_MIN
_MINUTES = _RETURNS_MIN + 60  # that must be in the archive
_AFTER_MIN = 17 * 60  # of the scenario: two pushes come in it
_SCHEDULE = Schedule(land_s=5, away_s=3)  # two days pass in some seconds
_WAIT_S = 600.0  # after the scenario, without one more page
_CONFIG = """\
board = "virtual"
interval_s = 60
commit_seconds = 60

[[channel]]
name = "flow"
sensor = "pulse"
pin = "flow"
litres_per_pulse = 10

[[channel]]
name = "p_inlet"
sensor = "4-20mA"
pin = "analog_1"
unit = "m"
decimals = 2
at_4ma = 0
at_20ma = 160

[uplink]
broker = "127.0.0.1"
port = {port}
ssid = "valves"
wifi_password = "only in the demo"
push_s = 28800
"""
Step = Callable[[str], object]


def run(folder: Path, step: Step) -> list[str]:
    """Play the act, told with `step`; return what is not as it should be. Raises TirtaError."""
    began = time.monotonic()
    scenario, archive = folder / "network.csv", folder / "centre"
    _write(scenario)
    fleet = secrets.token_bytes(access.KEY_SIZE)
    port = _free_port()
    with embedded("127.0.0.1", port), _centre(port, archive, fleet) as centre:
        step(f"a broker on port {port} and a centre that receives into {archive}")
        _start(folder, port, scenario, fleet)
        step(f"three locked nodes on a network: {', '.join(NODES)}")
        _play(folder, centre, step)
    differs = _compare(scenario, export(archive, "csv", folder / "network-records.csv"))
    late = _filled(archive, NODES[AWAY])
    if late < _RETURNS_MIN - _LEAVES_MIN:
        differs.append(f"the ledger tells of {late} records that came late")
    step(
        f"the ledger of {AWAY} tells of {late} records that were missing when it was back, and came"
    )
    picture = plot(archive, folder / f"{AWAY}.png", NODES[AWAY])
    step(f"wrote {picture}: its curves have no hole, a bar on top tells what came late")
    seconds = time.monotonic() - began
    step(f"{3 * _MINUTES} records of three nodes over the network in {seconds:.1f} s")
    return differs


def _write(scenario: Path) -> None:
    """Write the water: the meters rest in the first minute, and at the end, so that what they gave
    is in records that came.
    """
    write(scenario, _MINUTES + _AFTER_MIN, Inlet())
    rows = list(_rows(scenario))
    for row in [rows[0], *rows[_MINUTES - 2 :]]:
        row["pulses"] = "0"
    with scenario.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def _centre(port: int, archive: Path, fleet: bytes) -> Iterator[Centre]:
    """The centre, in a thread; its tables are up to date when the block ends."""
    archive.mkdir()
    made = Centre(
        Broker("127.0.0.1", port), archive, keys.of_fleets({"demo": fleet}), schedule=_SCHEDULE
    )
    stop, problem = threading.Event(), list[TirtaError]()

    def receive() -> None:
        try:
            made.run(stop)
        except TirtaError as error:
            problem.append(error)

    thread = threading.Thread(target=receive)
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join()
    if problem:
        raise problem[0]


def _start(folder: Path, port: int, scenario: Path, fleet: bytes) -> None:
    """Start the nodes."""
    path = folder / "uplink.toml"
    path.write_text(_CONFIG.format(port=port), encoding="utf-8")
    text, hidden = config.load(path)[0], config.secrets(path)
    for name, node in NODES.items():
        virtual.up(
            name, chip_id=node, app=True, config=text, secrets=hidden, fleet=fleet, network=True,
            scenario=scenario, speed="max",
        )  # fmt: skip


def _play(folder: Path, centre: Centre, step: Step) -> None:
    """Let the scenario pass; one node goes and comes. Returns when all pages are here."""
    gone = back = False
    patience: Patience | None = None
    waited_for = -1
    while True:
        told = {name: virtual.control(name, {"do": "status"}) for name in NODES}
        if off := [name for name, one in told.items() if one["power"] != "on"]:
            raise TirtaError(
                "The virtual node ended.", f"See {folder / 'virtual' / off[0]}/board.log."
            )
        into_min = (told[AWAY]["scenario"]["into_us"] or 0) / 60e6
        if not gone and into_min >= _LEAVES_MIN:
            virtual.control(AWAY, {"do": "network", "without": ["access-point"]})
            gone = True
            step(f"day {into_min / _DAY_MIN:.2f}: {AWAY} is out of reach")
        if not back and into_min >= _RETURNS_MIN:
            virtual.control(AWAY, {"do": "network", "without": []})
            back = True
            step(f"day {into_min / _DAY_MIN:.2f}: {AWAY} is back")
        ended = all(one["scenario"]["ended"] for one in told.values())
        heard = centre.inbox.names()
        missing = sum(map(centre.inbox.missing, heard))
        if ended and len(heard) == len(NODES) and not missing:
            return
        if ended and (patience is None or missing != waited_for):
            patience, waited_for = Patience(_WAIT_S, "for the last pages"), missing
        if patience is not None and patience.over:
            raise TirtaError("What the nodes keep does not come.", "Is the computer very busy?")
        time.sleep(0.05)


def _compare(scenario: Path, exported: Path) -> list[str]:
    """What differs between what the nodes' meters gave and what the archive says."""
    gave = [int(row["pulses"]) for row in _rows(scenario)]
    there: dict[str, dict[int, int]] = {node: {} for node in NODES.values()}
    for row in _rows(exported):
        if row["channel"] == "flow":
            there[row["node"]][int(row["number"])] = int(row["value"])
    differs = []
    for name, node in NODES.items():
        if missing := len(set(range(_MINUTES)) - set(there[node])):
            differs.append(f"{name}: {missing} records are missing")
        elif sum(gave) != sum(there[node].values()):
            told = sum(there[node].values())
            differs.append(f"{name}: {sum(gave)} pulses in, but {told} pulses out")
    return differs


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _epoch(archive: Path, node: str) -> Epoch:
    (found,) = (epoch for epoch in Archive(archive).epochs() if epoch.node == node)
    return found


def _filled(archive: Path, node: str) -> int:
    """How many records the ledger calls collected that were once a hole."""
    ledger = json.loads((_epoch(archive, node).folder / "ledger.json").read_bytes())
    holes = (hole for hole in ledger["holes"] if hole["state"] == COLLECTED)
    return max((hole["last"] - hole["first"] + 1 for hole in holes), default=0)

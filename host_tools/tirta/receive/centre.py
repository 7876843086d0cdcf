# SPDX-License-Identifier: MIT
"""The centre's loop: messages from a broker, pages onto the disk, ledgers back, tables at times.

Killed at any instant it loses nothing: what the broker counts as delivered and the disk has not is
not in a ledger, so the node sends it again.
"""

import json
import queue
import secrets
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tirta.archive import standings
from tirta.archive.evidence import Archive
from tirta.archive.standings import Standing
from tirta.district import membership
from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.receive.account import account
from tirta.receive.inbox import Inbox, KeysOf, Stored
from tirta.receive.tables import Landings, NodeTables

PORT = 1883
_NAME = "centre.json"
_NAME_SIZE = 8
_START_SIZE = 8
_GATHER_S = 0.05  # after a message, for others to come into the same write
_GATHER_MOST = 256
_MOST_PARTS = 256
_ACCOUNTS = 200  # at once: meanwhile no other process can write to a pack
_MOST_HEARD = 20_000  # of others, the file of standings is asked
_WAITING = 4096  # messages; more wait at the broker
_MOST_BYTES = 8192  # of a message: no node sends more than a page
_CONNECT_S = 20.0
_UNAVAILABLE = 0x88  # of a server, says MQTT 5; paho gives answers of 3.1.1 the same numbers
_FILTERS = [("tirta/+/h", 1), ("tirta/+/p", 1)]
_NODE_OF = "tirta/"  # a topic is tirta/NODE/LETTER
TellStored = Callable[[Stored], object]
TellTrouble = Callable[[TirtaError], object]


@dataclass(frozen=True)
class Broker:
    """Where messages pass; `others` are hosts and ports of the same cluster: where one of them
    does not answer, the next one is asked.
    """

    host: str
    port: int = PORT
    account: str = ""
    password: str = ""
    others: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, url: str) -> "Broker":
        """Read mqtt://[ACCOUNT[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…]. Raises TirtaError."""
        scheme, _, rest = url.partition("://")
        who, at, hosts = rest.removesuffix("/").rpartition("@")
        first, *others = (_place(f"//{host}") for host in hosts.split(","))
        account = urlsplit(f"//{who}{at}{first[0]}")
        if scheme != "mqtt" or not all(host for host, _ in (first, *others)):
            raise TirtaError(f"{url!r} names no broker.", "Write mqtt://HOST or mqtt://HOST:PORT.")
        name, password = unquote(account.username or ""), unquote(account.password or "")
        return cls(*first, name, password, tuple(others))

    @property
    def places(self) -> tuple[tuple[str, int], ...]:
        """Where the brokers of the cluster listen."""
        return (self.host, self.port), *self.others

    def __str__(self) -> str:
        return "mqtt://" + ",".join(f"{host}:{port}" for host, port in self.places)


def _place(authority: str) -> tuple[str, int]:
    """Host and port; no host where it names none."""
    try:
        parts = urlsplit(authority)
        port = parts.port or PORT
    except ValueError:
        return "", 0
    more = parts.path or parts.query or parts.fragment
    return "" if more else parts.hostname or "", port


@dataclass(frozen=True)
class Part:
    """Which nodes this process takes, where several share an archive: those whose id's CRC-32
    leaves `index` when it is divided by `count`. So each node has one process, whoever else runs.
    """

    index: int = 0
    count: int = 1

    @classmethod
    def of(cls, text: str) -> "Part":
        """Read 1/4 to 4/4. Raises TirtaError."""
        first, _, second = text.partition("/")
        if (
            first.isdecimal()
            and second.isdecimal()
            and 1 <= int(first) <= int(second) <= _MOST_PARTS
        ):
            return cls(int(first) - 1, int(second))
        raise TirtaError(
            f"{text!r} is no part of a whole.", "Write 1/4, 2/4, 3/4 and 4/4 for four processes."
        )

    def takes(self, topic: str) -> bool:
        """Return whether a message is for this process."""
        node = topic.removeprefix(_NODE_OF).partition("/")[0]
        return self.count == 1 or zlib.crc32(node.encode()) % self.count == self.index

    def __str__(self) -> str:
        return f"{self.index + 1}/{self.count}"


@dataclass(frozen=True)
class Schedule:
    """What this process does, and when: tables and ledgers of holes follow each `land_s` seconds,
    and the ledger of a node at once that was not heard for `away_s`.
    """

    land_s: float = 60.0
    away_s: float = 6 * 3600.0
    part: Part = Part()  # of the work
    tables: Landings | None = None  # those of each node in the archive, if nobody says else


class Centre:
    """One archive at one broker. `tell` hears of each page that is on the disk, `trouble` of
    tables that could not be made: what came is safe without them.
    """

    def __init__(
        self,
        broker: Broker,
        root: Path,
        keys_of: KeysOf,
        tell: TellStored = lambda _: None,
        trouble: TellTrouble = lambda _: None,
        schedule: Schedule = Schedule(),
    ) -> None:
        self._broker = broker
        self._root = root
        self._tell = tell
        self._trouble = trouble
        self._tables = schedule.tables or NodeTables(root)
        self._archive = Archive(root)
        name = _name_of(root)
        self.inbox = Inbox(self._archive, keys_of, name + secrets.token_bytes(_START_SIZE))
        self._came: queue.Queue[tuple[str, bytes]] = queue.Queue(_WAITING)
        self._error: TirtaError | None = None
        self._is_up = threading.Event()
        self._changed: set[tuple[str, int]] = set()  # node and epoch, since the last landing
        self._heard: dict[str, int] = {}  # Unix time in s of each node since then
        self._heard_last: dict[str, int] = {}
        self._schedule = schedule
        self._without_key: set[str] = set()  # told of
        self._landed_s = time.monotonic()
        self._districts: object = ()  # as of when they were read
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"tirta-{name.hex()}{_suffix(schedule.part)}",
            clean_session=False,  # what comes while nobody listens waits at the broker
        )
        if broker.account:
            self._client.username_pw_set(broker.account, broker.password)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._message
        self._turn = 0  # which broker of the cluster
        if broker.others:
            self._client.on_disconnect = self._client.on_connect_fail = self._ask_next

    def run(self, stop: threading.Event) -> None:
        """Receive until `stop` is set. Raises TirtaError when the broker refuses or the disk is
        full: what was stored until then is whole.
        """
        self._connect()
        self._client.loop_start()
        began = time.monotonic()
        try:
            while not stop.is_set():
                self._step()
                if not self._is_up.is_set() and time.monotonic() - began > _CONNECT_S:
                    raise TirtaError(f"The broker at {self._broker} does not greet.", "Look at it.")
            while not self._came.empty():
                self._step()
        finally:
            self._client.disconnect()
            self._client.loop_stop()
        self.land()

    def _connect(self) -> None:
        problem = OSError()
        for place in self._broker.places:
            try:
                self._client.connect(*place)
            except OSError as error:
                problem = error
            else:
                return
        raise TirtaError(
            f"No broker answers at {self._broker}: {problem.strerror or problem}.",
            "Start one, for example Mosquitto, or receive with --embedded.",
        ) from problem

    def _ask_next(self, client: mqtt.Client, *_: Any) -> None:
        """Let the client try another broker of the cluster: this one is gone."""
        self._turn = (self._turn + 1) % len(self._broker.places)
        client.connect_async(*self._broker.places[self._turn])

    def _step(self) -> None:
        """Take what came within a moment, store it, answer."""
        if self._error:
            raise self._error
        if came := self._gather():
            with self._archive.together():
                for topic, payload in came:
                    self.inbox.take(topic, payload)
                self._tell_of_keys()
                for node in self.inbox.due():
                    self._hear(node)
                stored = self.inbox.store()
            for one in stored:  # it is on the disk
                self._changed.add((one.node, one.epoch))
                self._tell(one)
            for topic, message in self.inbox.ledgers():
                self._client.publish(topic, message, qos=1)
        if self._heard and time.monotonic() - self._landed_s > self._schedule.land_s:
            self.land()

    def _tell_of_keys(self) -> None:
        for node in sorted(self.inbox.counts.without_key - self._without_key):
            self._without_key.add(node)
            self._trouble(
                TirtaError(
                    f"Somebody sends as node {node}, with a key that is not on this computer.",
                    "If it is yours, issue its key:"
                    " `tirta keys issue --role archive --all FILE --out FILE`.",
                )
            )

    def _gather(self) -> list[tuple[str, bytes]]:
        """Messages that came one behind the other."""
        came: list[tuple[str, bytes]] = []
        try:
            came.append(self._came.get(timeout=0.5))
            while len(came) < _GATHER_MOST:
                came.append(self._came.get(timeout=_GATHER_S))
        except queue.Empty:
            pass
        # A cluster keeps no order between topics, and a piece opens only behind its hello.
        return sorted(came, key=lambda one: not one[0].endswith("/h"))

    def _hear(self, node: str) -> None:
        """Note that something of a node came. What lacks of one that was away goes into the ledger
        of holes before it is stored.
        """
        now, before = int(time.time()), self._heard_last.get(node)
        if before is None:
            before = standings.heard(self._root, node) or now
        self._heard_last.pop(node, None)  # who was heard last is last
        self._heard[node] = self._heard_last[node] = now
        if now - before > self._schedule.away_s and (found := self._account(node, now)):
            standings.save(self._root, [found])

    def land(self) -> None:
        """Bring ledgers of records and tables up to date, and how each node stands."""
        for error in self._tables.bring(self._changed):
            self._trouble(error)
        heard = iter(self._heard.items())
        while some := [*islice(heard, _ACCOUNTS)]:
            with self._archive.together():
                found = [self._account(*one) for one in some]
            standings.save(self._root, [one for one in found if one])
        while len(self._heard_last) > _MOST_HEARD:
            del self._heard_last[next(iter(self._heard_last))]
        self._assign()
        self._changed.clear()
        self._heard.clear()
        self._landed_s = time.monotonic()

    def _assign(self) -> None:
        """Say where nodes belong, when somebody has changed a district file."""
        told = membership.as_of(self._root)
        if told != self._districts:
            self._districts = told
            try:
                standings.assign(self._root, membership.homes(self._root))
            except TirtaError as error:
                self._trouble(error)

    def _account(self, node: str, heard: int) -> Standing | None:
        """Bring the ledger of a node's records up to date, and return how it stands."""
        told = self.inbox.told(node)
        if told is None:
            return None
        found = account(self.inbox.epoch(node, told.epoch), told)
        now = self._tables.condition(node, told.epoch)
        return Standing(
            node, heard, told.epoch, found.records, told.next_number, self.inbox.missing(node),
            found.missing, found.gone, told.clock_ms, now.firmware, now.battery_v,
            ",".join(now.alarms),
        )  # fmt: skip

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.value == _UNAVAILABLE:
            return  # for now
        if code.is_failure:
            self._error = TirtaError(
                f"The broker at {self._broker} refuses: {code}.", "Check account and password."
            )
            return
        client.subscribe(_FILTERS)

    def _subscribed(self, _client: mqtt.Client, _d: Any, _mid: int, codes: Any, _p: Any) -> None:
        if any(code.is_failure for code in codes):
            self._error = TirtaError(
                f"The broker at {self._broker} lets this account read nothing of nodes.",
                "Give it read tirta/+/h, read tirta/+/p and write tirta/+/l in its access list.",
            )
            return
        self._is_up.set()

    def _message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if len(message.payload) > _MOST_BYTES:
            self.inbox.counts.strange += 1
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            self.inbox.counts.strange += 1
            return
        if self._schedule.part.takes(topic):
            self._came.put((topic, bytes(message.payload)))


def _suffix(part: Part) -> str:
    return "" if part.count == 1 else f"-{part.index + 1}-{part.count}"


def _name_of(root: Path) -> bytes:
    """The eight bytes that name this archive, drawn the first time."""
    path = root / _NAME
    try:
        name = bytes.fromhex(json.loads(path.read_bytes())["name"])
        if len(name) == _NAME_SIZE:
            return name
    except (OSError, ValueError, TypeError, LookupError):
        pass  # none yet, or damaged: another name costs the nodes nothing
    name = secrets.token_bytes(_NAME_SIZE)
    # Others that start at this moment may draw another one: it costs the nodes nothing either.
    atomic.write(path, json.dumps({"name": name.hex()}).encode() + b"\n")
    return name

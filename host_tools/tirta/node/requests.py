# SPDX-License-Identifier: MIT
"""A node at the end of a serial line: what a technician can ask it to do.

    with Node("/dev/ttyUSB0") as node:
        print(node.status()["next_record"])

Words: a *page* is 4096 bytes of the node's log, named by its *sequence*; a *commit* makes what was
sampled so far durable; the requests are those of FORMAT.md section 10.
"""

import contextlib
import json
import struct
import time
from typing import Any

from tirta.errors import TirtaError
from tirta.link import answers
from tirta.link.answer_models import MAX_GROUPS
from tirta.link.answers import Committed, IndexEntry
from tirta.link.baud import FAST_BAUDS, LineBaud
from tirta.link.failures import RefusedError
from tirta.link.keyed import Keyed
from tirta.link.mqtt_line import SCHEME, MqttLine
from tirta.link.serial_line import DEFAULT_BAUD, Line
from tirta.node import config_trial
from tirta.patience import Patience
from tirta.text import clean
from tirta.water import node_config
from tirta_format import access, frame, staging
from tirta_format import config as format_config

__all__ = ["FAST_BAUDS", "ConfigError", "Node"]

# Two such requests fit into the node's receive buffer: one that got lost may still lie there.
CONFIG_PART = 96
PARTS_S = 30  # for an answer that comes in many parts, whatever each of them takes
DIGEST_SIZE = 32
_LAST_PAGE = 0xFFFFFFFF
# What the way over the line and this program may add to the clock's error.
CLOCK_UNCERTAINTY_MS = 50
# After noise it is asked again within two seconds; one that was under way is done by then.
_COMMIT_S = 1.5


class ConfigError(TirtaError):
    """The node has no config, or one that nobody can use."""


class Node(Keyed):
    """A node that answers. Opening says hello; every error says what to try.

    A `steady` one keeps the rate of the line; else long transfers raise it for their time.
    """

    def __init__(
        self, port: str, baud: int = DEFAULT_BAUD, *, steady: bool = False, may_be_open: str = ""
    ) -> None:
        line = MqttLine(port) if port.startswith(SCHEME) else Line(port, baud)
        super().__init__(line, may_be_open)
        self._baud = LineBaud(self, line.baud, steady=steady)

    def status(self) -> dict[str, Any]:
        """Ask for the keys of FORMAT.md section 10.1; of a locked node without a key here, few."""
        if self.link.guard:
            self.link.guard.may(access.TECHNICIAN)
        told = self.ask(frame.STATUS)
        if told["node"] != self.hello.node:
            raise TirtaError(
                f"The node on {self.line.port} says of itself what cannot be.",
                "Check the cable; if it stays so, deploy the application again: `tirta deploy`.",
            )
        return told

    def whole_status(self) -> dict[str, Any]:
        """Ask as `status` does, for all that every firmware tells. Raises TirtaError where some
        lacks, or where the node is locked and there is no key.
        """
        if self.link.guard:
            self.link.guard.ready(frame.VALUES)
        return self.must_be_whole(self.status())

    def must_be_whole(self, status: dict[str, Any]) -> dict[str, Any]:
        """Return a status that has all that every firmware tells. Raises TirtaError where some
        lacks.
        """
        if not status.keys() >= answers.WHOLE_STATUS:
            raise self.nonsense()
        return status

    def timing(self) -> dict[str, Any]:
        """Ask how punctual it samples: `groups` and `work` (FORMAT.md section 10.2)."""
        found: list[dict[str, Any]] = []
        work: dict[str, Any] = {}
        within = self._patience("its timing")
        while True:
            asked = bytes((len(found),))
            try:
                answer = self.ask(frame.TIMING, asked, within=within)
            except RefusedError:
                return {}  # firmware from before
            groups = answer.get("groups", [])
            found += groups
            work |= answer.get("work", {})
            if not answer.get("more") or not groups:
                return {"groups": found, "work": work}
            if len(found) > MAX_GROUPS:
                raise self.nonsense()

    def values(self) -> dict[str, Any]:
        """Ask for the last record: `number`, and `values` as [channel, value or None, flag]."""
        return self.ask(frame.VALUES)

    def commit(self) -> Committed:
        """Make everything sampled so far durable."""
        answer = self.link.request(frame.COMMIT, think_s=_COMMIT_S)
        return self.checked(Committed.of, answer)

    def index(self, since_page: int = 0) -> list[IndexEntry]:
        """Ask for the pages in the log from a sequence on, oldest first."""
        found: list[IndexEntry] = []
        within = self._patience("the list of its pages")
        while True:
            asked = struct.pack("<I", since_page)
            answer = self.link.request(frame.INDEX, asked, within=within)
            entries, more = self.checked(answers.index, answer, since_page)
            found += entries
            if not more:
                return found
            if len(found) > answers.MAX_PAGES or entries[-1].page == _LAST_PAGE:
                raise self.nonsense()
            since_page = entries[-1].page + 1

    def pulled(self, epoch: int, number: int) -> None:
        """Tell the node that every record of the epoch below `number` is safe on a disk."""
        self.link.request(frame.PULLED, struct.pack("<II", epoch, number))

    def config(self) -> bytes:
        """Ask for the config in force, as the node keeps it."""
        text = b""
        within = self._patience("its config")
        while True:
            asked = struct.pack("<H", len(text))
            answer = self.link.request(frame.CONFIG_GET, asked, within=within)
            whole, part = self.checked(answers.part, answer, format_config.MAX_BYTES)
            text += part
            if len(text) >= whole:
                return text[:whole]
            if not part:
                raise self.nonsense()

    def settings(self) -> dict[str, Any]:
        """Ask for the config in force, parsed. Raises ConfigError where none can be used."""
        return self.parsed(self.config())

    def shown_config(self) -> bytes:
        """Ask for the text of the config in force, printable; empty where the node has none.
        Raises ConfigError where it cannot be used.
        """
        text = self.config()
        if text:
            self.parsed(text)
        return node_config.printable(text) if text else b""

    def parsed(self, text: bytes) -> dict[str, Any]:
        """Check a config that the node told. Raises ConfigError where it cannot be used."""
        try:
            found: dict[str, Any] = node_config.parse(text)
        except ValueError as error:
            raise ConfigError(
                f"The node's config cannot be used: {clean(error, 120)}."
                if text
                else "The node has no config yet.",
                f"Give it one: `tirta config apply {self.line.port} FILE`.",
            ) from error
        return found

    def _patience(self, what: str) -> Patience:
        """For an answer in many parts, all of them together."""
        return Patience(PARTS_S, f"for {what} from the node on {self.line.port}")

    def apply_config(self, text: bytes, *, accept_missing: bool = False) -> config_trial.Applied:
        """Give the node a config, try it there, and confirm it (`tirta.node.config_trial`)."""
        return config_trial.apply(self, text, accept_missing=accept_missing)

    def put_config(self, text: bytes) -> None:
        """Bring a config's text into the node's RAM, where nothing is done with it yet."""
        at = 0
        while at < len(text):
            part = text[at : at + CONFIG_PART]
            put = struct.pack("<HH", len(text), at) + part
            answer = self.link.request(frame.CONFIG_PUT, put)
            wanted = self.checked(answers.number, "<H", answer, len(text))
            if wanted <= at:
                raise self.nonsense()
            at = wanted

    def identity(self) -> dict[str, Any]:
        """Ask where the node belongs: `district`, `latitude`, `longitude`, as far as it was
        told.
        """
        return self.ask(staging.WHO)

    def set_identity(self, identity: dict[str, Any]) -> None:
        """Tell the node where it belongs."""
        text = json.dumps(identity, separators=(",", ":"), ensure_ascii=False).encode()
        self.ask(staging.WHO_PUT, text, think_s=6)

    def set_secrets(self, text: bytes) -> None:
        """Give the node the passwords of its uplink, JSON; encrypted, and they never come back.
        They are kept with the config that is tried or applied next, and forgotten where none is.
        """
        guard = self.link.guard
        if guard is None:
            raise TirtaError(
                f"Node {self.hello.node} is open, and an open node has no uplink.",
                f"Lock it first: `tirta lock {self.line.port}`. Nothing was changed.",
            )
        guard.ready(staging.SECRETS_PUT)
        if guard.session is None or len(text) > staging.SECRETS_BYTES:
            raise TirtaError("The passwords are too long.", "Use shorter ones.")
        sealed = guard.session.encrypt(text + bytes(-len(text) % 16))
        config_trial.when_ready(lambda: self.ask(staging.SECRETS_PUT, sealed, think_s=6))

    def set_clock(self, uncertainty_ms: int = CLOCK_UNCERTAINTY_MS) -> tuple[str, str]:
        """Give the node this computer's time; return its clock's new state, and the clock chip that
        its config names where that did not take the time, else nothing.
        """
        unix_ms = time.time_ns() // 1_000_000
        answer = self.ask(frame.CLOCK_SET, struct.pack("<QI", unix_ms, uncertainty_ms))
        return answer["clock"], answer.get("refused_by", "")

    def restart(self, *, to_repl: bool = False) -> None:
        """Start the application again, or hand the line over to the REPL."""
        self.link.request(frame.RESTART, bytes((int(to_repl),)), think_s=3)
        if not to_repl:
            self.wait_until_back()

    def digest(self, first: int, offset: int, last: int, end: int) -> bytes:
        """Ask for the SHA-256 of pages as they lie on the node, from an offset in the first on."""
        payload = struct.pack(access.DIGEST_REQUEST, first, offset, last, end)
        answer = self.link.request(access.DIGEST, payload, think_s=4, tries=2)
        return self.checked(answers.exactly, DIGEST_SIZE, answer)

    def hurry(self, count: int) -> contextlib.AbstractContextManager[None]:
        """Run the line as fast as both ends can while `count` bytes come, if that is worth it."""
        return self._baud.hurry(count)

    def calm(self) -> None:
        """Go back to the first rate: the raised one does not do."""
        self._baud.calm()

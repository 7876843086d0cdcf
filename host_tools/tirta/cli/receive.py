# SPDX-License-Identifier: MIT
"""`tirta receive`: the centre to which nodes send over a network."""

import contextlib
import os
import signal
import threading
import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from tirta.archive import standings
from tirta.archive.pack import Pack
from tirta.cli import say
from tirta.cli.command import Work, whole
from tirta.errors import TirtaError
from tirta.receive import keys
from tirta.receive.broker import embedded
from tirta.receive.inbox import Stored
from tirta.text import counted, duration

if TYPE_CHECKING:
    from tirta.receive.centre import Part
    from tirta.tables.stream import Stream

PASSWORD = "TIRTA_BROKER_PASSWORD"  # noqa: S105 - the name of a variable, so that no list shows it


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--broker",
        default="mqtt://127.0.0.1",
        metavar="URL",
        help=f"mqtt://[ACCOUNT@]HOST[:PORT], of a cluster more hosts behind commas (default"
        f" mqtt://127.0.0.1); its password in {PASSWORD}",
    )
    parser.add_argument(
        "--archive", type=Path, default=Path("archive"), metavar="DIR", help="folder of the archive"
    )
    parser.add_argument(
        "--embedded", action="store_true", help="start a broker there, too, on this computer"
    )
    parser.add_argument(
        "--part",
        default="1/1",
        metavar="I/N",
        help="take every N-th node only, where N processes share the work (default 1/1)",
    )
    parser.add_argument(
        "--lake",
        type=Path,
        metavar="LAKE",
        help="for very many nodes: rows go into this lake in batches, pages into one file",
    )
    parser.add_argument(
        "--every-s",
        type=whole,
        default=60,
        metavar="S",
        help="seconds from one making of tables, or batch for a lake, to the next (default 60)",
    )
    parser.add_argument(
        "--status",
        action="store_true",
        help="say which nodes are behind, and why, as of what the archive knows; receives nothing",
    )
    parser.add_argument("--json", action="store_true", help="print one line a page for a script")


def _receive(args: Namespace) -> None:
    if args.status:
        _status(args)
        return
    try:
        from tirta.receive.centre import Broker, Centre, Part, Schedule
    except ModuleNotFoundError as error:
        raise TirtaError(
            "What talks to a broker is not installed.",
            "Install it: pip install 'tirta[receive]'.",
        ) from error
    broker, part = Broker.of(args.broker), Part.of(args.part)
    if PASSWORD in os.environ:
        broker = replace(broker, password=os.environ[PASSWORD])
    keys_of = keys.from_vault()
    args.archive.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    def tell(stored: Stored) -> None:
        if args.json:
            say.document(asdict(stored))
        elif stored.page not in told.setdefault(stored.node, set()):
            told[stored.node].add(stored.page)
            say.out(f"Node {stored.node}: page {stored.page}.")

    told: dict[str, set[int]] = {}
    tables = _stream(args.archive, args.lake, part) if args.lake else None
    schedule = Schedule(args.every_s, part=part, tables=tables)
    centre = Centre(broker, args.archive, keys_of, tell, _trouble, schedule)
    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with embedded(broker.host, broker.port) if args.embedded else contextlib.nullcontext():
            say.say(f"Receiving from {broker} into {args.archive}. Ctrl-C ends it.")
            centre.run(stop)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    for name in centre.inbox.names():
        say.say(f"Node {name}: {centre.inbox.missing(name)} pages are missing.")
    if centre.inbox.counts.strange:
        say.say(f"Messages of strangers that were dropped: {centre.inbox.counts.strange}.")


def _stream(archive: Path, lake: Path, part: "Part") -> "Stream":
    """What writes into a lake; the archive keeps its pages in one file from then on."""
    try:
        from tirta.tables.stream import Stream
    except ModuleNotFoundError as error:
        raise TirtaError(
            "Delta Lake is not installed.", "Install it: pip install 'tirta[lake]'."
        ) from error
    Pack.make(archive)
    stream = Stream(archive, lake, str(part), lambda node: part.takes(f"tirta/{node}/p"))
    if part.index == 0:
        stream.finish(str(part.count))
    return stream


def _trouble(error: TirtaError) -> None:
    say.error(error.what, error.hint)


def _status(args: Namespace) -> None:
    """Tell how nodes stand, the worst first."""
    now = time.time()
    found = standings.all_of(args.archive)
    if args.json:
        say.document([one.as_json(now) for one in found])
        return
    order = standings.SILENT, standings.BEHIND, standings.OK
    found.sort(key=lambda one: (order.index(one.state(now)), one.node))
    rows = [
        [one.node, str(one.records), str(one.missing), str(one.lost), _why(one, now)]
        for one in found
    ]
    say.table(("NODE", "RECORDS", "MISSING", "LOST", "STATE"), rows)


def _why(one: standings.Standing, now: float) -> str:
    if not one.heard:
        return say.translated("never heard: is it mounted, with this broker in its config?")
    ago = duration(now - one.heard)
    if one.state(now) == standings.SILENT:
        return say.translated(f"silent for {ago}: look at its power and network")
    if one.missing_pages:
        pages = counted(one.missing_pages, "page")
        return say.translated(f"behind: {pages} on the way, heard {ago} ago")
    if one.missing:
        return say.translated(f"behind: the next message brings them, heard {ago} ago")
    return say.translated(f"all is here, heard {ago} ago")


WORK: Work = {"receive": (_arguments, _receive)}

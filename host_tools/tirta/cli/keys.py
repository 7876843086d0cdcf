# SPDX-License-Identifier: MIT
"""`tirta keys …`, `tirta lock` and `tirta unlock`: who may do what with a node."""

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from tirta.cli import say
from tirta.cli.command import Work, json_argument, number, port_argument
from tirta.keys import memory, office, vault
from tirta.keys.credential import ROLES, Credential
from tirta.node import Node
from tirta.node.discover import choose
from tirta.text import counted, duration
from tirta_format import access

_FLEET = "waterworks"
_ARCHIVE = "archive"


def _fleet_argument(parser: ArgumentParser, default: str = "") -> None:
    parser.add_argument("--fleet", default=default, metavar="NAME", help="which fleet's key")
    json_argument(parser)


def _init_arguments(parser: ArgumentParser) -> None:
    _fleet_argument(parser, _FLEET)


def _init(args: Namespace) -> None:
    office.init(args.fleet)
    if args.json:
        say.document({"fleet": args.fleet})
    else:
        say.out(f"Fleet {args.fleet} has a key, in {vault.path()}.")
        say.say("Keep a copy in a safe: tirta keys export FILE")


def _use_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("fleet", metavar="NAME", help="fleet whose key nodes get from now on")
    json_argument(parser)


def _use(args: Namespace) -> None:
    office.use(args.fleet)
    if args.json:
        say.document({"fleet": args.fleet})
    else:
        say.out(f"Nodes that are locked from now on belong to fleet {args.fleet}.")


def _issue_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--role",
        default="technician",
        choices=[*sorted(ROLES), _ARCHIVE],
        help="for whom; archive: a centre, which may read what nodes send and answer, no more",
    )
    parser.add_argument(
        "--days", type=number, default=7, metavar="N", help="until it expires (default 7)"
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--node", metavar="ID", help="for one node")
    which.add_argument("--all", type=Path, metavar="FILE", help="for the node ids in a file")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="file to write")
    parser.add_argument(
        "--date-is-right",
        action="store_true",
        help="the date of this computer is right",
    )
    _fleet_argument(parser)


def _issue(args: Namespace) -> None:
    nodes = [args.node] if args.node else office.node_ids(args.all)
    if args.role == _ARCHIVE:
        _issue_uplinks(args, nodes)
        return
    made = office.issue(
        nodes, args.role, args.days, args.out, args.fleet, date_is_right=args.date_is_right
    )
    if args.json:
        say.document({"file": str(args.out), "credentials": [_told(c) for c in made]})
    else:
        say.out(
            f"{args.out}: {counted(len(made), 'credential')}, role {args.role}, good for"
            f" {duration(args.days * 86_400)}."
        )
        say.say("Send the file, and its passphrase another way: tirta keys import FILE")


def _issue_uplinks(args: Namespace, nodes: list[str]) -> None:
    made = office.issue_uplinks(nodes, args.out, args.fleet)
    if args.json:
        say.document({"file": str(args.out), "uplinks": [u.node for u in made]})
    else:
        say.out(f"{args.out}: {counted(len(made), 'uplink key')}, without a date.")
        say.say("Send the file, and its passphrase another way: tirta keys import FILE")


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="file to write")
    _fleet_argument(parser)


def _export(args: Namespace) -> None:
    office.export(args.fleet, args.file)
    say.written(args.file, as_json=args.json)


def _import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what the office sent")
    json_argument(parser)


def _import(args: Namespace) -> None:
    came = office.import_(args.file)
    if args.json:
        say.document(
            {
                "fleets": sorted(came.fleets),
                "credentials": [_told(c) for c in came.credentials],
                "uplinks": [u.node for u in came.uplinks],
            }
        )
        return
    for name in sorted(came.fleets):
        say.out(f"The key of fleet {name} is on this computer now.")
    if came.credentials:
        say.out(
            f"Credentials for {counted(len(came.credentials), 'node')} are on this computer now."
        )
    if came.uplinks:
        say.out(f"Uplink keys of {counted(len(came.uplinks), 'node')} are on this computer now.")


def _list(args: Namespace) -> None:
    kept = vault.load()
    rows = [{"kind": "fleet", "name": n, "use": n == kept.use} for n in sorted(kept.fleets)]
    held = [_told(c) for c in sorted(kept.credentials, key=lambda c: (c.node, c.role))]
    if args.json:
        say.document(
            {"fleets": rows, "credentials": held, "uplinks": [u.node for u in kept.uplinks]}
        )
        return
    if not rows and not held and not kept.uplinks:
        say.say("No keys are on this computer: `tirta keys init`, or `tirta keys import FILE`.")
        return
    for row in rows:
        name = row["name"]
        say.out(f"Fleet {name}, in use" if row["use"] else f"Fleet {name}")
    if kept.uplinks:
        say.out(f"Uplink keys of {counted(len(kept.uplinks), 'node')}")
    if held:
        expired = f", {say.translated('EXPIRED')}"
        say.table(
            ("NODE", "ROLE", "SERIAL", "EXPIRES"),
            [
                [c["node"], c["role"], c["serial"], c["expires"] + expired * c["expired"]]
                for c in held
            ],
        )


def _told(credential: Credential) -> dict[str, Any]:
    """A credential without its secret."""
    expires = time.gmtime(credential.expires)
    return {
        "node": credential.node,
        "role": access.ROLES[credential.role],
        "serial": credential.serial,
        "expires": time.strftime("%Y-%m-%d %H:%M UTC", expires),
        "expired": credential.expires < time.time(),
    }


def _lock_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument(
        "--was-opened",
        metavar="ID",
        default="",
        help="this node was locked and opened on purpose: give it its key again",
    )
    _fleet_argument(parser)


def _lock(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    kept = vault.load()
    memory.learn(kept)
    with Node(choice.port, choice.baud, may_be_open=args.was_opened) as node:
        key = kept.node_key(node.hello.node, args.fleet)
        if node.hello.mode == "locked":
            node.change_key(key)
        else:
            node.lock(key)
        _tell(args, node, f"Node {node.hello.node} is locked with the key of its fleet.")


def _forget_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("node", metavar="ID", help="node that was opened on purpose")
    json_argument(parser)


def _forget(args: Namespace) -> None:
    office.must_be_id(args.node)
    memory.remember(args.node, memory.OPEN, "keys forget")
    if args.json:
        say.document({"node": args.node, "known": memory.recall(args.node)})
    else:
        say.out(f"Node {args.node} may be open: it is believed when it says so.")


def _unlock_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument(
        "--for-good", action="store_true", help="leave the locked mode, until `tirta lock`"
    )
    json_argument(parser)


def _unlock(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        if args.for_good:
            node.make_open()
            _tell(args, node, f"Node {node.hello.node} is open: whoever has the cable has it.")
        else:
            node.unlock()
            _tell(
                args,
                node,
                f"Node {node.hello.node} waits at its REPL for mpremote; `mpremote reset` sends it"
                " back to work, locked.",
            )


def _floor(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    now = int(time.time())
    with Node(choice.port, choice.baud) as node:
        node.set_floor(now)
        day = time.strftime("%Y-%m-%d", time.gmtime(now))
        _tell(
            args,
            node,
            f"Credentials that expired before {day} do not open node {node.hello.node}; those that"
            " expire later do.",
        )


def _floor_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    json_argument(parser)


def _tell(args: Namespace, node: Node, text: str) -> None:
    if args.json:
        say.document({"node": node.hello.node, "mode": node.hello.mode})
    else:
        say.out(text)


WORK: Work = {
    "lock": (_lock_arguments, _lock),
    "unlock": (_unlock_arguments, _unlock),
    "keys init": (_init_arguments, _init),
    "keys issue": (_issue_arguments, _issue),
    "keys import": (_import_arguments, _import),
    "keys export": (_export_arguments, _export),
    "keys list": (json_argument, _list),
    "keys use": (_use_arguments, _use),
    "keys floor": (_floor_arguments, _floor),
    "keys forget": (_forget_arguments, _forget),
}

# SPDX-License-Identifier: MIT
"""What an office does with keys: make a fleet's, give credentials to technicians, move them.

Files that leave this computer are encrypted under a passphrase, which goes another way.
"""

import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.keys import box, memory, passphrase, vault
from tirta.keys.credential import ROLES, Credential
from tirta.keys.uplink_key import UplinkKey
from tirta_format import access

_NODE = re.compile(r"[0-9a-f]{12}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
KeyOf = Callable[[str], bytes]  # a node's key, of its id
MOST_DAYS = 400


def init(fleet: str) -> None:
    """Make a fleet's key; the first one is in use at once."""
    kept = vault.load()
    _must_be_new(kept, fleet)
    kept.fleets[fleet] = secrets.token_bytes(access.KEY_SIZE)
    kept.use = kept.use or fleet
    vault.save(kept)


def use(fleet: str) -> None:
    """Give the key of this fleet to nodes from now on."""
    kept = vault.load()
    kept.fleet(fleet)
    kept.use = fleet
    vault.save(kept)


def keys_for_new(fleet: str = "") -> KeyOf:
    """Return what makes the keys of new nodes: of this fleet, or of the one in use.

    Raises TirtaError where its key is not on this computer: before a board is touched.
    """
    kept = vault.load()
    if not fleet and not kept.use:
        raise TirtaError(
            "A new node is locked with a key that is made from its fleet's, and no fleet's key is"
            " on this computer. Nothing was written.",
            "Once, in the office: tirta keys init. For a node that stays on a bench: --open.",
        )
    kept.fleet(fleet)
    memory.learn(kept)
    return lambda node: kept.node_key(node, fleet)


def issue(
    nodes: list[str],
    role: str,
    days: float,
    out: Path,
    fleet: str = "",
    *,
    date_is_right: bool = False,
) -> list[Credential]:
    """Write credentials for these nodes into a file; each has a serial of its own.

    Raises TirtaError where this computer's date cannot be right after those issued before, unless
    somebody says it is: a node takes the time of issue for a time that is past.
    """
    if role not in ROLES:
        raise TirtaError(f"There is no role {role!r}.", f"Choose: {', '.join(ROLES)}.")
    if not 0 < days <= MOST_DAYS:
        raise TirtaError(
            f"A credential lives more than 0 and at most {MOST_DAYS} days, not {days:g}.",
            "Give --days 7.",
        )
    for node in nodes:
        must_be_id(node)
    kept = vault.load()
    if not date_is_right:
        _must_follow(kept.issued)
    made = []
    for node in nodes:
        kept.serial += 1
        key = kept.node_key(node, fleet)
        made.append(Credential.make(key, node, ROLES[role], serial=kept.serial, days=days))
    kept.issued = made[-1].issued
    vault.save(kept)  # before the file: a serial is never given twice
    _write(out, {"credentials": [c.as_json() for c in made]}, f"{out}, the file with credentials")
    for node in nodes:
        memory.remember(node, memory.LOCKED, "keys issue")
    return made


def issue_uplinks(nodes: list[str], out: Path, fleet: str = "") -> list[UplinkKey]:
    """Write the uplink keys of these nodes into a file, for a centre. They have no date: they are
    withdrawn by changing the node's key.
    """
    for node in nodes:
        must_be_id(node)
    kept = vault.load()
    made = [UplinkKey.make(kept.node_key(node, fleet), node) for node in nodes]
    _write(out, {"uplinks": [u.as_json() for u in made]}, f"{out}, the file with uplink keys")
    for node in nodes:
        memory.remember(node, memory.LOCKED, "keys issue")
    return made


def _must_follow(last: int) -> None:
    """The date of the last credential bounds today's."""
    now = time.time()
    if not last or last - access.DAY_S <= now <= last + access.BY_CLOCK_S:
        return
    day, before = (time.strftime("%Y-%m-%d", time.gmtime(t)) for t in (now, last))
    raise TirtaError(
        f"This computer's date is {day}, and its last credential was issued on {before}."
        " Nothing was issued.",
        "Correct the date: nodes believe the time of issue. If it is right, say --date-is-right.",
    )


def must_be_id(node: str) -> None:
    """Raise TirtaError unless this is the id of a node, which is its chip's number."""
    if not _NODE.fullmatch(node):
        raise TirtaError(
            f"{node!r} is no node's id.", "It has twelve digits 0-9 a-f: `tirta ports`."
        )


def node_ids(path: Path) -> list[str]:
    """Read the ids in a file, one a line; what follows a # is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise TirtaError(f"Cannot read {path}.", "Give a file with one node id a line.") from error
    found = [line.partition("#")[0].strip() for line in lines]
    return [line for line in found if line]


def export(fleet: str, out: Path) -> None:
    """Write a fleet's key into a file: for a safe, or for another office."""
    kept = vault.load()
    name = fleet or kept.use
    what = f"{out}, the file with the key of fleet {name}"
    _write(out, {"fleets": {name: kept.fleet(name).hex()}}, what)


def import_(source: Path) -> vault.Vault:
    """Take what a file holds into the vault; return what it held."""
    try:
        data = source.read_bytes()
    except OSError as error:
        raise TirtaError(f"Cannot read {source}.", "Give a file that the office made.") from error
    if box.kind(data) != box.PASSPHRASE:
        raise TirtaError(
            "This is the file of a computer's own keys.", "Let that computer `tirta keys export`."
        )
    came = vault.Vault.from_json(
        box.open_(data, passphrase.ask(f"what the office sent, {source}"), str(source))
    )
    kept = vault.load()
    for name, key in came.fleets.items():
        if kept.fleets.get(name) != key:
            _must_be_new(kept, name)
        kept.fleets[name] = key
        kept.use = kept.use or name
    for credential in came.credentials:
        if credential.issued > time.time() + access.DAY_S:
            day = time.strftime("%Y-%m-%d", time.gmtime(credential.issued))
            raise TirtaError(
                f"These credentials were issued on {day}, which has not come by this computer's"
                " clock. Nothing was imported.",
                "Set the clock. If it is right, the office's was wrong: ask for other credentials.",
            )
        kept.add(credential)
        memory.remember(credential.node, memory.LOCKED, "keys import")
    known = {(u.node, u.name) for u in came.uplinks}
    kept.uplinks = [u for u in kept.uplinks if (u.node, u.name) not in known] + came.uplinks
    vault.save(kept)
    return came


def _write(out: Path, content: dict[str, object], what: str) -> None:
    data = box.close(content, passphrase.choose(what))
    atomic.write_secret(out, data)


def _must_be_new(kept: vault.Vault, fleet: str) -> None:
    if not _NAME.fullmatch(fleet):
        raise TirtaError(
            f"{fleet!r} cannot name a fleet.", "Use up to 31 lower-case letters, digits, - and _."
        )
    if fleet in kept.fleets:
        raise TirtaError(
            f"There is a key of fleet {fleet} already.",
            "Its nodes need it. Choose another name: tirta keys init --fleet NAME",
        )

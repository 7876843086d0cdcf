# SPDX-License-Identifier: MIT
"""The vault: every key on this computer, in one encrypted file.

Its own key lies in the operating system's keyring. Where there is none, as on a server without a
desktop, a passphrase takes its place. TIRTA_KEYS names another file.
"""

import os
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.files.paths import user_dir
from tirta.keys import box, passphrase
from tirta.keys.credential import Credential, node_key
from tirta.keys.uplink_key import UplinkKey
from tirta_format import access

_SERVICE, _ENTRY = "tirta", "vault"


@dataclass
class Vault:
    """`fleets` by name, `use` the one for new nodes; `serial` of the last credential issued."""

    fleets: dict[str, bytes] = field(default_factory=dict)
    use: str = ""
    serial: int = 0
    credentials: list[Credential] = field(default_factory=list)
    issued: int = 0  # Unix time in s of the last credential issued
    uplinks: list[UplinkKey] = field(default_factory=list)  # of a centre without the fleet's key

    def fleet(self, name: str = "") -> bytes:
        """Return a fleet's key, or that of the fleet in use. Raises TirtaError."""
        try:
            return self.fleets[name or self.use]
        except KeyError as error:
            known = ", ".join(sorted(self.fleets)) or "none"
            raise TirtaError(
                f"There is no key of fleet {name}." if name else "There is no fleet key here.",
                f"Known: {known}. Make one with `tirta keys init`, or `tirta keys import` it.",
            ) from error

    def node_key(self, node: str, fleet: str = "") -> bytes:
        """Return the key of a node of that fleet."""
        return node_key(self.fleet(fleet), node)

    def candidates(self, node: str, role: int) -> list[Credential]:
        """Return what may open a node for at least this role, the likeliest first."""
        now = time.time()
        found = [c for c in self.credentials if c.node == node and c.role >= role]
        found = [c for c in found if c.expires >= now]
        found.sort(key=lambda c: (c.role, -c.issued))
        names = sorted(self.fleets, key=lambda name: name != self.use)
        return found + [Credential.own(self.node_key(node, n), node, role) for n in names]

    def expired(self, node: str, role: int) -> int:
        """Return when the last credential that would open a node expired, Unix time; 0: there is
        none.
        """
        found = [c.expires for c in self.credentials if c.node == node and c.role >= role]
        return max((when for when in found if when < time.time()), default=0)

    def add(self, credential: Credential) -> None:
        """Keep a credential; of one key of a node and one role only the newest.

        So while a node's key is changed, the credentials of both keys are here.
        """
        kind = credential.node, credential.name, credential.role
        same = [c for c in self.credentials if (c.node, c.name, c.role) == kind]
        others = [c for c in self.credentials if c not in same]
        newest = max([*same, credential], key=lambda c: (c.issued, c.serial))
        self.credentials = [*others, newest]

    def uplink_keys(self, node: str) -> dict[bytes, bytes]:
        """Return the uplink keys of a node by the names of its keys: those that were imported, and
        those of every fleet whose key is here.
        """
        own = [UplinkKey.make(node_key(fleet, node), node) for fleet in self.fleets.values()]
        return {u.name: u.key for u in [*self.uplinks, *own] if u.node == node}

    def as_json(self) -> dict[str, Any]:
        """Return all that is kept, keys in hex; `from_json` reads it."""
        return {
            "fleets": {name: key.hex() for name, key in self.fleets.items()},
            "use": self.use,
            "serial": self.serial,
            "issued": self.issued,
            "credentials": [c.as_json() for c in self.credentials],
            "uplinks": [u.as_json() for u in self.uplinks],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Vault":
        """Read what `as_json` gave. Raises TirtaError for anything else."""
        try:
            fleets = {str(n): bytes.fromhex(key) for n, key in content.get("fleets", {}).items()}
            serial, issued = (_whole(content.get(key, 0)) for key in ("serial", "issued"))
            credentials = [Credential.from_json(c) for c in content.get("credentials", [])]
            uplinks = [UplinkKey.from_json(u) for u in content.get("uplinks", [])]
        except (AttributeError, TypeError, ValueError) as error:
            raise not_ours() from error
        if any(len(key) != access.KEY_SIZE for key in fleets.values()):
            raise not_ours()
        return cls(fleets, str(content.get("use", "")), serial, credentials, issued, uplinks)


def _whole(number: object) -> int:
    """A number that fits into 32 bits. Raises ValueError."""
    if not isinstance(number, int) or not 0 <= number < 1 << 32:
        raise ValueError(number)
    return number


def not_ours() -> TirtaError:
    """Make the error for a file that opens and holds something else than keys."""
    return TirtaError(
        "What is in the file are no keys of Tirta.", "Ask whoever made it for another one."
    )


def path() -> Path:
    """Return where the vault is."""
    if named := os.environ.get("TIRTA_KEYS"):
        return Path(named)
    return user_dir() / "keys"


_opened: dict[Path, bytes | str] = {}  # what opened a vault in this process: asked for once


_opening = threading.Lock()  # several nodes may need it at once, and a person is asked once


def load(why: str = "") -> Vault:
    """Open the vault, or an empty one; `why`, as in "for node 02fb…", is told to who must open
    it.

    Raises TirtaError when it cannot be opened.
    """
    try:
        data = path().read_bytes()
    except FileNotFoundError:
        return Vault()
    except OSError as error:
        raise TirtaError(f"Cannot read {path()}: {error.strerror}.") from error
    with _opening:
        if path() not in _opened:
            _opened[path()] = _key_of(data, why)
        try:
            return Vault.from_json(box.open_(data, _opened[path()], str(path())))
        except TirtaError:
            del _opened[path()]
            raise


def save(vault: Vault) -> None:
    """Write the vault anew, readable by its owner alone."""
    if path() not in _opened:
        _opened[path()] = _new_key()
    atomic.write_secret(path(), box.close(vault.as_json(), _opened[path()]))


def _key_of(data: bytes, why: str) -> bytes | str:
    if box.kind(data) == box.PASSPHRASE:
        mine = f"the keys on this computer, {path()}"
        return passphrase.ask(f"{mine}, {why}" if why else mine)
    kept = _from_keyring()
    if kept is None:
        raise TirtaError(
            "The keyring of this computer no longer has the key of Tirta's keys.",
            f"Unlock the keyring; if the entry is gone, delete {path()} and import the keys again.",
        )
    return kept


def _new_key() -> bytes | str:
    key = _from_keyring() or secrets.token_bytes(box.KEY_BYTES)
    if _into_keyring(key):
        return key
    return passphrase.choose(f"the keys on this computer, {path()} (it has no keyring)")


def _from_keyring() -> bytes | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        kept = keyring.get_password(_SERVICE, _ENTRY)
    except KeyringError:
        return None
    try:
        return bytes.fromhex(kept) if kept else None
    except ValueError:
        return None  # another program's: as good as gone


def _into_keyring(key: bytes) -> bool:
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(_SERVICE, _ENTRY, key.hex())
        return keyring.get_password(_SERVICE, _ENTRY) == key.hex()
    except KeyringError:
        return False
